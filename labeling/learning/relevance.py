"""Where in a picture a prediction comes from: patches covered one after the other, and tests of such maps.

The model is only ever asked, never opened, so that a map means the same for every embedder and head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]
Ask = Callable[[list[Picture]], Floats]
"""Pictures to predicted scores."""

CELLS = 8
BATCH = 16


def relevance_map(picture: Picture, ask: Ask, cells: int = CELLS) -> Floats:
    """How much the prediction falls when a patch is covered (Zeiler and Fergus 2014).

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
    ask : callable
    cells : int
        Patches along each side.

    Returns
    -------
    ndarray of float64, shape (cells, cells)
        Scale units; above 0 where a patch speaks for the picture, below 0 where it speaks against it.
    """
    covered = (covering(picture, [(row, column)], cells) for row in range(cells) for column in range(cells))
    whole = ask([picture])[0]
    return np.asarray(whole - np.concatenate([ask(batch) for batch in _batches(covered)]).reshape(cells, cells))


def covering(picture: Picture, patches: list[tuple[int, int]], cells: int = CELLS) -> Picture:
    """The picture with some patches in its mean colour."""
    out = picture.copy()
    height, width = picture.shape[:2]
    mean = picture.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    for row, column in patches:
        out[
            height * row // cells : height * (row + 1) // cells, width * column // cells : width * (column + 1) // cells
        ] = mean
    return out


def deletion_effect(
    picture: Picture, ask: Ask, order: npt.NDArray[np.int64], share: float, cells: int = CELLS
) -> float:
    """By how much, up or down, the prediction moves when the first patches of an order are covered together.

    Parameters
    ----------
    order : ndarray of int64, shape (cells * cells,)
        Patches, numbered row by row.
    share : float
        Share of the patches that are covered.
    """
    count = max(1, round(share * cells * cells))
    patches = [divmod(int(k), cells) for k in order[:count]]
    whole, left = ask([picture, covering(picture, patches, cells)])
    return float(abs(whole - left))


def edge_order(picture: Picture, cells: int = CELLS) -> npt.NDArray[np.int64]:
    """Patches by the strength of their edges, strongest first: what a map that only finds edges would say."""
    grey = picture.astype(np.float64).mean(axis=2)
    down, across = np.gradient(grey)
    energy = np.hypot(down, across)
    height, width = grey.shape
    sums = [
        energy[height * r // cells : height * (r + 1) // cells, width * c // cells : width * (c + 1) // cells].mean()
        for r in range(cells)
        for c in range(cells)
    ]
    return np.argsort(-np.array(sums), kind="stable")


def _batches(pictures: Iterator[Picture]) -> Iterator[list[Picture]]:
    batch: list[Picture] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

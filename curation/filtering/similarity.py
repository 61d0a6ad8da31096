"""Rules on where a photo lies among others: like some exemplars, far from everything, one scene."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Vectors = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

BLOCK = 2048
MAD_TO_SD = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""


def likeness(vectors: Vectors, exemplars: Vectors) -> Scores:
    """Largest cosine of each picture to an exemplar, -1 to 1; shape (n,)."""
    return np.asarray((vectors @ exemplars.T).max(axis=1), dtype=np.float64)


def neighbour_distance(vectors: Vectors, reference: Vectors, own: npt.NDArray[np.int64], neighbours: int) -> Scores:
    """Cosine distance of each picture to its k-th nearest neighbour in a reference, exactly (Ramaswamy 2000).

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        L2-normalised.
    reference : ndarray of float32, shape (m, d)
    own : ndarray of int, shape (n,)
        Which row of the reference is the picture itself; -1 where none is.
    neighbours : int
        k, at most m - 1; 0 takes half of the reference, so that strangers do not hide among their like.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 (k neighbours are equal) to 2.
    """
    k = max(1, min(neighbours or len(reference) // 2, len(reference) - 1))
    found = np.empty(len(vectors))
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ reference.T
        itself = own[start : start + BLOCK]
        rows = np.flatnonzero(itself >= 0)
        cosines[rows, itself[rows]] = -np.inf
        place = cosines.shape[1] - k
        found[start : start + BLOCK] = 1 - np.partition(cosines, place, axis=1)[:, place].astype(np.float64)
    return found


def robust_deviation(values: Scores) -> Scores:
    """Values as deviations from their median, in robust standard deviations; NaN stays NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return values
    middle = np.median(known)
    spread = MAD_TO_SD * np.median(np.abs(known - middle))
    return np.asarray((values - middle) / spread if spread > 0 else values - middle)


def reference_rows(photo_ids: Sequence[str], size: int) -> npt.NDArray[np.int64]:
    """Which photos serve as the reference: those with the smallest hashes, so that content alone decides."""
    if len(photo_ids) <= size:
        return np.arange(len(photo_ids))
    keys = [draw("typicality", photo_id) for photo_id in photo_ids]
    return np.sort(np.argsort(np.array(keys), kind="stable")[:size])


def scenes(vectors: Vectors, similarity: float) -> npt.NDArray[np.int64]:
    """Number of the scene of each picture: pictures are of one scene where a chain of like ones joins them.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
    similarity : float
        Cosine from which two pictures are linked.
    """
    rows: list[npt.NDArray[np.int64]] = []
    columns: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(vectors), BLOCK):
        left, right = np.nonzero(vectors[start : start + BLOCK] @ vectors[start:].T >= similarity)
        rows.append(left + start)
        columns.append(right + start)
    if not rows:
        return np.empty(0, np.int64)
    row, column = np.concatenate(rows), np.concatenate(columns)
    links = coo_array((np.ones(len(row), np.int8), (row, column)), shape=(len(vectors), len(vectors)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def places_in_groups(
    photo_ids: Sequence[str], groups: Sequence[object], counted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Place of each counted photo within its group, from 1, in an order drawn by hash.

    Parameters
    ----------
    photo_ids : sequence of str
    groups : sequence
        Name of the group; None where a photo belongs to none.
    counted : ndarray of bool
        Photos that other rules let pass.

    Returns
    -------
    ndarray of float64
        NaN for photos that are in no group or not counted.
    """
    places = np.full(len(photo_ids), np.nan)
    taken: dict[object, int] = {}
    for k in sorted(range(len(photo_ids)), key=lambda k: draw("cap", photo_ids[k])):
        if counted[k] and groups[k] is not None:
            taken[groups[k]] = taken.get(groups[k], 0) + 1
            places[k] = taken[groups[k]]
    return places


def draw(purpose: str, photo_id: str) -> str:
    """A photo's lot for a purpose: the same on every machine, unrelated to how the photo looks."""
    return hashlib.sha256(f"{purpose}:{photo_id}".encode()).hexdigest()

"""Facility location: the photos that together stand nearest to all others of their stratum.

k-center would pick outliers; facility location picks what is typical of every part of the space. The greedy
choice reaches at least 1 - 1/e of the best (Nemhauser et al. 1978); lazy evaluation (Minoux 1978) gives the same
choice with a fraction of the work.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.selection.pool import Codes, Ints

LARGEST_BLOCK = 2000
"""Similarities of one block fit in 16 MB; larger strata are covered block by block."""


LEAST_GAIN = 1e-3
"""Where everything is covered, margins still decide."""

FAVOUR = 0.5
"""How strongly bins that are short of photos are favoured: e^0.5 for a whole photo, per property."""


@dataclass(frozen=True)
class Margins:
    """How many photos each bin of each property is short of; coverage alone would choose the middle of all.

    Parameters
    ----------
    codes : ndarray of integers, shape (n, k)
        Bin of each row, per property.
    short : ndarray of float64, shape (k, bins)
        Photos that each bin is short of; below 0 where it has too many. Shared between strata: what one stratum
        could not give, the next is asked for.
    """

    codes: Codes
    short: npt.NDArray[np.float64]

    def of(self, rows: Ints) -> Margins:
        """The same for some of the rows."""
        return Margins(self.codes[rows], self.short)

    def favour(self, row: int) -> float:
        """What a row's gain is multiplied by: it only ever shrinks while rows are taken."""
        short = self.short[np.arange(len(self.short)), self.codes[row]]
        return float(np.exp(FAVOUR * np.minimum(short, 1.0).sum()))

    def take(self, row: int) -> None:
        """A row was chosen."""
        self.short[np.arange(len(self.short)), self.codes[row]] -= 1


def facility_location(vectors: npt.NDArray[np.float32], wanted: int, margins: Margins | None = None) -> Ints:
    """Rows that cover all rows best.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        L2-normalised rows.
    wanted : int
        How many rows to choose.
    margins : Margins, optional
        Favours rows whose properties are rare among those chosen.

    Returns
    -------
    ndarray of int64, shape (min(wanted, n),)
        Rows in the order of choice: any beginning of it is a good choice of its length.
    """
    n = len(vectors)
    if wanted >= n:
        wanted = n
    similar = np.maximum(vectors @ vectors.T, 0.0).astype(np.float32)
    covered = np.zeros(n, dtype=np.float32)
    # Gains only ever shrink, and so do favours: an old figure is an upper bound.
    heap = [
        (-(float(gain) + LEAST_GAIN) * margins.favour(row) if margins else -float(gain), row)
        for row, gain in enumerate(similar.sum(axis=1, dtype=np.float64))
    ]
    heapq.heapify(heap)
    chosen: list[int] = []
    while len(chosen) < wanted:
        _, row = heapq.heappop(heap)
        gain = float(np.maximum(similar[row] - covered, 0.0).sum(dtype=np.float64))
        gain = (gain + LEAST_GAIN) * margins.favour(row) if margins else gain
        if not heap or gain >= -heap[0][0] - 1e-9:
            chosen.append(row)
            if margins:
                margins.take(row)
            np.maximum(covered, similar[row], out=covered)
        else:
            heapq.heappush(heap, (-gain, row))
    return np.array(chosen, dtype=np.int64)


def covering(vectors: npt.NDArray[np.float32], wanted: int, margins: Margins | None = None) -> Ints:
    """Rows that cover all rows, worked out in blocks where there are many; ascending.

    Rows must come in random order where there are more than `LARGEST_BLOCK`: block i holds every b-th row.
    """
    blocks = -(-len(vectors) // LARGEST_BLOCK)
    if blocks <= 1:
        return np.sort(facility_location(vectors, wanted, margins))
    parts = []
    for block in range(blocks):
        rows = np.arange(block, len(vectors), blocks)
        share = wanted // blocks + (block < wanted % blocks)
        parts.append(rows[facility_location(vectors[rows], share, margins.of(rows) if margins else None)])
    return np.sort(np.concatenate(parts))


def coverage(vectors: npt.NDArray[np.float32], chosen: Ints) -> float:
    """Mean similarity of every row to its nearest chosen row, 0 to 1: the figure that is made large."""
    if not len(chosen):
        return 0.0
    return float(np.maximum(vectors @ vectors[chosen].T, 0.0).max(axis=1).mean())

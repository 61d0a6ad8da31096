"""Photos whose rating would teach a head most: those that take most uncertainty off the whole pool.

Uncertainty alone picks loners; here a photo counts by all the photos that stand near it. The predicted score keeps
the choice from following one level of beauty: it is spread evenly over bins of the prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.learning.heads import Head
from labeling.learning.loop import most_informative
from labeling.selection.flattening import apportioned, bins

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS = 5
BLOCK = 2000
"""Photos that are weighed against each other: their covariance takes 32 MB."""
PER_BLOCK = 400
"""Photos taken from a block, at most, before another one is looked at."""


@dataclass(frozen=True)
class Informed:
    """What was chosen.

    Attributes
    ----------
    rows : ndarray of int64, shape (k,)
        Rows, ascending.
    level : ndarray of int64, shape (k,)
        Bin of the predicted score, 0 (lowest) to `BINS` - 1.
    score, sd : ndarray of float64, shape (k,)
        What the head says of them now.
    """

    rows: Ints
    level: Ints
    score: Floats
    sd: Floats


def informed_rows(
    head: Head, vectors: Callable[[Ints], npt.NDArray[np.float32]], numbers: Floats, wanted: int
) -> Informed:
    """Choose rows of a pool for rating.

    Parameters
    ----------
    head : Head
        What was learnt so far.
    vectors : callable
        Rows of the pool to their embeddings, shape (rows, d), in the head's space; called once.
    numbers : ndarray of float64, shape (n,)
        The permanent random number of each row: of a large pool, those with the smallest are looked at.
    wanted : int
        How many; all rows where there are no more.
    """
    wanted = min(wanted, len(numbers))
    count = max(1, -(-wanted // PER_BLOCK))
    looked_at = np.argsort(numbers, kind="stable")[: count * BLOCK]
    if not wanted:
        empty = np.zeros(0)
        return Informed(np.zeros(0, np.int64), np.zeros(0, np.int64), empty, empty)
    seen = vectors(looked_at)
    known = np.flatnonzero(np.any(seen != 0, axis=1))  # a photo without an embedding cannot be weighed
    looked_at, seen = looked_at[known], seen[known]
    prediction = head.predict(seen)
    level = np.minimum(bins(prediction.score, BINS), BINS - 1).astype(np.int64)
    quotas = _quotas(level, min(wanted, len(known)))
    chosen = []
    for part in range(count):
        block = np.arange(part, len(known), count)
        share = np.array([quota // count + (part < quota % count) for quota in quotas])
        noise = float(head.ridge.noise[0])
        chosen.append(
            block[most_informative(head.covariance(seen[block]), int(share.sum()), noise, level[block], share)]
        )
    taken = np.concatenate(chosen)
    taken = taken[np.argsort(looked_at[taken])]
    return Informed(looked_at[taken], level[taken], prediction.score[taken], prediction.sd[taken])


def _quotas(level: Ints, wanted: int) -> Ints:
    """How many of each level: as even as the supply allows."""
    there = np.bincount(level, minlength=BINS).astype(np.int64)
    quotas = np.zeros(BINS, dtype=np.int64)
    while (left := wanted - int(quotas.sum())) > 0:
        free = (there > quotas).astype(np.float64)
        quotas += apportioned(free * left / free.sum(), there - quotas, left)
    return quotas

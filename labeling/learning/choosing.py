"""Which photos to rate next: those whose rating takes most uncertainty off everything that is to be predicted.

Uncertainty alone picks loners; here a photo counts by all the photos that stand near it, those among them that
cannot be chosen included (a vector is known of every photo, votes of few). The predicted score keeps the choice
from following one level of beauty.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labeling.selection.flattening import apportioned

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LEVELS = 5


def informed_choice(unsure: Floats, free: Mask, score: Floats, count: int, noise: float) -> Ints:
    """Rows to rate: most uncertainty off all rows, spread evenly over levels of the predicted score.

    Parameters
    ----------
    unsure : ndarray of float64, shape (n, n)
        Posterior covariance of the scores of everything that is to be predicted.
    free : ndarray of bool, shape (n,)
        Rows that may be chosen.
    score : ndarray of float64, shape (n,)
        What is predicted now.
    count : int
        Rows wanted; fewer come where fewer are free.
    noise : float
        Variance of a photo's mean vote around its score.
    """
    level = levels(score, free)
    return most_informative(unsure, count, noise, free, level, even_quotas(level[free], count))


def levels(score: Floats, free: Mask) -> Ints:
    """The level of each free row, 0 (lowest) to `LEVELS` - 1, each with as many rows; -1 for the others."""
    found = np.full(len(score), -1, dtype=np.int64)
    order = np.argsort(score[free], kind="stable")
    found[np.flatnonzero(free)[order]] = np.arange(len(order)) * LEVELS // max(len(order), 1)
    return found


def even_quotas(level: Ints, wanted: int) -> Ints:
    """How many rows of each level: as even as the supply allows; all rows where fewer than wanted are there."""
    there = np.bincount(level, minlength=LEVELS).astype(np.int64)
    wanted = min(wanted, len(level))
    quotas = np.zeros(LEVELS, dtype=np.int64)
    while (left := wanted - int(quotas.sum())) > 0:
        short = (there > quotas).astype(np.float64)
        quotas += apportioned(short * left / short.sum(), there - quotas, left)
    return quotas


def most_informative(
    unsure: Floats,
    count: int,
    noise: float,
    free: Mask | None = None,
    level: Ints | None = None,
    quotas: Ints | None = None,
) -> Ints:
    """Greedily the rows whose rating takes most variance off all rows together (Seo et al. 2000).

    Parameters
    ----------
    unsure : ndarray of float64, shape (n, n)
        Posterior covariance of the scores.
    count : int
        Rows to take; fewer where quotas or free rows run out.
    noise : float
        Variance of a photo's mean vote around its score.
    free : ndarray of bool, shape (n,), optional
        Rows that may be taken; all where it is None.
    level, quotas : ndarray of int64, shapes (n,) and (levels,), optional
        Level of each row, and how many rows of each level may be taken.
    """
    n = len(unsure)
    free = np.ones(n, dtype=bool) if free is None else free.copy()
    level = np.zeros(n, dtype=np.int64) if level is None else level
    left = np.full(1, n) if quotas is None else quotas.copy()
    variance = np.diag(unsure).copy()
    # Sums of squared covariances, kept up to date; the matrix itself stays, what ratings took off it is aside.
    squares = np.einsum("ij,ij->j", unsure, unsure)
    off = np.zeros((n, min(count, n)))
    taken: list[int] = []
    while len(taken) < count and np.any(allowed := free & (left[level] > 0)):
        best = int(np.argmax(np.where(allowed, squares / (variance + noise), -1.0)))
        known = off[:, : len(taken)]
        column = unsure[:, best] - known @ known[best]
        scale = 1 / (column[best] + noise)
        turned = unsure @ column - known @ (known.T @ column)
        squares += scale * column * (scale * column * float(column @ column) - 2 * turned)
        variance -= scale * column**2
        off[:, len(taken)] = np.sqrt(scale) * column
        taken.append(best)
        free[best] = False
        left[level[best]] -= 1
    return np.array(taken, dtype=np.int64)


def farthest(distance: Floats, seen: Ints, left: Ints, count: int) -> Ints:
    """Of `left`, one after the other the row that is farthest from all seen or taken (k-center)."""
    near = distance[np.ix_(left, seen)].min(axis=1)
    taken: list[int] = []
    for _ in range(count):
        best = int(np.argmax(near))
        taken.append(best)
        near = np.minimum(near, distance[left, left[best]])
        near[taken] = -1
    return np.asarray(left[taken])

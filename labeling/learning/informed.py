"""Photos of a collection whose rating would teach a head most: those that take most uncertainty off all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.learning.choosing import even_quotas, levels, most_informative
from labeling.learning.heads import Head

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BLOCK = 2000
"""Photos that are weighed against each other, and at most as many beside them: their covariance takes 128 MB."""
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
        Level of the predicted score, 0 (lowest) to `choosing.LEVELS` - 1.
    score, sd : ndarray of float64, shape (k,)
        What the head says of them now.
    """

    rows: Ints
    level: Ints
    score: Floats
    sd: Floats


def informed_rows(
    head: Head, vectors: Callable[[Ints], npt.NDArray[np.float32]], numbers: Floats, free: Mask, wanted: int
) -> Informed:
    """Choose photos for rating.

    Parameters
    ----------
    head : Head
        What was learnt so far.
    vectors : callable
        Rows of the collection to their embeddings, shape (rows, d), in the head's space; called once.
    numbers : ndarray of float64, shape (n,)
        The permanent random number of each photo: of a large collection, those with the smallest are looked at.
    free : ndarray of bool, shape (n,)
        Photos that may be chosen. The others are to be predicted as well.
    wanted : int
        How many; all free photos where there are no more.
    """
    wanted = min(wanted, int(free.sum()))
    if not wanted:
        return _nothing()
    count = -(-wanted // PER_BLOCK)
    looked_at = _looked_at(numbers, free, count * BLOCK)
    seen = vectors(looked_at)
    known = np.flatnonzero(np.any(seen != 0, axis=1))  # a photo without an embedding cannot be weighed
    looked_at, seen = looked_at[known], seen[known]
    ours = np.flatnonzero(free[looked_at])
    if not len(ours):
        return _nothing()
    prediction = head.predict(seen)
    level = levels(prediction.score, free[looked_at])
    quotas = even_quotas(level[ours], wanted)
    noise = float(head.ridge.noise[0])
    others = np.flatnonzero(~free[looked_at])
    chosen = []
    for part in range(count):
        block = np.concatenate([ours[part::count], others[part::count]])
        share = np.array([quota // count + (part < quota % count) for quota in quotas])
        may = free[looked_at[block]]
        covariance = head.covariance(seen[block])
        chosen.append(block[most_informative(covariance, int(share.sum()), noise, may, level[block], share)])
    taken = np.concatenate(chosen)
    taken = taken[np.argsort(looked_at[taken])]
    return Informed(looked_at[taken], level[taken], prediction.score[taken], prediction.sd[taken])


def _looked_at(numbers: Floats, free: Mask, most: int) -> Ints:
    """Up to `most` free rows with the smallest numbers, and of the other rows as large a share, up to as many."""
    order = np.argsort(numbers, kind="stable")
    ours, others = order[free[order]], order[~free[order]]
    others = others[:most]
    if len(ours) > most:
        ours = ours[:most]
        others = others[numbers[others] <= numbers[ours[-1]]]
    return np.concatenate([ours, others])


def _nothing() -> Informed:
    return Informed(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))

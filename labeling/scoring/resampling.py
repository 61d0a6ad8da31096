"""A bootstrap over raters: how scores would move with other raters of the same kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labeling.scoring.two_way import two_way
from labeling.scoring.votes import Floats, Ints, VoteSet

ENDS = (2.5, 97.5)
AT_ONCE = 65_536
"""Photos whose draws are copied and sorted together."""


@dataclass(frozen=True)
class Resampled:
    """Spread of the scores over resampled raters.

    Parameters
    ----------
    se, low, high : ndarray of float64, shape (photos,)
        Standard deviation and the middle 95 % of the scores; NaN for photos with votes in fewer than two draws.
    draws : ndarray of int64, shape (photos,)
        Draws in which the photo had a vote.
    """

    se: Floats
    low: Floats
    high: Floats
    draws: Ints


def release_default(votes: VoteSet) -> Floats:
    """Scores of the release default."""
    return two_way(votes, errors=False).quality


def bootstrap_raters(
    votes: VoteSet, draws: int = 200, seed: int = 0, model: Callable[[VoteSet], Floats] = release_default
) -> Resampled:
    """Draw whole raters with replacement, each draw's rater being a rater of their own, and score again.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993). Raters are the unit that is drawn, so
    the intervals speak of new raters, where a model's own speak of new votes of these raters.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    draws : int
        How many samples of raters.
    seed : int
        Of the draws.
    model : callable
        From votes to scores, shape (photos,).

    Examples
    --------
    >>> votes = VoteSet.from_matrix([[1, 2, 1, 2], [4, 5, 5, 4]])
    >>> bool((bootstrap_raters(votes, draws=20).se < 1).all())
    True
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(votes.rater, kind="stable")
    counts = np.bincount(votes.rater, minlength=votes.raters)
    begins = np.cumsum(counts) - counts
    found = np.full((draws, votes.photos), np.nan)
    for draw in range(draws):
        chosen = rng.integers(0, votes.raters, votes.raters)
        sizes = counts[chosen]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = order[np.repeat(begins[chosen], sizes) + inside]
        photos, photo = np.unique(votes.photo[rows], return_inverse=True)
        rater = np.repeat(np.arange(votes.raters), sizes)
        sample = VoteSet(photo, rater, votes.value[rows], len(photos), votes.raters)
        found[draw, photos] = model(sample)
    times = draws - np.asarray(np.isnan(found).sum(axis=0), np.int64)
    enough = times > 1
    se, low, high = (np.full(votes.photos, np.nan) for _ in range(3))
    for start in range(0, votes.photos, AT_ONCE):
        places = start + np.flatnonzero(enough[start : start + AT_ONCE])
        some = found[:, places]
        se[places] = np.nanstd(some, axis=0, ddof=1)
        low[places], high[places] = np.nanpercentile(some, ENDS, axis=0)
    return Resampled(se, low, high, times)

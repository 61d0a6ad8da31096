"""From a pilot's spread to raters per photo, hours and cost; and which photos are settled.

Half-width of the 95 % interval of a mean of n votes: t(.975, n-1) · s / √n. Reliability of a mean of k raters by
Spearman and Brown: ICC(k) = k·ICC(1) / (1 + (k-1)·ICC(1)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from schemas.errors import WrongUse

MOST_RATERS = 10_000
CONFIDENCE = 0.975


@dataclass(frozen=True)
class Cost:
    """What a study takes: hours of rating, and pay."""

    hours: float
    pay: float


def half_width(n: int, sd: float) -> float:
    """Half-width of the 95 % interval of a mean of n votes, in the unit of `sd`; infinite for one vote."""
    if n < 2:
        return math.inf
    return float(stats.t.ppf(CONFIDENCE, n - 1)) * sd / math.sqrt(n)


def raters_for_half_width(wanted: float, sd: float) -> int:
    """Fewest votes per photo whose interval is at most ± `wanted`; both in scale units.

    Raises
    ------
    WrongUse
        More than 10,000 would be needed, or a figure is not above 0.
    """
    if not (wanted > 0 and sd > 0 and math.isfinite(sd)):
        raise WrongUse(f"an interval and a standard deviation above 0 are expected, got {wanted:g} and {sd:g}.")
    return int(_fewest(wanted, np.array([sd]))[0])


@cache
def _points() -> npt.NDArray[np.float64]:
    """t(.975, n - 1) for n = 0 to 10,000 votes; infinite below 2."""
    return np.concatenate([[math.inf, math.inf], stats.t.ppf(CONFIDENCE, np.arange(1, MOST_RATERS))])


def _fewest(wanted: float, sd: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Fewest votes for each standard deviation above 0; all at once, since a study has as many as it has photos."""
    votes = np.arange(2, MOST_RATERS + 1)
    narrow = _points()[votes] / np.sqrt(votes)
    near = np.searchsorted(-narrow, -wanted / sd) + 2
    # The quotient is rounded: the width itself decides between neighbours.
    tried = np.clip(near + np.array([[-1], [0], [1]]), 2, MOST_RATERS)
    holds = _points()[tried] * sd / np.sqrt(tried) <= wanted
    if not holds[-1].all():
        most = float(sd.max())
        raise WrongUse(
            f"an interval of ± {wanted:g} with a standard deviation of {most:.3g} needs over {MOST_RATERS:,} votes on "
            "a photo; ask for a wider one."
        )
    return np.asarray(tried[holds.argmax(axis=0), np.arange(len(sd))], np.int64)


def icc_of_mean(icc1: float, k: int) -> float:
    """Reliability of the mean of k raters."""
    return k * icc1 / (1 + (k - 1) * icc1)


def raters_for_icc(wanted: float, icc1: float) -> int:
    """Fewest raters per photo whose mean reaches ICC(k) = `wanted`, given ICC(1).

    Raises
    ------
    WrongUse
        A figure is not between 0 and 1.
    """
    if not 0 < wanted < 1 or not 0 < icc1 < 1:
        raise WrongUse(f"ICC(k) and ICC(1) between 0 and 1 are expected, got {wanted:g} and {icc1:g}.")
    exact = wanted * (1 - icc1) / (icc1 * (1 - wanted))
    return max(1, math.ceil(exact - 1e-9))


def cost_of(votes: int, seconds_per_vote: float, hourly_pay: float) -> Cost:
    """Hours and pay of that many votes."""
    hours = votes * seconds_per_vote / 3600
    return Cost(hours, hours * hourly_pay)


@dataclass(frozen=True)
class Spread:
    """What a pilot says about votes on one photo.

    Parameters
    ----------
    sd : float
        Pooled standard deviation of votes within a photo, scale units.
    icc1 : float
        Reliability of a single vote: variance between photos over total variance; NaN where it cannot be told.
    photos, votes : int
        What it rests on.
    """

    sd: float
    icc1: float
    photos: int
    votes: int


def spread_of(photo: npt.NDArray[np.int64], value: npt.NDArray[np.float64]) -> Spread | None:
    """Pooled spread within photos and ICC(1) of unbalanced one-way data; None where no photo has two votes.

    Parameters
    ----------
    photo : ndarray of int64, shape (votes,)
        Code of each vote's photo, from 0.
    value : ndarray of float64, shape (votes,)
        The votes, scale units.
    """
    _, codes, counts = np.unique(photo, return_inverse=True, return_counts=True)
    groups, total = len(counts), len(photo)
    if total <= groups:
        return None
    means = np.bincount(codes, value) / counts
    within = float(((value - means[codes]) ** 2).sum()) / (total - groups)
    icc1 = math.nan
    if groups > 1:
        between = float((counts * (means - value.mean()) ** 2).sum()) / (groups - 1)
        n0 = (total - float((counts**2).sum()) / total) / (groups - 1)
        variance = (between - within) / n0
        if variance + within > 0:
            icc1 = variance / (variance + within)
    return Spread(math.sqrt(within), icc1, groups, total)


def votes_missing(n: npt.NDArray[np.int64], sd: npt.NDArray[np.float64], wanted: float) -> npt.NDArray[np.int64]:
    """How many more votes each photo needs for an interval of ± `wanted`; 0 where it is settled.

    Parameters
    ----------
    n : ndarray of int64, shape (photos,)
        Votes that each photo has.
    sd : ndarray of float64, shape (photos,)
        Standard deviation to reckon with, scale units.
    wanted : float
        Half-width of the 95 % interval, scale units.
    """
    needed = np.full(len(sd), 2, np.int64)
    needed[sd > 0] = _fewest(wanted, sd[sd > 0])
    return np.asarray(np.maximum(0, needed - n))


PRIOR_VOTES = 8
"""A photo's own spread counts beside the pooled one as if that were known from this many votes."""


def shrunk_sd(
    photo: npt.NDArray[np.int64], value: npt.NDArray[np.float64], spread: Spread
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Votes per photo, and their standard deviation drawn towards the pooled one.

    With few votes a photo's own standard deviation is mostly chance: five equal votes do not settle it.

    Parameters
    ----------
    photo : ndarray of int64, shape (votes,)
        Code of each vote's photo, 0 to photos - 1, without gaps.
    value : ndarray of float64, shape (votes,)
        The votes.
    spread : Spread
        From `spread_of`.
    """
    n = np.bincount(photo)
    means = np.bincount(photo, value) / n
    squares = np.bincount(photo, (value - means[photo]) ** 2)
    variance = (squares + PRIOR_VOTES * spread.sd**2) / (n - 1 + PRIOR_VOTES)
    return n.astype(np.int64), np.sqrt(variance)

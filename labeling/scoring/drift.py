"""Drift, near-equal raters, and scales of several batches linked over common anchors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from labeling.scoring.reliability import pearson_by
from labeling.scoring.votes import Floats, VoteSet
from schemas.errors import BadInput

DRIFT_ALARM = 0.25
"""Change over a rater's session, in standard deviations of the residuals, that raises an alarm."""
FEWEST_COMMON = 20
ALIKE = 0.8
NO_SPREAD = 1e-9


def rater_drift(votes: VoteSet, residual: Floats, place: Floats) -> Floats:
    """How far each rater's votes move from the first place to the last, in SDs of that rater's residuals.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    residual : ndarray of float64, shape (votes,)
        Vote minus score and bias.
    place : ndarray of float64, shape (votes,)
        Position in the rater's order, or time; any unit.

    Returns
    -------
    ndarray of float64, shape (raters,)
        Slope times range over SD. `DRIFT_ALARM` is the limit where drift is taken for all raters together; a
        single rater's figure has its own error, about 3.5 / √votes. NaN where it cannot be told.

    Examples
    --------
    >>> votes = VoteSet.from_matrix([[1.0], [2.0], [3.0], [4.0]])
    >>> rater_drift(votes, np.array([-0.3, -0.1, 0.1, 0.3]), np.arange(4.0)).round(2).tolist()  # rises all the way
    [2.68]
    """
    everything = np.ones(len(place), bool)
    correlation = pearson_by(votes, place, residual, everything)
    n = votes.per_rater()
    mean = votes.per_rater(place) / n
    sd = np.sqrt(votes.per_rater((place - mean[votes.rater]) ** 2) / n)
    low, high = np.full(votes.raters, np.inf), np.full(votes.raters, -np.inf)
    np.minimum.at(low, votes.rater, place)
    np.maximum.at(high, votes.rater, place)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(correlation * (high - low) / sd, np.float64)


@dataclass(frozen=True)
class Trend:
    """Mean drift of all raters with its 95 % interval, in SDs of the residuals, and whether it is an alarm."""

    value: float
    low: float
    high: float
    alarm: bool


def common_drift(drift: Floats) -> Trend:
    """The raters' mean drift; an alarm where it exceeds .25 SD beyond doubt or by its value.

    Examples
    --------
    >>> common_drift(np.array([0.5, 0.6, 0.4, 0.5])).alarm
    True
    """
    known = drift[~np.isnan(drift)]
    if len(known) < 2:
        return Trend(float("nan"), float("nan"), float("nan"), False)
    mean, half = float(known.mean()), float(1.96 * known.std(ddof=1) / np.sqrt(len(known)))
    return Trend(mean, mean - half, mean + half, abs(mean) > DRIFT_ALARM)


def own_residuals(votes: VoteSet, quality: Floats) -> Floats:
    """Votes less each rater's own straight line over the scores, shape (votes,).

    What is left when a rater's level and use of the scale are taken out: raters who squeeze the scale, or give one
    value only, do not look alike for that.

    Examples
    --------
    >>> votes = VoteSet.from_matrix([[1, 4], [2, 4], [3, 4]])
    >>> bool(np.allclose(own_residuals(votes, np.array([1.0, 2.0, 3.0])), 0))  # both follow a straight line
    True
    """
    n = votes.per_rater()
    x = quality[votes.photo]
    dx = x - (votes.per_rater(x) / n)[votes.rater]
    dy = votes.value - (votes.per_rater(votes.value) / n)[votes.rater]
    xx = votes.per_rater(dx**2)
    slope = votes.per_rater(dx * dy) / np.where(xx > 1e-12, xx, np.inf)
    return np.asarray(dy - slope[votes.rater] * dx, np.float64)


def alike_raters(votes: VoteSet, residual: Floats, limit: float = ALIKE) -> list[tuple[int, int, float, int]]:
    """Pairs of raters whose residuals go together, as those of one person under two names would.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    residual : ndarray of float64, shape (votes,)
        As of `own_residuals`.
    limit : float
        Least correlation, over at least 20 common photos.

    Returns
    -------
    list of (int, int, float, int)
        Two raters, the correlation, and the photos in common; highest first. For a person to decide.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(40, 3))
    >>> values[:, 2] = values[:, 0]  # one person, two names
    >>> votes = VoteSet.from_matrix(values)
    >>> [(first, second) for first, second, _, _ in alike_raters(votes, votes.value)]
    [(0, 2)]
    """
    shape = (votes.photos, votes.raters)
    ones = sparse.coo_array((np.ones(len(residual)), (votes.photo, votes.rater)), shape).tocsc()
    total = sparse.coo_array((residual, (votes.photo, votes.rater)), shape).tocsc()
    seen = ones.copy()
    seen.data = np.ones_like(seen.data)
    mean = total.copy()
    mean.data = total.data / ones.data
    square = mean.copy()
    square.data = mean.data**2
    found = []
    for begin in range(0, votes.raters, 512):
        block = slice(begin, min(begin + 512, votes.raters))
        n = (seen[:, block].T @ seen).toarray()
        xy, x, y = ((a[:, block].T @ b).toarray() for a, b in ((mean, mean), (mean, seen), (seen, mean)))
        xx, yy = ((a[:, block].T @ b).toarray() for a, b in ((square, seen), (seen, square)))
        with np.errstate(invalid="ignore", divide="ignore"):
            spread_x, spread_y = n * xx - x**2, n * yy - y**2
            told = (spread_x > NO_SPREAD * n**2) & (spread_y > NO_SPREAD * n**2)
            r = np.where(told, (n * xy - x * y) / np.sqrt(spread_x * spread_y), 0.0)
        later = np.arange(votes.raters)[None, :] > np.arange(begin, block.stop)[:, None]
        first, second = np.nonzero((n >= FEWEST_COMMON) & (np.nan_to_num(r) >= limit) & later)
        found += [(begin + int(a), int(b), float(r[a, b]), int(n[a, b])) for a, b in zip(first, second, strict=True)]
    return sorted(found, key=lambda pair: -pair[2])


@dataclass(frozen=True)
class Link:
    """How another batch's scale is brought onto the reference's: reference = offset + slope · other.

    Parameters
    ----------
    offset, slope : float
        Of the line.
    offset_se : float
        Standard error of the line's height at the anchors' mean.
    residual_sd : float
        Spread of the anchors around the line, in scale units: how well one line joins the two.
    anchors : int
        Photos in common.
    slope_se : float
        Standard error of the slope, from leaving out one anchor at a time; 0 where the slope is held at 1.
    """

    offset: float
    slope: float
    offset_se: float
    residual_sd: float
    anchors: int
    slope_se: float

    def apply(self, score: Floats) -> Floats:
        """Scores of the other batch on the reference's scale."""
        return np.asarray(self.offset + self.slope * score, np.float64)


def link_by_anchors(reference: Floats, other: Floats, slope: bool = True) -> Link:
    """Mean-sigma linking of two scales over photos that both have rated.

    Source: Kolen and Brennan, Test Equating, Scaling, and Linking (2014), chapter 6.

    Parameters
    ----------
    reference, other : ndarray of float64, shape (anchors,)
        Scores of the anchors in the reference batch and in the other one.
    slope : bool
        Whether the other scale may be stretched as well as shifted.

    Raises
    ------
    BadInput
        Fewer than three anchors, or anchors without spread.

    Examples
    --------
    >>> link = link_by_anchors(np.array([1.0, 3.0, 5.0]), np.array([0.0, 50.0, 100.0]))
    >>> link.apply(np.array([25.0])).tolist()
    [2.0]
    """
    if len(reference) < 3:
        raise BadInput("scales are linked over at least three anchors", got=str(len(reference)))
    spread = float(other.std())
    if slope and spread < 1e-9:
        raise BadInput("the anchors have no spread", todo="Choose anchors from low to high.")
    factor = float(reference.std()) / spread if slope else 1.0
    offset = float(reference.mean() - factor * other.mean())
    residual = reference - offset - factor * other
    sd = float(np.sqrt((residual**2).sum() / (len(residual) - (2 if slope else 1))))
    slope_se = _jackknifed(reference, other) if slope else 0.0
    return Link(offset, factor, sd / float(np.sqrt(len(residual))), sd, len(residual), slope_se)


def _jackknifed(reference: Floats, other: Floats) -> float:
    """Standard error of the ratio of standard deviations."""
    keep = ~np.eye(len(reference), dtype=bool)
    left = np.array([reference[some].std() / max(float(other[some].std()), 1e-12) for some in keep])
    return float(np.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum()))

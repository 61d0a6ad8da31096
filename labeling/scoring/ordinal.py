"""A cumulative model: votes as ordered categories. A rating is not an interval scale until shown.

P(vote ≤ k) = logistic(τ_k - ψ_photo - Δ_rater). Ranks by ψ are compared with those of the release default.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from labeling.scoring.crossed import crossed_variances
from labeling.scoring.ordinal_fit import Places, Point, fitted, information
from labeling.scoring.reliability import MOST_CATEGORIES, spearman
from labeling.scoring.votes import Flags, Floats, VoteSet
from schemas.errors import BadInput

PRIOR = 0.05
"""Precision of a normal prior on ψ and Δ (SD 4.5 in logits): where all raters agree there is no finite maximum."""
NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Ordinal:
    """A fitted cumulative model.

    Parameters
    ----------
    quality : ndarray of float64, shape (photos,)
        ψ, in logits.
    se : ndarray of float64, shape (photos,)
        Its standard error, with the uncertainty of the raters' shifts; the thresholds, which all votes share, are held
        fast.
    shift : ndarray of float64, shape (raters,)
        Δ, in logits.
    thresholds : ndarray of float64, shape (categories - 1,)
        τ, ascending.
    categories : ndarray of float64, shape (categories,)
        The values that occur, ascending.
    expected : ndarray of float64, shape (photos,)
        Expected vote of a rater without shift, in scale units: a monotone function of ψ.
    low, high : ndarray of float64, shape (photos,)
        Ends of its 95 % interval: the expected votes at ψ ± 1.96 se.
    """

    quality: Floats
    se: Floats
    shift: Floats
    thresholds: Floats
    categories: Floats
    expected: Floats
    low: Floats
    high: Floats


def cumulative_model(votes: VoteSet, prior: float = PRIOR) -> Ordinal:
    """Fit by penalised maximum likelihood: see `ordinal_fit`.

    Source: McCullagh, Journal of the Royal Statistical Society B 42 (1980).

    Parameters
    ----------
    votes : VoteSet
        Votes on at most 21 distinct values.
    prior : float
        Precision of the normal prior on ψ and Δ; with 0 the scores are those of plain maximum likelihood, and
        may not be finite.

    Raises
    ------
    BadInput
        There are fewer than two or more than 21 values.

    Examples
    --------
    >>> fit = cumulative_model(VoteSet.from_matrix([[1, 2, 1], [2, 3, 3], [3, 3, 2]]))
    >>> bool(fit.quality[0] < fit.quality[1])
    True
    """
    categories, inverse = np.unique(votes.value, return_inverse=True)
    if not 2 <= len(categories) <= MOST_CATEGORIES:
        raise BadInput("a cumulative model needs 2 to 21 distinct values", got=str(len(categories)))
    place = inverse.astype(np.uint8)
    found = fitted(votes, place, _start(votes, place, len(categories)), prior)
    # Only τ - ψ - Δ matters: shifts get mean 0, and so do the scores.
    thresholds = found.thresholds - found.quality.mean() - found.shift.mean()
    quality, shift = found.quality - found.quality.mean(), found.shift - found.shift.mean()
    weights = votes.incidence(information(votes, place, Point(thresholds, quality, shift)))
    added, _, _ = crossed_variances(weights, *votes.components(), prior)
    se = np.sqrt(1 / (np.asarray(weights.sum(axis=1)).ravel() + prior) + added)
    expected, low, high = (
        _expected(thresholds, quality + step * se, categories) for step in (0.0, -NORMAL_95, NORMAL_95)
    )
    return Ordinal(quality, se, shift, thresholds, categories, expected, low, high)


def _start(votes: VoteSet, place: Places, categories: int) -> Point:
    """All photos and raters alike, with the thresholds that the votes then have."""
    below = np.cumsum(np.bincount(place, minlength=categories))[:-1] / len(place)
    return Point(np.asarray(logit(below), np.float64), np.zeros(votes.photos), np.zeros(votes.raters))


def _expected(thresholds: Floats, quality: Floats, categories: Floats) -> Floats:
    above = expit(quality[:, None] - thresholds[None, :])
    return np.asarray(categories[0] + above @ np.diff(categories), np.float64)


@dataclass(frozen=True)
class Comparison:
    """How the cumulative model orders photos, beside a model of means.

    Parameters
    ----------
    rank_correlation : float
        Spearman's, of both scores.
    moved : ndarray of bool, shape (photos,)
        Photos whose place among all moves beyond the places that their interval spans.
    """

    rank_correlation: float
    moved: Flags


def compare_order(score: Floats, low: Floats, high: Floats, other: Floats) -> Comparison:
    """Compare two scores of the same photos by order.

    Parameters
    ----------
    score, low, high : ndarray of float64, shape (photos,)
        A score with its interval; NaN ends are taken as no interval, so that nothing moves beyond it.
    other : ndarray of float64, shape (photos,)
        Another score, in any unit.

    Examples
    --------
    >>> a = np.array([1.0, 2.0, 3.0])
    >>> compare_order(a, a - 0.1, a + 0.1, np.array([2.0, 1.0, 3.0])).moved.tolist()
    [True, True, False]
    """
    ordered = np.sort(score)
    lowest = np.searchsorted(ordered, np.where(np.isnan(low), -np.inf, low), side="left")
    highest = np.searchsorted(ordered, np.where(np.isnan(high), np.inf, high), side="right")
    others = np.sort(other)
    first, last = np.searchsorted(others, other, side="left"), np.searchsorted(others, other, side="right")
    return Comparison(spearman(score, other), (last <= lowest) | (first >= highest))

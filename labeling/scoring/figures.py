"""Figures beside the reliability of scores: taste, the order of photos by another model, drift, test and retest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from labeling.scoring.counted import CountedVotes
from labeling.scoring.drift import common_drift, rater_drift
from labeling.scoring.mos import SLIDER_BINS
from labeling.scoring.ordinal import Comparison
from labeling.scoring.reliability import MOST_CATEGORIES, Figure, around, retest
from labeling.scoring.taste import design_weighted_mean, taste_components
from labeling.scoring.two_way import TwoWay
from labeling.scoring.votes import Floats, Ints, VoteSet

JACKKNIFE = "jackknife over raters and photos"
NOTHING = float("nan")
RESAMPLES = 400


def taste_figures(votes: VoteSet, seed: int) -> list[Figure]:
    """Variance components and beholder indices; only those that the design can tell."""
    if votes.photos < 2 or votes.raters < 2 or len(votes.value) <= votes.photos + votes.raters:
        return []
    found = taste_components(votes, seed=seed)
    names = ("photo", "rater", "photo_rater", "error", "photo_rater_and_error")
    figures = {f"variance_{name}": getattr(found, name) for name in names}
    figures |= {"icc2": found.icc2, "icc3": found.icc3}
    figures |= {"beholder1": found.beholder1, "beholder2": found.beholder2}
    told = [Figure(name, one.value, one.low, one.high, JACKKNIFE) for name, one in figures.items() if one is not None]
    return told + _retest_figures(votes, seed)


def _retest_figures(votes: VoteSet, seed: int) -> list[Figure]:
    """Correlation and error of raters' first two votes on a photo, where there are any."""
    cell = votes.photo * votes.raters + votes.rater
    order = np.argsort(cell, kind="stable")
    again = np.flatnonzero(np.diff(cell[order]) == 0)
    first_of_cell = np.r_[True, np.diff(cell[order]) != 0]
    pairs = again[first_of_cell[again]]
    if len(pairs) < 3:
        return []
    one, other, rater = votes.value[order[pairs]], votes.value[order[pairs + 1]], votes.rater[order[pairs]]
    rng = np.random.default_rng(seed)
    drawn = [
        _retest(one, other, rng.multinomial(votes.raters, [1 / votes.raters] * votes.raters)[rater])
        for _ in range(RESAMPLES)
    ]
    found = np.array(drawn)
    point = _retest(one, other, np.ones(len(one), np.int64))
    names = ("retest", "retest_error")
    return [around(name, point[k], found[:, k], "resampled raters") for k, name in enumerate(names)]


def _retest(one: Floats, other: Floats, times: Ints) -> tuple[float, float]:
    """Which of the two votes came first is not part of the figure: both orders enter."""
    first, second = np.repeat(one, times), np.repeat(other, times)
    return retest(np.r_[first, second], np.r_[second, first])


def has_order(votes: VoteSet, bins: int) -> bool:
    """Whether a cumulative model says anything of these votes: 2 to 21 distinct values that are no slider's."""
    values = len(np.unique(votes.value))
    sliders = bins == SLIDER_BINS and values > MOST_CATEGORIES
    return not sliders and 2 <= values <= MOST_CATEGORIES and votes.photos >= 3


def order_figures(found: Comparison) -> list[Figure]:
    """Rank correlation with the cumulative model, and the share of photos whose place moves beyond its interval."""
    return [
        Figure("ordinal_rank_correlation", found.rank_correlation, NOTHING, NOTHING, "none"),
        Figure("ordinal_moved_share", float(found.moved.mean()), NOTHING, NOTHING, "none"),
    ]


def drawn_figures(photo_ids: pa.Array, fit: TwoWay, probability: Mapping[str, float]) -> list[Figure]:
    """Mean score of the photos that were chosen with a known probability, and of all that they stand for."""
    places = [place for place, photo in enumerate(photo_ids.to_pylist()) if photo in probability]
    if len(places) < 2:
        return []
    score, se = fit.quality[places], fit.se[places]
    chance = np.array([probability[photo_ids[place].as_py()] for place in places])
    even = design_weighted_mean(score, np.ones(len(places)), se)
    weighted = design_weighted_mean(score, chance, se)
    return [
        Figure("mean_of_chosen", even.value, even.low, even.high, "votes"),
        Figure("design_weighted_mean", weighted.value, weighted.low, weighted.high, "draws of photos, and votes"),
    ]


def rater_trends(counted: CountedVotes, fit: TwoWay) -> Floats:
    """Each rater's drift over the own order, in SDs of the own residuals; NaN where the order is not known."""
    votes, order = counted.votes, counted.cast_order()
    if order is None or votes.raters < 2:
        return np.full(votes.raters, np.nan)
    place = np.empty(len(order))
    place[order] = np.arange(len(order))
    residual = votes.value - fit.quality[votes.photo] - fit.bias[votes.rater]
    return rater_drift(votes, residual, _ranks_within(votes.rater, place))


def drift_figures(trends: Floats) -> list[Figure]:
    """Mean drift of all raters, where at least two can be told."""
    if np.isfinite(trends).sum() < 2:
        return []
    trend = common_drift(trends)
    return [Figure("drift", trend.value, trend.low, trend.high, "raters")]


def _ranks_within(group: Ints, place: Floats) -> Floats:
    """Each vote's place in the order of its rater, from 0."""
    order = np.lexsort((place, group))
    begins = np.r_[True, np.diff(group[order]) != 0]
    number = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    ranks = np.empty(len(order))
    ranks[order] = number
    return ranks

"""Figures beside the reliability of scores: taste, the order of photos by another model, drift, test and retest."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from labeling.scoring.checks import vote_order
from labeling.scoring.drift import common_drift, rater_drift
from labeling.scoring.mos import SLIDER_BINS, Scores
from labeling.scoring.ordinal import MOST_CATEGORIES, compare_order, cumulative_model
from labeling.scoring.reliability import Figure, retest
from labeling.scoring.taste import taste_components
from labeling.scoring.two_way import TwoWay
from labeling.scoring.votes import Floats, Ints, VoteSet
from schemas.settings.score import ScoreSettings

JACKKNIFE = "jackknife over raters and photos"
NOTHING = float("nan")


def taste_figures(votes: VoteSet, seed: int) -> list[Figure]:
    """Variance components and beholder indices; only those that the design can tell."""
    if votes.photos < 2 or votes.raters < 2 or len(votes.value) <= votes.photos + votes.raters:
        return []
    found = taste_components(votes, seed=seed)
    names = ("photo", "rater", "photo_rater", "error", "photo_rater_and_error")
    figures = {f"variance_{name}": getattr(found, name) for name in names}
    figures |= {"beholder1": found.beholder1, "beholder2": found.beholder2}
    told = [Figure(name, one.value, one.low, one.high, JACKKNIFE) for name, one in figures.items() if one is not None]
    return told + _retest_figures(votes)


def _retest_figures(votes: VoteSet) -> list[Figure]:
    """Correlation and error of raters' first two votes on a photo, where there are any."""
    cell = votes.photo * votes.raters + votes.rater
    order = np.argsort(cell, kind="stable")
    again = np.flatnonzero(np.diff(cell[order]) == 0)
    first_of_cell = np.r_[True, np.diff(cell[order]) != 0]
    pairs = again[first_of_cell[again]]
    if len(pairs) < 3:
        return []
    one, other = votes.value[order[pairs]], votes.value[order[pairs + 1]]
    # Which of the two came first is not part of the figure: both orders enter.
    correlation, error = retest(np.r_[one, other], np.r_[other, one])
    return [
        Figure("retest", correlation, NOTHING, NOTHING, "repeated votes"),
        Figure("retest_error", error, NOTHING, NOTHING, "repeated votes"),
    ]


def order_figures(votes: VoteSet, scores: Scores, settings: ScoreSettings, bins: int) -> list[Figure]:
    """Rank correlation with the cumulative model, and the share of photos whose place moves beyond its interval."""
    values = len(np.unique(votes.value))
    sliders = bins == SLIDER_BINS and values > MOST_CATEGORIES
    if not settings.ordinal or sliders or not 2 <= values <= MOST_CATEGORIES or votes.photos < 3:
        return []
    found = compare_order(scores.score, scores.low, scores.high, cumulative_model(votes).quality)
    return [
        Figure("ordinal_rank_correlation", found.rank_correlation, NOTHING, NOTHING, "none"),
        Figure("ordinal_moved_share", float(found.moved.mean()), NOTHING, NOTHING, "none"),
    ]


def drift_figures(table: pa.Table, votes: VoteSet, fit: TwoWay) -> list[Figure]:
    """Mean drift of raters over their own order, in SDs of their residuals, where the order is known."""
    order = vote_order(table)
    if order is None or votes.raters < 2:
        return []
    place = np.empty(table.num_rows)
    place[order] = np.arange(table.num_rows)
    photo = np.asarray(pa.compute.index_in(table["photo_id"], table["photo_id"].unique().sort()), np.int64)
    rater = np.asarray(pa.compute.index_in(table["rater_id"], table["rater_id"].unique().sort()), np.int64)
    value = np.asarray(table["value"].to_numpy(), np.float64)
    own = VoteSet(photo, rater, value, votes.photos, votes.raters)
    rank = _ranks_within(rater, place)
    trend = common_drift(rater_drift(own, value - fit.quality[photo] - fit.bias[rater], rank))
    return [Figure("drift", trend.value, trend.low, trend.high, "raters")]


def _ranks_within(group: Ints, place: Floats) -> Floats:
    """Each vote's place in the order of its rater, from 0."""
    order = np.lexsort((place, group))
    begins = np.r_[True, np.diff(group[order]) != 0]
    number = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    ranks = np.empty(len(order))
    ranks[order] = number
    return ranks

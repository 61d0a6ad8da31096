"""The cumulative model against statsmodels on published votes, and the order of photos by both models."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from labeling.scoring.ordinal import compare_order, cumulative_model
from labeling.scoring.ordinal_fit import Point, loss_at, slopes_at
from labeling.scoring.reliability import spearman
from labeling.scoring.two_way import two_way_scores
from labeling.scoring.votes import Floats, VoteSet
from schemas.errors import BadInput
from tests.labeling.votes_files import sureal


def middling(photos: int, raters: int) -> VoteSet:
    """Published votes on photos that not everybody puts at one end, so that plain likelihood has a maximum."""
    matrix = sureal("nflx_public").matrix()
    inner = (matrix.min(axis=1) > 1) & (matrix.max(axis=1) > matrix.min(axis=1)) & (matrix.mean(axis=1) < 4.3)
    return VoteSet.from_matrix(matrix[inner][:photos, :raters])


def test_the_model_is_that_of_statsmodels() -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    votes = middling(8, 10)
    design: Floats = np.zeros((len(votes.value), votes.photos + votes.raters))
    design[np.arange(len(votes.value)), votes.photo] = 1
    design[np.arange(len(votes.value)), votes.photos + votes.rater] = 1
    design = np.delete(design, [0, votes.photos], axis=1)  # one photo and one rater are the zero
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels' own numerics warn on the way
        other = OrderedModel(votes.value, design, distr="logit").fit(method="bfgs", disp=0, maxiter=1000, gtol=1e-7)
    found = cumulative_model(votes, prior=0.0)
    quality = np.r_[0.0, other.params[: votes.photos - 1]]
    shift = np.r_[0.0, other.params[votes.photos - 1 : votes.photos + votes.raters - 2]]
    assert found.quality == pytest.approx(quality - quality.mean(), abs=2e-3)
    assert found.shift == pytest.approx(shift - shift.mean(), abs=2e-3)
    covariance = np.pad(other.cov_params()[: votes.photos - 1, : votes.photos - 1], ((1, 0), (1, 0)))
    centred = np.eye(votes.photos) - 1 / votes.photos
    # Ours are errors of ψ itself, theirs of ψ less the mean of eight: nearly the same.
    assert found.se == pytest.approx(np.sqrt(np.diag(centred @ covariance @ centred)), rel=0.15)


def test_the_gradient_leads_to_a_maximum_whose_score_is_flat() -> None:
    votes = sureal("nflx_public")
    found = cumulative_model(votes)
    again = cumulative_model(votes)
    assert (found.quality == again.quality).all()
    assert (np.diff(found.thresholds) > 0).all()
    assert spearman(found.quality, found.expected) == pytest.approx(1.0)
    assert found.expected.min() >= 1 and found.expected.max() <= 5


def test_published_votes_have_nearly_the_same_order_by_both_models() -> None:
    votes = sureal("nflx_public")
    scores, _ = two_way_scores(votes, 1, 5)
    found = compare_order(scores.score, scores.low, scores.high, cumulative_model(votes).quality)
    assert found.rank_correlation > 0.98
    assert found.moved.sum() < 0.1 * votes.photos


def test_a_photo_that_changes_places_beyond_its_interval_is_named() -> None:
    score: Floats = np.arange(10, dtype=np.float64)
    other = score.copy()
    other[[0, 9]] = other[[9, 0]]
    found = compare_order(score, score - 1.5, score + 1.5, other)
    assert np.flatnonzero(found.moved).tolist() == [0, 9]
    unknown: Floats = np.full(10, np.nan)
    assert not compare_order(score, unknown, unknown, other).moved.any()


def test_sliders_are_no_ordered_categories() -> None:
    with pytest.raises(BadInput, match="21 distinct"):
        cumulative_model(VoteSet.from_matrix(np.arange(60.0).reshape(30, 2)))


def test_errors_are_those_of_the_likelihoods_curvature() -> None:
    votes = middling(8, 10)
    prior = 0.3
    found = cumulative_model(votes, prior)
    place = np.unique(votes.value, return_inverse=True)[1].astype(np.uint8)
    point = np.r_[found.quality, found.shift]

    def slope(parameters: Floats) -> Floats:
        quality, shift = np.split(parameters, [votes.photos])
        pull = slopes_at(votes, place, Point(found.thresholds, quality, shift)).pull
        return np.concatenate([votes.per_photo(pull) + prior * quality, votes.per_rater(pull) + prior * shift])

    bumps = 1e-5 * np.eye(len(point))
    curvature = np.array([(slope(point + bump) - slope(point - bump)) / 2e-5 for bump in bumps])
    shifts = np.r_[np.zeros(votes.photos), np.ones(votes.raters)]  # raters' shifts have mean 0
    covariance = np.linalg.inv(curvature + 1e6 * np.outer(shifts, shifts))
    assert found.se == pytest.approx(np.sqrt(np.diag(covariance)[: votes.photos]), rel=0.01)
    assert ((found.low < found.expected) & (found.expected < found.high)).all()


@pytest.mark.parametrize("values", [2, 5, 9])
def test_slopes_are_those_of_the_loss(values: int) -> None:
    rng = np.random.default_rng(values)
    votes = VoteSet.from_matrix(np.where(rng.random((12, 6)) < 0.8, rng.integers(0, values, (12, 6)), np.nan))
    place = np.unique(votes.value, return_inverse=True)[1].astype(np.uint8)
    steps = int(place.max())
    start = np.r_[np.sort(rng.normal(0, 2, steps)), rng.normal(0, 1, votes.photos + votes.raters)]

    def at(parameters: Floats) -> Point:
        return Point(*np.split(parameters, [steps, steps + votes.photos]))

    def gradient(parameters: Floats) -> Floats:
        found = slopes_at(votes, place, at(parameters))
        return np.concatenate([found.gradient, votes.per_photo(found.pull), votes.per_rater(found.pull)])

    bumps = 1e-5 * np.eye(len(start))
    numeric = [
        (loss_at(votes, place, at(start + b), 0) - loss_at(votes, place, at(start - b), 0)) / 2e-5 for b in bumps
    ]
    assert gradient(start) == pytest.approx(np.array(numeric), abs=1e-6)
    curvature = np.array([(gradient(start + b) - gradient(start - b)) / 2e-5 for b in bumps])[:steps, :steps]
    assert slopes_at(votes, place, at(start)).curvature == pytest.approx(curvature, abs=1e-6)


def test_a_fit_ends_where_the_penalised_likelihood_is_flat() -> None:
    votes = sureal("nflx_public")
    prior = 0.05
    found = cumulative_model(votes, prior)
    place = np.unique(votes.value, return_inverse=True)[1].astype(np.uint8)
    slopes = slopes_at(votes, place, Point(found.thresholds, found.quality, found.shift))
    assert np.abs(votes.per_photo(slopes.pull) + prior * found.quality).max() < 1e-6
    assert np.abs(slopes.gradient).max() < 1e-6

"""Variance components and beholder indices, recovered from designs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.scoring.intraclass import intraclass
from labeling.scoring.taste import Estimate, Taste, design_weighted_mean, taste_components
from labeling.scoring.votes import VoteSet
from schemas.errors import BadInput
from tests.labeling.votes_files import sureal

TRUTH = {
    "photo": 1.0,
    "rater": 0.36,
    "photo_rater": 0.64,
    "error": 0.25,
    "photo_rater_and_error": 0.89,
    "beholder1": 0.64 / 1.64,
    "beholder2": 0.5,
}


def simulated(seed: int, repeated: float, photos: int = 120, raters: int = 40, seen: float = 0.4) -> VoteSet:
    """Sparse crossed votes, some of them repeated."""
    rng = np.random.default_rng(seed)
    photo, rater = np.nonzero(rng.random((photos, raters)) < seen)
    again = rng.random(len(photo)) < repeated
    photo, rater = np.r_[photo, photo[again]], np.r_[rater, rater[again]]
    shared, level = rng.normal(0, 1, photos), rng.normal(0, 0.6, raters)
    private, noise = rng.normal(0, 0.8, (photos, raters)), rng.normal(0, 0.5, len(photo))
    return VoteSet(photo, rater, shared[photo] + level[rater] + private[photo, rater] + noise, photos, raters)


def estimate(found: Taste, name: str) -> Estimate:
    one = getattr(found, name)
    assert isinstance(one, Estimate)
    return one


def test_components_and_beholder_indices_are_recovered_within_their_intervals() -> None:
    found = [taste_components(simulated(seed, 0.2)) for seed in range(24)]
    for name, truth in TRUTH.items():
        estimates = [estimate(one, name) for one in found]
        values = np.array([one.value for one in estimates])
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert abs(values.mean() - truth) < 3 * error, f"{name}: {values.mean()} is not {truth}"
        inside = np.mean([one.low <= truth <= one.high for one in estimates])
        assert inside >= 0.8, f"{name}: {inside}"


def test_without_repeats_private_taste_and_noise_get_no_number() -> None:
    found = taste_components(simulated(1, 0.0))
    assert (found.photo_rater, found.error, found.beholder1, found.beholder2) == (None, None, None, None)
    assert found.repeats == 0
    both = found.photo_rater_and_error
    assert both.low < TRUTH["photo_rater_and_error"] < both.high


def test_a_full_matrix_agrees_with_the_analysis_of_variance() -> None:
    votes = sureal("nflx_public")
    x = votes.matrix()
    n, k = x.shape
    rows, columns = x.mean(axis=1), x.mean(axis=0)
    rest = x - rows[:, None] - columns + x.mean()
    mse = (rest**2).sum() / ((n - 1) * (k - 1))
    found = taste_components(votes)
    assert found.photo.value == pytest.approx(rows.var(ddof=1) - mse / k, rel=1e-9)
    assert found.rater.value == pytest.approx(columns.var(ddof=1) - mse / n, rel=1e-9)
    assert found.photo_rater_and_error.value == pytest.approx(mse, rel=1e-9)


def test_intraclass_correlations_from_components_are_those_of_shrout_and_fleiss_on_a_full_matrix() -> None:
    for name in ("nflx_public", "nflx_public_last4outliers"):
        votes = sureal(name)
        found, table = taste_components(votes), intraclass(votes.matrix())
        assert [found.icc2.value, found.icc3.value] == pytest.approx([table.icc2, table.icc3], rel=1e-9)
        assert found.icc2.low < found.icc2.value < found.icc2.high


def test_one_rater_has_no_taste_to_share() -> None:
    with pytest.raises(BadInput, match="two raters"):
        taste_components(VoteSet.from_matrix([[1.0], [2.0]]))


def test_weighted_means_undo_an_uneven_choice() -> None:
    rng = np.random.default_rng(2)
    population = rng.normal(4, 1, 4000)
    probability = np.clip((population - 1) / 10, 0.02, 1)  # beautiful photos were chosen more often
    inside, naive = [], []
    for _ in range(200):
        drawn = rng.random(4000) < probability
        found = design_weighted_mean(population[drawn], probability[drawn])
        inside.append(found.low <= population.mean() <= found.high)
        naive.append(population[drawn].mean())
    assert np.mean(inside) > 0.9
    assert np.mean(naive) > population.mean() + 0.2


def test_errors_of_the_scores_widen_a_weighted_mean() -> None:
    score, chance = np.array([2.0, 4.0, 6.0]), np.ones(3)
    alone, together = design_weighted_mean(score, chance), design_weighted_mean(score, chance, np.full(3, 0.3))
    assert (alone.low, alone.high) == (4.0, 4.0)  # everything was chosen
    assert together.high - together.value == pytest.approx(1.959964 * 0.3 / np.sqrt(3), rel=1e-6)


def test_an_impossible_probability_is_refused() -> None:
    with pytest.raises(BadInput, match="inclusion_probability"):
        design_weighted_mean(np.array([1.0]), np.array([0.0]))

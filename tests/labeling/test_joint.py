"""Ratings and comparisons joined on one scale, against a general optimiser and against the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from labeling.scoring import joint as module
from labeling.scoring.joint import join_scales
from labeling.scoring.pairs import Wins
from labeling.scoring.votes import Floats, Ints
from schemas.errors import BadInput


def study(seed: int, photos: int = 60, judgements: int = 1200) -> tuple[Floats, Ints, Floats, Floats, Wins]:
    """Truth, which 40 photos were rated, their scores and errors, and comparisons of 50 photos, 30 of them rated."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(2, 6, photos)
    rated: Ints = np.arange(40)
    se = rng.uniform(0.2, 0.5, 40)
    quality = truth[:40] + se * rng.normal(size=40)
    left, right = rng.integers(10, photos, judgements), rng.integers(10, photos, judgements)
    left, right = left[left != right], right[left != right]
    won = rng.random(len(left)) < 1 / (1 + np.exp(-1.5 * (truth[left] - truth[right])))
    return truth, rated, quality, se, Wins.from_judgements(left, right, won, photos)


def test_the_fit_is_the_maximum_of_both_likelihoods() -> None:
    _, rated, quality, se, wins = study(1)

    def loss(parameters: Floats) -> float:
        score, slope = parameters[:-1], np.exp(parameters[-1])
        odds = slope * (score[wins.winner] - score[wins.loser])
        return float(wins.count @ np.logaddexp(0, -odds) + (((score[rated] - quality) / se) ** 2).sum() / 2)

    found = join_scales(rated, quality, se, wins)
    best = minimize(
        loss, np.r_[np.full(60, quality.mean()), 0.0], method="L-BFGS-B", options={"maxiter": 5000, "maxfun": 10**6}
    )
    assert found.score == pytest.approx(best.x[:-1], abs=2e-2)
    assert loss(np.r_[found.score, np.log(found.slope)]) <= best.fun + 1e-9
    assert found.slope == pytest.approx(np.exp(best.x[-1]), rel=1e-2)
    assert found.anchors == 30


def test_intervals_hold_the_truth_for_photos_that_were_rated_compared_or_both() -> None:
    inside, slopes = [], []
    for seed in range(60):
        truth, rated, quality, se, wins = study(seed)
        found = join_scales(rated, quality, se, wins, prior=0.01)  # where somebody wins always
        inside.append(np.abs(found.score - truth) <= 1.96 * found.se)
        slopes.append(abs(found.slope - 1.5) <= 1.96 * found.slope_se)
        assert (found.se[10:40] < se[10:]).all()  # comparisons can only add
        assert found.score[:10] == pytest.approx(quality[:10], abs=0.01)  # rated only
    share = np.mean(inside, axis=0)
    for part in (share[10:40], share[40:]):
        assert 0.93 < part.mean() < 0.97
    assert np.mean(slopes) > 0.88


def test_contradicting_judgements_are_named() -> None:
    _, rated, quality, se, wins = study(3)
    assert np.nanmax(np.abs(join_scales(rated, quality, se, wins).misfit)) < 4
    quality[20] += 3
    found = join_scales(rated, quality, se, wins)
    assert int(np.nanargmax(np.abs(found.misfit))) == 20 and abs(found.misfit[20]) > 4
    assert np.isnan(found.misfit[:10]).all()  # rated only


def test_photos_that_nothing_joins_to_a_rating_have_no_score() -> None:
    _, rated, quality, se, wins = study(4)
    apart = Wins(np.r_[wins.winner, 60, 61], np.r_[wins.loser, 61, 60], np.r_[wins.count, 2, 1], 62)
    found = join_scales(rated, quality, se, apart)
    assert np.isnan(found.score[60:]).all() and np.isnan(found.se[60:]).all()
    assert found.score[:60] == pytest.approx(join_scales(rated, quality, se, wins).score, abs=1e-8)


def test_many_photos_have_the_same_scores_without_dense_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    _, rated, quality, se, wins = study(5)
    dense = join_scales(rated, quality, se, wins)
    monkeypatch.setattr(module, "MOST_DENSE", 0)
    large = join_scales(rated, quality, se, wins)
    assert large.score == pytest.approx(dense.score, abs=1e-6)
    assert large.slope_se == pytest.approx(dense.slope_se, rel=1e-6)
    assert np.isnan(large.se).all()


def test_what_cannot_be_joined_is_refused() -> None:
    _, rated, quality, se, wins = study(6)
    with pytest.raises(BadInput, match="both rated and compared"):
        join_scales(rated[:12], quality[:12], se[:12], wins)
    with pytest.raises(BadInput, match="above 0"):
        join_scales(rated, quality, np.zeros(40), wins)
    winner = Wins(np.r_[wins.winner, 60], np.r_[wins.loser, 11], np.r_[wins.count, 3], 61)
    with pytest.raises(BadInput, match="infinity"):
        join_scales(rated, quality, se, winner)
    found = join_scales(rated, quality, se, winner, prior=1 / 36)
    assert np.isfinite(found.score).all() and found.score[60] > found.score[11]

"""Personal taste: planted weights are recovered, kindred raters help, and nothing is found in noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from labeling.learning.clusters import cluster_raters
from labeling.learning.fewshot import Episode, Ground, Method, benchmark, draw_episodes, foresee, retest_agreement
from labeling.learning.taste import (
    BASE,
    NOISE_LEFT,
    OWN_SHARE,
    Taste,
    features_of,
    find_directions,
    fit_taste,
    panel_of,
    photo_factors,
    rater_weights,
    with_own_taste,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def planted(
    raters: int = 300, photos: int = 200, votes: int = 60, seed: int = 0, noise: float = 0.7, taste: float = 1.0
) -> tuple[Floats, Floats, Ints, Ints, Floats, Floats]:
    """Raters who differ along one of six directions; returns generic, placed, rater, photo, value, weights."""
    rng = np.random.default_rng(seed)
    placed = rng.normal(size=(photos, 6))
    generic = 4 + rng.normal(size=photos)
    weights = np.zeros((raters, 6))
    weights[:, 2] = taste * rng.choice([-1.0, 1.0], raters)
    rater = np.repeat(np.arange(raters), votes)
    photo = np.concatenate([rng.permutation(photos)[:votes] for _ in range(raters)])
    value = generic[photo] + np.sum(placed[photo] * weights[rater], axis=1) + rng.normal(0, noise, len(rater))
    return generic, placed, rater, photo, value, weights


def ground_of(generic: Floats, placed: Floats, rater: Ints, photo: Ints, value: Floats) -> Ground:
    features = features_of(generic, 4.0, placed)
    panel = panel_of(rater, photo, value, generic)
    return Ground(generic, features, fit_taste(features, panel, kindred=False), fit_taste(features, panel))


def test_the_prior_finds_the_one_direction_along_which_raters_differ() -> None:
    generic, placed, rater, photo, value, weights = planted()
    features = features_of(generic, 4.0, placed)
    panel = panel_of(rater, photo, value, generic)
    taste = fit_taste(features, panel, rounds=30)
    spread = np.diag(taste.covariance)[2:]
    assert spread[2] == pytest.approx(1.0, abs=0.15)
    assert np.delete(spread, 2).max() < 0.1
    assert taste.noise == pytest.approx(0.49, abs=0.08)
    found = rater_weights(taste, features, panel)[:, 4]
    assert np.corrcoef(found, weights[:, 2])[0, 1] > 0.97


def test_adapting_is_the_posterior_of_a_bayesian_regression() -> None:
    rng = np.random.default_rng(3)
    root = rng.normal(size=(4, 4))
    taste = Taste(rng.normal(size=4), root @ root.T + np.eye(4), 0.5)
    x, y = rng.normal(size=(12, 4)), rng.normal(size=12)
    mean, covariance = taste.adapt(x, y)
    precision = np.linalg.inv(taste.covariance) + x.T @ x / taste.noise
    np.testing.assert_allclose(covariance, np.linalg.inv(precision), atol=1e-9)
    expected = np.linalg.solve(precision, np.linalg.solve(taste.covariance, taste.mean) + x.T @ y / taste.noise)
    np.testing.assert_allclose(mean, expected, atol=1e-9)


def test_ten_shots_with_kindred_raters_beat_ten_shots_alone_and_both_beat_none() -> None:
    generic, placed, rater, photo, value, _ = planted(raters=360)
    learn, unseen = rater < 300, np.arange(200) >= 150
    ground = ground_of(
        generic, placed, rater[learn & ~unseen[photo]], photo[learn & ~unseen[photo]], value[learn & ~unseen[photo]]
    )
    pairs = [
        (ground, episode)
        for r in range(300, 360)
        for episode in draw_episodes(str(r), photo[rater == r], value[rater == r], unseen, (0, 10), 0)
    ]
    found = {(result.method, result.shots): result for result in benchmark(pairs, draws=200)}
    generic_only, alone, kindred = (found[m, 10].srcc.value for m in (Method.GENERIC, Method.ALONE, Method.KINDRED))
    assert kindred > alone + 0.02 > generic_only + 0.04
    assert found[Method.KINDRED, 0].srcc.value == pytest.approx(generic_only, abs=0.01)


def test_where_nobody_differs_nothing_is_gained_and_nothing_is_lost() -> None:
    generic, placed, rater, photo, value, _ = planted(taste=0.0, raters=340)
    learn, unseen = rater < 300, np.arange(200) >= 150
    own = learn & ~unseen[photo]
    ground = ground_of(generic, placed, rater[own], photo[own], value[own])
    pairs = [
        (ground, episode)
        for r in range(300, 340)
        for episode in draw_episodes(str(r), photo[rater == r], value[rater == r], unseen, (10,), 0)
    ]
    found = {result.method: result.srcc.value for result in benchmark(pairs, draws=200)}
    assert abs(found[Method.KINDRED] - found[Method.GENERIC]) < 0.01


def test_factors_of_photos_are_found_from_votes_alone() -> None:
    generic, placed, rater, photo, value, _ = planted(raters=400)
    features = features_of(generic, 4.0, np.zeros((200, 0)))
    factors = photo_factors(features, panel_of(rater, photo, value, generic), 200, 1)
    assert abs(np.corrcoef(factors[:, 0], placed[:, 2])[0, 1]) > 0.95


def test_directions_are_centred_and_of_falling_spread_and_place_new_photos() -> None:
    x = np.random.default_rng(0).normal(size=(120, 10))
    directions = find_directions(x, 8)
    placed = directions(x)
    np.testing.assert_allclose(placed.mean(axis=0), 0, atol=1e-9)
    spread = placed.std(axis=0)
    assert spread[0] == pytest.approx(1.0)
    assert np.all(np.diff(spread) <= 1e-9)
    np.testing.assert_allclose(directions(x[:5]), placed[:5], atol=1e-9)


def test_support_and_query_share_no_photo_and_fewer_shots_are_the_first_of_more() -> None:
    unseen = np.arange(100) < 30
    photos, values = np.arange(100), np.linspace(0, 99, 100).astype(np.float64)
    few, many = draw_episodes("r", photos, values, unseen, (10, 50, 99), 1)
    assert set(many.support) & set(many.query) == set()
    np.testing.assert_array_equal(many.support[:10], few.support)
    assert set(many.query) == set(range(30))


def test_a_rater_with_one_vote_for_everything_has_no_rank_correlation_and_is_left_out() -> None:
    generic, placed, rater, photo, value, _ = planted(raters=30)
    ground = ground_of(generic, placed, rater, photo, value)
    flat = Episode("flat", 0, np.zeros(0, np.int64), np.zeros(0), np.arange(8), np.full(8, 3.0))
    assert benchmark([(ground, flat)]) == []


def test_the_means_of_others_are_asked_for_only_where_they_are_known() -> None:
    generic, placed, rater, photo, value, _ = planted(raters=30)
    episode = Episode("r", 0, np.zeros(0, np.int64), np.zeros(0), np.arange(8), np.linspace(0, 7, 8).astype(np.float64))
    with pytest.raises(ValueError, match="not known"):
        foresee(ground_of(generic, placed, rater, photo, value), episode, Method.OTHERS)


def test_retest_agreement_counts_raters_with_enough_repeats() -> None:
    rater = np.array([0] * 12 + [1] * 3)
    photo = np.array([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 0, 1])
    value = np.array([1.0, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 7, 1, 1, 1])
    agreement, counted = retest_agreement(rater, photo, value)
    assert agreement == pytest.approx(1.0)
    assert counted == 1


def test_two_planted_camps_are_told_apart_and_described_by_what_they_like() -> None:
    _, placed, _, _, _, weights = planted()
    noisy = weights + np.random.default_rng(1).normal(0, 0.2, weights.shape)
    found = cluster_raters(noisy, placed, 2)
    camps = [set(np.sign(weights[found.label == k, 2])) for k in (0, 1)]
    assert camps in ([{1.0}, {-1.0}], [{-1.0}, {1.0}])
    assert abs(np.corrcoef(found.preference[0], placed[:, 2])[0, 1]) > 0.95
    assert found.agreement > 1.0


def test_folds_of_a_draw_are_put_in_one_order_and_draws_are_averaged() -> None:
    generic, placed, rater, photo, value, _ = planted(raters=30)
    ground = ground_of(generic, placed, rater, photo, value)
    rng = np.random.default_rng(5)
    votes = {"draw 0": rng.integers(1, 8, 20).astype(np.float64), "draw 1": rng.integers(1, 8, 20).astype(np.float64)}
    nothing = np.zeros(0, np.int64), np.zeros(0)
    folds = [
        (series, np.arange(start, start + 10), cast[start : start + 10])
        for series, cast in votes.items()
        for start in (0, 10)
    ]
    pairs = [(ground, Episode("r", 0, *nothing, photos, cast, series)) for series, photos, cast in folds]
    found = {result.method: result for result in benchmark(pairs, draws=50)}[Method.GENERIC]
    assert found.whole is not None
    spearmanr: Any = stats.spearmanr
    by_draw = [spearmanr(generic[:20], cast).statistic for cast in votes.values()]
    assert found.whole.value == pytest.approx(np.mean(by_draw))
    by_fold = [spearmanr(generic[photos], cast).statistic for _, photos, cast in folds]
    assert found.srcc.value == pytest.approx(np.mean(by_fold))
    assert benchmark([(ground, Episode("r", 0, *nothing, *folds[0][1:]))], draws=50)[0].whole is None


def test_own_taste_is_a_process_with_the_directions_kernel() -> None:
    """Weights along all directions foresee what the kernel does, worked out by itself."""
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(60, 5))
    directions = find_directions(vectors, 59)
    features = features_of(rng.normal(4, 1, 60), 4.0, directions(vectors))
    taste = Taste(np.array([0.2, 0.1, 0, 0]), np.diag([0.3, 0.2, 0.1, 0.05]), 0.6)
    wide = with_own_taste(taste, directions)
    seen, value = rng.permutation(60)[:20], rng.normal(size=20)
    weights, _ = wide.adapt(features[seen], value)

    rooted = np.sign(vectors) * np.sqrt(np.abs(vectors))
    rooted /= np.linalg.norm(rooted, axis=1, keepdims=True)
    gaps = ((rooted[:, None] - rooted) ** 2).sum(axis=2)
    kernel = np.exp(-3.0 * gaps / np.median(gaps[np.triu_indices(60, 1)]))
    centre = np.eye(60) - 1 / 60
    prior = features[:, : BASE + 2] @ taste.covariance @ features[:, : BASE + 2].T
    prior += OWN_SHARE * taste.noise * (centre @ kernel @ centre)
    before = features[:, : BASE + 2] @ taste.mean
    inner = prior[np.ix_(seen, seen)] + NOISE_LEFT * taste.noise * np.eye(20)
    expected = before + prior[:, seen] @ np.linalg.solve(inner, value - before[seen])
    np.testing.assert_allclose(features @ weights, expected, atol=1e-6)

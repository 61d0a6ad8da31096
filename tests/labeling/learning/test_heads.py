"""Heads: planted signals, calibrated intervals, histograms, and files that hold all of it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression
from scipy.stats import spearmanr, wasserstein_distance

from labeling.learning import distribution
from labeling.learning.figures import figures_of, mean_figure, pearson, spearman, wilson
from labeling.learning.heads import Head, HeadKind, fit_head
from labeling.learning.saving import from_bytes, to_bytes
from schemas.errors import BadInput

Floats = npt.NDArray[np.float64]


def rated(n: int, seed: int = 0, d: int = 12) -> tuple[Floats, Floats, Floats]:
    """Unit vectors, their true score plus noise, and 40 votes a photo on a scale from 1 to 5."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    weights = np.random.default_rng(99).normal(size=d)
    score = 3 + x @ weights + rng.normal(0, 0.2, n)
    votes = np.clip(np.rint(score[:, None] + rng.normal(0, 0.8, (n, 40))), 1, 5)
    histogram = np.stack([(votes == step).sum(axis=1) for step in range(1, 6)], axis=1)
    return x, score, histogram.astype(np.float64)


@pytest.mark.parametrize("kind", HeadKind)
def test_a_planted_signal_is_found_and_intervals_hold_on_photos_not_seen(kind: HeadKind) -> None:
    x, score, histogram = rated(400)
    new, truth, new_histogram = rated(1000, seed=1)
    share, new_share = distribution.shares(histogram), distribution.shares(new_histogram)
    prediction = fit_head(x, score, histogram, kind).predict(new)
    assert spearman(prediction.score, truth) > 0.9
    low, high = prediction.interval()
    assert 0.93 < np.mean((low <= truth) & (truth <= high)) < 0.97
    naive = np.tile(share.mean(axis=0), (1000, 1))
    gain = distribution.earth_mover(naive, new_share) - distribution.earth_mover(prediction.histogram, new_share)
    assert gain.mean() > 0.05


def test_vectors_that_crowd_together_can_be_learnt_from() -> None:
    """In float32 the kernel of such vectors is not positive definite by more than its jitter."""
    x, score, histogram = rated(120)
    crowded = np.ones(12) / np.sqrt(12) + 1e-3 * x
    crowded = np.repeat(crowded, 2, axis=0)  # and each of them twice
    vectors = (crowded / np.linalg.norm(crowded, axis=1, keepdims=True)).astype(np.float32)
    head = fit_head(vectors[:200], np.repeat(score, 2)[:200], np.repeat(histogram, 2, axis=0)[:200], HeadKind.KERNEL)
    assert spearman(head.predict(vectors[200:]).score, np.repeat(score, 2)[200:]) > 0.8


@pytest.mark.parametrize("kind", HeadKind)
def test_predicted_histograms_are_proper_and_their_mean_follows_the_score(kind: HeadKind) -> None:
    x, score, histogram = rated(300)
    prediction = fit_head(x, score, histogram, kind).predict(rated(200, seed=2)[0])
    assert prediction.histogram.min() >= 0
    np.testing.assert_allclose(prediction.histogram.sum(axis=1), 1, atol=1e-12)
    assert spearman(prediction.histogram @ np.arange(1.0, 6.0), prediction.score) > 0.98


def test_a_kernel_head_is_less_sure_far_from_everything_that_it_has_seen() -> None:
    x, score, histogram = rated(300)
    near = x[:100] + 0.01
    far = np.full((100, 12), 5.0)
    head = fit_head(x, score, histogram, HeadKind.KERNEL)
    assert head.predict(far).sd.min() > head.predict(near).sd.max()


def fit_again(x: Floats, score: Floats, histogram: Floats, kind: HeadKind) -> Head:
    return replace(fit_head(x, score, histogram, kind), about={"model": "descriptor@1"})


@pytest.mark.parametrize("kind", HeadKind)
def test_a_saved_head_predicts_the_same_and_equal_heads_are_equal_bytes(kind: HeadKind) -> None:
    x, score, histogram = rated(80)
    head = fit_again(x, score, histogram, kind)
    content = to_bytes(head)
    again = from_bytes(content)
    assert to_bytes(fit_again(x, score, histogram, kind)) == content
    assert again.about == {"model": "descriptor@1"}
    for name in ("score", "sd", "histogram"):
        before, after = getattr(head.predict(x), name), getattr(again.predict(x), name)
        np.testing.assert_allclose(after, before, rtol=1e-4)


@pytest.mark.parametrize("kind", HeadKind)
def test_the_few_documented_arrays_alone_give_the_score(kind: HeadKind) -> None:
    x, score, histogram = rated(80)
    head = fit_head(x, score, histogram, kind)
    arrays_ = np.load(io.BytesIO(to_bytes(head)), allow_pickle=False)
    if kind is HeadKind.LINEAR:
        found = x @ arrays_["weight"][0] + arrays_["bias"][0]
    else:
        gaps = ((x[:, None] - arrays_["landmarks"][None]) ** 2).sum(axis=2)
        found = np.exp(-arrays_["rate"] * gaps) @ arrays_["dual"] + arrays_["bias"][0]
    np.testing.assert_allclose(found, head.score(x), atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x80\x04K\x01."])
def test_what_is_no_head_is_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(BadInput, match="this is no head"):
        from_bytes(content, "head.npz")


def test_a_pickle_inside_an_npz_is_never_loaded() -> None:
    out = io.BytesIO()
    np.savez(out, about=np.array([{"format": "salon-head@1"}], dtype=object))
    with pytest.raises(BadInput, match="this is no head"):
        from_bytes(out.getvalue())


@settings(deadline=None, max_examples=100)
@given(arrays(np.float64, st.tuples(st.just(4), st.integers(1, 9)), elements=st.floats(-0.5, 1.5)))
def test_cumulative_predictions_become_the_nearest_proper_histograms(guess: Floats) -> None:
    peer = np.clip(np.array([isotonic_regression(row).x for row in guess]), 0, 1)
    found = distribution.proper(guess)
    assert found.min() >= -1e-12
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(np.cumsum(found, axis=1)[:, :-1], peer, atol=1e-12)


def test_quantiles_of_votes_are_finite_and_lead_back_to_their_shares() -> None:
    votes = np.array([[0, 0, 200, 300, 500], [400, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    found = distribution.quantiles(votes)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[2], found[:2].mean(axis=0))
    back = distribution.histogram_of(found[:2])
    np.testing.assert_allclose(back, distribution.shares(votes[:2]), atol=2e-3)


def test_the_linear_head_is_no_worse_than_a_softmax_head_trained_on_the_distance_itself() -> None:
    x, score, votes = rated(300)
    new, _, new_votes = rated(1000, seed=3)
    real = distribution.shares(new_votes)
    guess = fit_head(x, score, votes, HeadKind.LINEAR).predict(new).histogram
    weights, bias = distribution.fit_softmax(x, distribution.shares(votes), 1e-6)
    rival = distribution.softmax(new @ weights + bias)
    gap = distribution.earth_mover(guess, real) - distribution.earth_mover(rival, real)
    assert mean_figure("gap", gap).low < 0


def test_the_earth_movers_distance_is_scipys_over_the_number_of_steps() -> None:
    rng = np.random.default_rng(0)
    p, q = distribution.shares(rng.random((20, 7))), distribution.shares(rng.random((20, 7)))
    steps = np.arange(7)
    peer = [wasserstein_distance(steps, steps, a, b) / 7 for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(distribution.earth_mover(p, q), peer, atol=1e-12)


def test_the_softmax_rival_learns_too_and_its_slope_is_right() -> None:
    x, _, histogram = rated(300)
    share = distribution.shares(histogram)
    weights, bias = distribution.fit_softmax(x, share, 1e-6)
    new, _, votes = rated(300, seed=5)
    real = distribution.shares(votes)
    guess = distribution.softmax(new @ weights + bias)
    naive = np.tile(share.mean(axis=0), (300, 1))
    assert distribution.earth_mover(guess, real).mean() < 0.6 * distribution.earth_mover(naive, real).mean()


def test_correlations_agree_with_scipy_and_constants_have_none() -> None:
    rng = np.random.default_rng(1)
    a, b = np.round(rng.normal(size=50), 1), np.round(rng.normal(size=50), 1)
    assert spearman(a, b) == pytest.approx(spearmanr(a.tolist(), b.tolist()).statistic)
    assert np.isnan(pearson(a, np.ones(50)))


def test_bootstrap_intervals_of_a_correlation_hold_the_truth_as_often_as_they_say() -> None:
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=150)
        b = 0.6 * a + 0.8 * rng.normal(size=150)
        found = figures_of(a, None, None, b, None, seed, 200)[1]
        hits += found.low <= 0.6 <= found.high
    assert hits >= 51


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe 1998, table I: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)

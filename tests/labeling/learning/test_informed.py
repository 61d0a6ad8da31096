"""What a head asks for: photos that stand for many, spread over the predicted scores, whatever the pool's size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct

from labeling.learning.choosing import LEVELS, most_informative
from labeling.learning.heads import Head, HeadKind, fit_head
from labeling.learning.informed import informed_rows
from tests.labeling.learning.test_heads import rated

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def head_of(kind: HeadKind, n: int = 60) -> Head:
    return fit_head(*rated(n), kind)


@pytest.mark.parametrize("kind", HeadKind)
def test_the_covariance_is_that_of_a_gaussian_process_but_for_the_unknown_mean(kind: HeadKind) -> None:
    x, score, _ = rated(60)
    head, new = head_of(kind), rated(40, seed=7)[0]
    noise = float(head.ridge.noise[0])
    prior = ConstantKernel(noise / head.ridge.strength, "fixed")
    # Regression works on centred features, which is a process whose constant part has no prior: a very wide one.
    flat = ConstantKernel(1e5, "fixed")
    if head.features is None:
        kernel = prior * DotProduct(0, "fixed") + flat
    else:
        kernel = prior * RBF(np.sqrt(0.5 / head.features.rate), "fixed") + flat
    peer = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(x, score)
    wanted = peer.predict(new, return_cov=True)[1]
    np.testing.assert_allclose(head.covariance(new), wanted, atol=0.02 * float(np.diag(wanted).mean()))
    own = head.calibration**2 * (np.diag(head.covariance(new)) + noise)
    np.testing.assert_allclose(head.predict(new).sd ** 2, own, rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 120), st.integers(0, 10**6), st.sampled_from(HeadKind))
def test_any_number_is_taken_once_each_and_levels_are_as_even_as_the_supply(
    wanted: int, seed: int, kind: HeadKind
) -> None:
    pool = rated(100, seed=seed)[0].astype(np.float32)
    rng = np.random.default_rng(seed)
    numbers, free = rng.random(100), rng.random(100) < 0.8
    found = informed_rows(head_of(kind, 40), lambda rows: pool[rows], numbers, free, wanted)
    assert len(set(found.rows.tolist())) == len(found.rows) == min(wanted, free.sum())
    assert free[found.rows].all()
    assert np.all(np.diff(found.rows) > 0)
    everyone = informed_rows(head_of(kind, 40), lambda rows: pool[rows], numbers, free, 100)
    there = np.bincount(everyone.level, minlength=LEVELS)
    took = np.bincount(found.level, minlength=LEVELS)
    assert np.all(took <= there)
    spare = took < there
    if spare.any():
        assert took.max() <= took[spare].min() + 1


def test_a_crowd_is_asked_about_before_a_loner_who_is_as_strange() -> None:
    x, score, votes = rated(60)
    x[:, 10:] = 0
    head = fit_head(x, score, votes, HeadKind.KERNEL)
    loner, crowd = np.eye(12)[10], np.eye(12)[11] + np.random.default_rng(4).normal(0, 0.02, (30, 12))
    unsure = head.covariance(np.vstack([x[:30], loner, crowd]))
    assert np.diag(unsure)[30] == pytest.approx(np.diag(unsure)[31:].mean(), rel=0.05)
    assert most_informative(unsure, 1, float(head.ridge.noise[0]))[0] > 30


def test_a_large_pool_is_looked_at_by_its_permanent_numbers_and_photos_without_a_vector_are_left_out() -> None:
    pool = rated(9000, seed=1)[0].astype(np.float32)
    pool[::2] = 0
    numbers = np.random.default_rng(0).random(9000)
    asked: list[int] = []

    def vectors(rows: Ints) -> npt.NDArray[np.float32]:
        asked.append(len(rows))
        return np.asarray(pool[rows])

    free = np.random.default_rng(1).random(9000) < 0.6
    found = informed_rows(head_of(HeadKind.LINEAR), vectors, numbers, free, 30)
    last = np.sort(numbers[free])[1999]
    assert asked == [np.count_nonzero(numbers <= last)]  # of the others as large a share
    assert free[found.rows].all()
    assert np.all(found.rows % 2 == 1)
    assert np.all(numbers[found.rows] <= last)


@pytest.mark.parametrize("crowded", range(3))
def test_photos_that_may_not_be_chosen_draw_the_choice_to_where_they_are(crowded: int) -> None:
    x, score, votes = rated(60)
    x[:, 9:] = 0
    head = fit_head(x, score, votes, HeadKind.KERNEL)
    rng = np.random.default_rng(5)
    loners = np.eye(12)[9:12]
    crowd = loners[crowded] + rng.normal(0, 0.02, (40, 12))
    pool = np.vstack([x[:20], loners, crowd])
    free, numbers = np.arange(63) < 23, rng.random(63)
    found = informed_rows(head, lambda rows: pool[rows].astype(np.float32), numbers, free, LEVELS)
    assert 20 + crowded in found.rows  # one of each level is taken, and not all loners are of different levels

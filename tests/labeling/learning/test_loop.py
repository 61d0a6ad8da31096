"""The simulated loop: fair arms, informed choices, and votes needed."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.learning.loop import (
    Arm,
    Curve,
    Rated,
    Strategy,
    most_informative,
    next_photos,
    saving,
    simulate_loop,
    votes_needed,
)


def rated(n: int = 160, seed: int = 0) -> Rated:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    score = np.sin(3 * x[:, 0]) + x[:, 1]
    return Rated(x, [score[k] + rng.normal(0, 1, 20) for k in range(n)])


def test_all_arms_start_from_the_same_batch_and_spend_the_same() -> None:
    curves = simulate_loop(rated(), [Arm(s, 5) for s in Strategy], budget=300, batch=50, seeds=2)
    for curve in curves:
        np.testing.assert_array_equal(curve.spent, curves[0].spent)
        np.testing.assert_allclose(curve.srcc[:, 0], curves[0].srcc[:, 0])
    assert curves[0].spent[-1] <= 300


def test_the_loop_is_the_same_again_and_learns() -> None:
    arms = [Arm(Strategy.INFORMED, 5)]
    one = simulate_loop(rated(), arms, 400, 50, 3)[0]
    two = simulate_loop(rated(), arms, 400, 50, 3)[0]
    np.testing.assert_array_equal(one.srcc, two.srcc)
    assert one.srcc[:, -1].mean() > one.srcc[:, 0].mean() + 0.03


@pytest.mark.parametrize("strategy", Strategy)
def test_no_photo_is_chosen_twice_or_from_outside(strategy: Strategy) -> None:
    kernel = np.exp(-np.random.default_rng(0).random((60, 60)))
    kernel = (kernel + kernel.T) / 2
    np.fill_diagonal(kernel, 1)
    kernel = kernel @ kernel.T / 60
    kernel /= np.sqrt(np.outer(np.diag(kernel), np.diag(kernel)))
    seen, left = np.arange(10), np.arange(20, 60)
    found = next_photos(strategy, kernel, seen, left, 12, 0.1, np.random.default_rng(1))
    assert len(set(found)) == 12
    assert set(found) <= set(left)


def test_the_informed_choice_prefers_a_photo_that_stands_for_many_to_a_lonely_one() -> None:
    unsure = np.eye(6)
    unsure[:5, :5] += 0.8 * (1 - np.eye(5))
    assert most_informative(unsure, 1, 0.1)[0] < 5
    assert most_informative(unsure, 2, 0.1)[1] == 5


def test_votes_needed_are_read_off_between_points_and_unreached_levels_are_unknown() -> None:
    found = votes_needed(np.array([100, 200, 300]), np.array([0.1, 0.5, 0.4]), np.array([0.05, 0.3, 0.6]))
    np.testing.assert_allclose(found, [100, 150, np.nan])


def test_a_curve_that_needs_half_the_votes_is_said_to_need_half() -> None:
    spent = np.arange(100, 1100, 100)
    arm = Arm(Strategy.RANDOM, 1)
    slow = Curve(arm, spent, np.tile(spent / 2000, (5, 1)))
    fast = Curve(arm, spent, np.tile(spent / 1000, (5, 1)))
    assert saving(fast, slow).value == pytest.approx(0.5, abs=0.02)
    assert saving(slow, slow).value == pytest.approx(1.0)

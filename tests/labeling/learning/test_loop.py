"""The simulated loop: fair arms, informed choices, and votes needed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from labeling.learning.choosing import informed_choice, levels, most_informative
from labeling.learning.loop import (
    Arm,
    Curve,
    Rated,
    Strategy,
    condition,
    next_photos,
    saving,
    saving_at,
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
    curves = simulate_loop(rated(), [Arm(s, 5) for s in Strategy], budget=300, batch=50, seeds=range(2))
    for curve in curves:
        np.testing.assert_array_equal(curve.spent, curves[0].spent)
        np.testing.assert_allclose(curve.srcc[:, 0], curves[0].srcc[:, 0])
    assert curves[0].spent[-1] <= 300


def test_the_loop_is_the_same_again_and_learns() -> None:
    arms = [Arm(Strategy.INFORMED, 5)]
    one = simulate_loop(rated(), arms, 400, 50, range(3))[0]
    two = simulate_loop(rated(), arms, 400, 50, range(3))[0]
    np.testing.assert_array_equal(one.srcc, two.srcc)
    assert one.srcc[:, -1].mean() > one.srcc[:, 0].mean() + 0.03


def kernel_of(n: int, seed: int = 0, reach: float = 1.0) -> npt.NDArray[np.float64]:
    x = np.random.default_rng(seed).normal(size=(n, 3))
    return np.asarray(np.exp(-reach * ((x[:, None] - x[None]) ** 2).sum(axis=2)))


@pytest.mark.parametrize("strategy", Strategy)
def test_no_photo_is_chosen_twice_or_from_outside(strategy: Strategy) -> None:
    seen, left = np.arange(10), np.arange(20, 60)
    state = condition(kernel_of(70), seen, np.random.default_rng(1).normal(size=10), 0.1)
    found = next_photos(strategy, state, left, 12, np.random.default_rng(1))
    assert len(set(found)) == 12
    assert set(found) <= set(left)


def test_what_is_known_after_votes_is_that_of_a_gaussian_process() -> None:
    kernel, seen, values = kernel_of(40), np.arange(5, 25), np.random.default_rng(2).normal(3, 1, 20)
    state = condition(kernel, seen, values, 0.3)
    inner = kernel[np.ix_(seen, seen)] + 0.3 * np.eye(20)
    np.testing.assert_allclose(
        state.score, values.mean() + kernel[:, seen] @ np.linalg.solve(inner, values - values.mean()), atol=1e-9
    )
    rows = np.array([0, 3, 30, 7])
    wanted = kernel - kernel[:, seen] @ np.linalg.solve(inner, kernel[seen])
    np.testing.assert_allclose(state.unsure(rows), wanted[np.ix_(rows, rows)], atol=1e-9)


def test_the_informed_choice_prefers_a_photo_that_stands_for_many_to_a_lonely_one() -> None:
    unsure = np.eye(6)
    unsure[:5, :5] += 0.8 * (1 - np.eye(5))
    assert most_informative(unsure, 1, 0.1)[0] < 5
    assert most_informative(unsure, 2, 0.1)[1] == 5


@pytest.mark.parametrize("seed", range(5))
def test_each_row_taken_is_the_one_after_which_least_variance_is_left(seed: int) -> None:
    rng = np.random.default_rng(seed)
    unsure, noise, free = kernel_of(50, seed, 0.3) * 2.5, 0.2, rng.random(50) < 0.5
    left = unsure.copy()

    def after(row: int) -> npt.NDArray[np.float64]:
        return np.asarray(left - np.outer(left[row], left[row]) / (left[row, row] + noise))

    for row in most_informative(unsure, 15, noise, free).tolist():
        assert free[row]
        assert np.trace(after(row)) == pytest.approx(min(np.trace(after(k)) for k in np.flatnonzero(free)), abs=1e-9)
        free[row] = False
        left = after(row)


def test_photos_that_cannot_be_chosen_count_among_what_is_to_be_predicted() -> None:
    crowd = np.full((6, 6), 0.8) + 0.2 * np.eye(6)
    unsure = np.eye(9)
    unsure[:2, :2] = [[1, 0.9], [0.9, 1]]  # two that may be chosen and stand for each other
    unsure[3:, 3:] = crowd
    may = np.array([True, True, False, True, *[False] * 5])  # of the crowd one may be chosen
    assert most_informative(unsure, 1, 0.1, may).tolist() == [3]
    inside = np.flatnonzero(may)
    assert inside[most_informative(unsure[np.ix_(inside, inside)], 1, 0.1)[0]] != 3


def test_choices_are_spread_over_levels_of_the_prediction() -> None:
    score, free = np.arange(60, dtype=np.float64), np.arange(60) % 2 == 0
    level = levels(score, free)
    assert np.all(level[~free] == -1)
    np.testing.assert_array_equal(np.bincount(level[free]), [6] * 5)
    found = informed_choice(kernel_of(60), free, score, 10, 0.1)
    np.testing.assert_array_equal(np.bincount(level[found]), [2] * 5)
    assert sorted(informed_choice(kernel_of(60), free, score, 99, 0.1)) == np.flatnonzero(free).tolist()


def test_to_know_what_will_be_predicted_saves_votes() -> None:
    """Photos that judge lie where few photos of the pool are: a choice that knows it goes there."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(150, 8)), rng.normal(size=(50, 8)) * 0.3 + 1])
    score = np.sin(2 * x[:, 0]) + x[:, 1]
    kernel = np.exp(-((x[:, None] - x[None]) ** 2).sum(axis=2) / 8)
    pool, target = np.arange(160), np.arange(160, 200)
    miss = {}
    for strategy in (Strategy.INFORMED, Strategy.INFORMED_BY_POOL):
        seen = np.arange(10)
        for _ in range(4):
            state = condition(kernel, seen, score[seen], 0.1)
            more = next_photos(strategy, state, np.setdiff1d(pool, seen), 8, np.random.default_rng(3))
            seen = np.concatenate([seen, more])
        miss[strategy] = np.mean((condition(kernel, seen, score[seen], 0.1).score[target] - score[target]) ** 2)
    assert miss[Strategy.INFORMED] < miss[Strategy.INFORMED_BY_POOL]


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


def test_votes_needed_by_number_of_votes_and_a_level_that_is_never_reached() -> None:
    spent = np.arange(100, 1100, 100)
    arm = Arm(Strategy.RANDOM, 1)
    slow = Curve(arm, spent, np.tile(spent / 2000, (5, 1)))
    fast = Curve(arm, spent, np.tile(np.sqrt(spent / 4000), (5, 1)))
    assert saving_at(fast, slow, 600).value == pytest.approx(0.6, abs=0.02)  # sqrt(v / 4000) = .3 where v = 360
    assert saving_at(slow, fast, 600).value == pytest.approx(np.sqrt(600 / 4000) * 2000 / 600, abs=0.02)
    lame = Curve(arm, spent, np.tile(spent / 9000, (5, 1)))
    assert saving_at(lame, slow, 600).value == saving_at(lame, slow, 600).high == np.inf

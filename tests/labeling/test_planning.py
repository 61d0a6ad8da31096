"""Planning against published figures and other implementations."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.planning import (
    MOST_RATERS,
    cost_of,
    half_width,
    icc_of_mean,
    raters_for_half_width,
    raters_for_icc,
    shrunk_sd,
    spread_of,
    votes_missing,
)
from schemas.errors import WrongUse

SHROUT_FLEISS: npt.NDArray[np.int64] = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)


def long_form(table: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    photos = np.repeat(np.arange(len(table)), table.shape[1])
    return photos, table.reshape(-1).astype(np.float64)


@pytest.mark.parametrize(
    ("n", "width"), [(5, 1.24), (10, 0.715), (15, 0.554), (24, 0.422), (35, 0.344), (50, 0.284), (100, 0.198)]
)
def test_half_widths_are_those_of_the_t_distribution(n: int, width: float) -> None:
    assert half_width(n, 1.0) == pytest.approx(width, abs=0.005)
    assert raters_for_half_width(half_width(n, 0.7), 0.7) == n


@given(st.floats(0.02, 3), st.lists(st.floats(0.01, 2), min_size=1, max_size=20))
def test_no_photo_gets_a_vote_too_many_or_too_few(wanted: float, spreads: list[float]) -> None:
    sd = np.array(spreads)
    if half_width(MOST_RATERS, sd.max()) > wanted:
        with pytest.raises(WrongUse, match="needs over 10,000 votes"):
            votes_missing(np.zeros(len(sd), np.int64), sd, wanted)
        return
    for needed, one in zip(votes_missing(np.zeros(len(sd), np.int64), sd, wanted), sd, strict=True):
        assert half_width(int(needed), one) <= wanted
        assert needed == 2 or half_width(int(needed) - 1, one) > wanted


@pytest.mark.parametrize(
    ("single", "wanted", "raters"),
    [(0.2, 0.9, 36), (0.2, 0.95, 76), (0.3, 0.9, 21), (0.3, 0.95, 45), (0.4, 0.9, 14), (0.4, 0.95, 29)],
)
def test_raters_for_a_reliability_are_those_of_spearman_and_brown(single: float, wanted: float, raters: int) -> None:
    # The table rounds 44.33 to 45 and 13.5 to 14: fewest raters that reach it.
    assert raters_for_icc(wanted, single) == raters
    assert icc_of_mean(single, raters) >= wanted - 1e-12
    assert icc_of_mean(single, raters - 1) < wanted


def test_a_pilots_spread_is_that_of_shrout_and_fleiss() -> None:
    found = spread_of(*long_form(SHROUT_FLEISS))
    assert found is not None
    assert found.icc1 == pytest.approx(0.165742, abs=1e-6)
    assert icc_of_mean(found.icc1, 4) == pytest.approx(0.442797, abs=1e-6)
    assert found.sd == pytest.approx(math.sqrt(SHROUT_FLEISS.var(axis=1, ddof=1).mean()))


def test_an_unbalanced_pilots_spread_is_that_of_a_random_effects_model() -> None:
    from statsmodels.formula.api import mixedlm

    rng = np.random.default_rng(4)
    photos = np.repeat(np.arange(150), rng.integers(2, 9, 150))
    values = rng.normal(0, 0.7, 150)[photos] + rng.normal(0, 1.0, len(photos))
    found = spread_of(photos, values)
    assert found is not None
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = mixedlm("v ~ 1", pd.DataFrame({"v": values, "g": photos}), groups="g").fit()
    between = float(fitted.cov_re.iloc[0, 0])
    assert found.sd**2 == pytest.approx(fitted.scale, rel=0.02)
    assert found.icc1 == pytest.approx(between / (between + fitted.scale), abs=0.02)


def test_no_spread_is_made_up_where_no_photo_has_two_votes() -> None:
    assert spread_of(np.array([0, 1, 2]), np.array([1.0, 2.0, 3.0])) is None
    one = spread_of(np.array([0, 0, 0]), np.array([1.0, 2.0, 3.0]))
    assert one is not None
    assert math.isnan(one.icc1)


def test_a_photo_is_settled_by_its_votes_not_by_chance_agreement() -> None:
    photos = np.repeat([0, 1, 2], [5, 60, 5])
    values = np.concatenate([np.full(5, 3.0), np.tile([2.0, 4.0], 30), [1.0, 5.0, 1.0, 5.0, 3.0]])
    spread = spread_of(photos, values)
    assert spread is not None
    n, sd = shrunk_sd(photos, values, spread)
    assert n.tolist() == [5, 60, 5]
    assert sd[0] > 0.6 * spread.sd  # five equal votes: still far from certain
    missing = votes_missing(n, sd, 0.3)
    assert missing[1] == 0
    assert missing[2] > missing[0] > 0
    assert half_width(int(n[0] + missing[0]), float(sd[0])) <= 0.3


def test_hours_and_pay_follow_from_votes() -> None:
    cost = cost_of(votes=12_000, seconds_per_vote=6, hourly_pay=15)
    assert (cost.hours, cost.pay) == (20, 300)


def test_what_cannot_be_planned_is_refused() -> None:
    for wanted, sd in ((0, 1), (1, 0)):
        with pytest.raises(WrongUse, match="above 0"):
            raters_for_half_width(wanted, sd)
    with pytest.raises(WrongUse, match="over 10,000 votes"):
        raters_for_half_width(0.001, 1)
    with pytest.raises(WrongUse, match="between 0 and 1"):
        raters_for_icc(1.0, 0.2)

"""The audit's figures: intervals that others compute too, strata, and the limit that meets a precision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from statsmodels.stats.proportion import proportion_confint

from curation.filtering.audit import Audited, limit_for, shares, strata_of, wilson


def audited(score: float, *, wrong: bool, rule: str = "dark", threshold: float = 10.0, stratum: str = "day") -> Audited:
    return Audited(
        photo_id=f"{rule}{score}", rule=rule, wrong=wrong, strata=(stratum,), score=score, threshold=threshold
    )


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (1, 5), (5, 5), (13, 40), (500, 1000)])
def test_intervals_are_wilsons(hits: int, n: int) -> None:
    assert wilson(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-12)


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        wilson(0, 0)


def test_shares_are_counted_by_rule_and_stratum() -> None:
    found = shares(
        [
            audited(1, wrong=True),
            audited(2, wrong=False, stratum="night"),
            audited(3, wrong=False, stratum="night"),
            audited(4, wrong=True, rule="blank"),
        ]
    )
    assert [(s.rule, s.stratum, s.wrong, s.audited) for s in found] == [
        ("blank", "", 1, 1),
        ("blank", "day", 1, 1),
        ("dark", "", 1, 3),
        ("dark", "day", 1, 1),
        ("dark", "night", 0, 2),
    ]
    assert found[2].share == pytest.approx(1 / 3)


def test_photos_of_a_small_sampling_fraction_count_for_more() -> None:
    # One wrongly dropped photo stands for nine, three rightly dropped ones for one each.
    photos = [audited(1, wrong=True), *(audited(k, wrong=False) for k in (2, 3, 4))]
    found = shares([replace(one, weight=9.0 if one.wrong else 1.0) for one in photos])[0]
    assert (found.audited, found.wrong) == (4, 1)
    assert found.share == pytest.approx(9 / 12)
    effective = 12**2 / (81 + 3)
    assert (found.low, found.high) == pytest.approx(wilson(0.75 * effective, effective))
    assert found.high - found.low > wilson(3, 4)[1] - wilson(3, 4)[0]  # it says less than four equal ones


def test_the_limit_moves_outwards_until_the_rule_drops_rightly_often_enough() -> None:
    # Dropped below 10; people would have kept those near the line.
    photos = [audited(score, wrong=score > 6) for score in (1, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert limit_for(photos, 0.5) == 10  # 6 of 9 are right: as it is
    assert limit_for(photos, 0.8) == 7.5  # 1 to 7: 6 of 7
    assert limit_for(photos, 1.0) == 6.5
    assert limit_for([audited(1, wrong=True)], 0.5) is None
    assert limit_for([], 0.5) is None


def test_the_limit_moves_up_where_a_rule_drops_what_is_above() -> None:
    photos = [audited(score, wrong=score < 14, threshold=10.0) for score in (11, 12, 13, 14, 15, 16)]
    assert limit_for(photos, 1.0) == 13.5


def test_strata_say_camera_light_colour_and_size() -> None:
    assert strata_of("Canon EOS", 0.1, 2.0, 12) == (
        "camera Canon EOS",
        "8 megapixels and more",
        "night or dark",
        "monochrome",
    )
    assert strata_of(None, None, 30.0, 0.2) == ("camera unknown", "below 1 megapixel", "colour")

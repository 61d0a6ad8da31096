"""Checks of raters: figures that find what was planted, and screening that never acts on disagreement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labeling.scoring.batches import batch_links
from labeling.scoring.checks import rater_checks
from labeling.scoring.counted import CountedVotes
from labeling.scoring.drift import (
    alike_raters,
    common_drift,
    link_by_anchors,
    own_residuals,
    rater_drift,
)
from labeling.scoring.figures import rater_trends
from labeling.scoring.question import Design, Question, score_question
from labeling.scoring.screening import bt500, reasons, refuse_changed, screened_out
from labeling.scoring.two_way import two_way
from labeling.scoring.votes import VoteSet
from schemas.errors import BadInput, WrongUse
from schemas.ratings import RATINGS
from schemas.settings.score import ScoreSettings, ScreeningSettings
from tests.labeling.votes_files import matrix, sureal

WHAT = Question("beauty", "1-7", 1, 7)
START = datetime(2024, 1, 1, tzinfo=UTC)


def ratings(rows: list[dict[str, Any]]) -> pa.Table:
    """Ratings from what matters: photo, rater, value, and any other column."""
    common = {
        "question": "beauty",
        "scale": "1-7",
        "scale_low": 1.0,
        "scale_high": 7.0,
        "role": "rate",
        "source": "test",
        "status": "counted",
        "simulated": False,
        "recorded_at": START,
    }
    full = [
        {**common, "rating_id": str(n), "identity": str(n), "photo_id": row.pop("photo"), "rater_id": row.pop("rater")}
        | row
        for n, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(full, RATINGS.schema)


def counted(rows: list[dict[str, Any]]) -> CountedVotes:
    """The same as votes that count."""
    return CountedVotes.from_arrow(ratings(rows))


def panel(raters: int = 8, photos: int = 30, seed: int = 0) -> list[dict[str, Any]]:
    """Attentive raters who see the photos in an order of their own."""
    rng = np.random.default_rng(seed)
    quality = rng.uniform(2, 6, photos)
    rows = []
    for rater in range(raters):
        for place, photo in enumerate(rng.permutation(photos).tolist()):
            value = float(np.clip(np.round(quality[photo] + rng.normal(0, 0.8)), 1, 7))
            when = START + timedelta(seconds=10 * place)
            row = {"photo": f"p{photo:02}", "rater": f"r{rater}", "value": value, "position": place + 1}
            rows.append({**row, "submitted_at": when, "seconds": 6.0 + rater})
    return rows


def one_rater(rows: list[dict[str, Any]], rater: str) -> dict[str, float | int]:
    table = ratings(rows)
    ids = table["rater_id"].unique().sort()
    place: int = ids.to_pylist().index(rater)
    return rater_checks(CountedVotes.from_arrow(table))[place]


def test_a_straight_liner_is_seen_in_run_length_modal_share_and_entropy() -> None:
    rows = [{**row, "value": 4.0} if row["rater"] == "r3" else row for row in panel()]
    found = one_rater(rows, "r3")
    assert (found["longest_run"], found["modal_share"], found["entropy"], found["sd"]) == (30, 1.0, 0.0, 0.0)
    assert found["median_seconds"] == 9.0


def test_repeats_tell_how_much_a_rater_differs_from_themselves() -> None:
    extra = [
        {"photo": f"p{n:02}", "rater": "r0", "value": value, "position": 30 + n, "seconds": 1.0}
        for n, value in enumerate([1.0, 7.0, 1.0, 7.0, 1.0, 7.0])
    ]
    first = {row["photo"]: row["value"] for row in panel() if row["rater"] == "r0"}
    differences = np.array([first[row["photo"]] - row["value"] for row in extra])
    found = one_rater(panel() + extra, "r0")
    assert found["repeats"] == 6
    assert found["repeat_error"] == pytest.approx(np.sqrt((differences**2).mean() / 2), abs=1e-6)


def test_anchors_are_hit_by_the_attentive_and_missed_by_who_turns_the_scale_round() -> None:
    rows: list[dict[str, Any]] = []
    for rater in range(10):
        for photo, truth in enumerate([1.0, 7.0, 2.0, 6.0, 1.0, 7.0]):
            value = 8 - truth if rater == 9 else float(np.clip(truth + (rater % 3) - 1, 1, 7))
            rows.append({"photo": f"p{photo}", "rater": f"r{rater}", "value": value, "role": "anchor"})
    assert one_rater([dict(row) for row in rows], "r9")["anchor_hits"] == 0.0
    assert one_rater(rows, "r4")["anchor_hits"] == 1.0


def test_screening_acts_on_its_limits_and_on_nothing_else() -> None:
    check: dict[str, float | int] = {"n": 50, "modal_share": 0.9, "median_seconds": 0.4, "longest_run": 12}
    assert reasons(check, ScreeningSettings(name="off@1")) == []
    rules = ScreeningSettings(name="a@1", least_median_seconds=1, longest_run=10, modal_share=0.8)
    assert reasons(check, rules) == ["median_seconds", "longest_run", "modal_share"]
    contrary: dict[str, float | int] = {"n": 50, "modal_share": 0.3, "agreement": -1, "sd": 0.1}
    assert screened_out([check, contrary], rules) == [True, False]


def test_scores_come_with_and_without_screening() -> None:
    rows = [{**row, "value": 7.0} if row["rater"] == "r3" else row for row in panel()]
    settings = ScoreSettings(screening=ScreeningSettings(name="lines@1", longest_run=15))
    found = score_question(counted(rows), WHAT, settings)
    scores = found.scores.to_pylist()
    n = {(row["screening"], row["n"]) for row in scores}
    assert n == {("none", 8), ("lines@1", 7)}
    out = {row["rater_id"] for row in found.raters.to_pylist() if row["screened_out"]}
    assert out == {"r3"}
    assert any("lines@1 leaves 1 of 8" in note for note in found.scoring.notes)


def test_a_screening_keeps_its_limits_as_long_as_it_keeps_its_name() -> None:
    frozen = ScreeningSettings(name="lines@1", longest_run=15)
    refuse_changed(frozen, frozen.model_dump_json())
    refuse_changed(ScreeningSettings(name="lines@2", longest_run=20), frozen.model_dump_json())
    with pytest.raises(WrongUse, match=r"lines@1 was fixed with longest_run = 15 and now has 20"):
        refuse_changed(ScreeningSettings(name="lines@1", longest_run=20), frozen.model_dump_json())


BT500 = {
    "nflx_public": ([2], []),
    "nflx_public_last4outliers": ([26, 28, 29], [26, 29]),
}


@pytest.mark.parametrize("name", BT500)
def test_both_variants_of_bt500_reject_whom_they_are_known_to_reject(name: str) -> None:
    votes = sureal(name)
    assert np.flatnonzero(bt500(votes, "all_stimuli").rejected).tolist() == BT500[name][0]
    assert np.flatnonzero(bt500(votes, "votes_cast").rejected).tolist() == BT500[name][1]


def test_bt500_on_the_p910_sample() -> None:
    votes = VoteSet.from_matrix(matrix("sureal_demo_p910_sample.csv"))
    assert np.flatnonzero(bt500(votes, "all_stimuli").rejected).tolist() == [0, 1]
    # With ddof 1 rater 0 has 6 votes above and 3 below: |P - Q| / (P + Q) = 1/3 is not below .3.
    found = bt500(votes, "votes_cast")
    assert (found.above[0], found.below[0]) == (6, 3)
    assert np.flatnonzero(found.rejected).tolist() == [1]


def test_drift_is_found_where_raters_grow_milder_and_not_where_they_do_not() -> None:
    rng = np.random.default_rng(3)
    photo = np.tile(np.arange(100), 20)
    rater = np.repeat(np.arange(20), 100)
    place = np.concatenate([rng.permutation(100) for _ in range(20)]).astype(np.float64)
    steady = rng.normal(size=100)[photo] + rng.normal(0, 1, 2000)
    for slope, alarm in ((0.0, False), (1.0, True)):
        votes = VoteSet(photo, rater, steady + slope * place / 99, 100, 20)
        fit = two_way(votes)
        found = common_drift(rater_drift(votes, votes.value - fit.quality[photo] - fit.bias[rater], place))
        assert found.alarm is alarm
        assert found.low < slope * 0.95 + 0.1 and found.high > slope * 0.85 - 0.1


def test_drift_is_found_in_rows_that_stand_in_any_order() -> None:
    rng = np.random.default_rng(8)
    rows = panel(raters=20, photos=60)
    milder = [{**row, "value": min(7.0, row["value"] + row["position"] // 20)} for row in rows]
    for given, alarm in ((rows, False), (milder, True)):
        votes = counted([dict(given[place]) for place in rng.permutation(len(given))])
        trend = common_drift(rater_trends(votes, two_way(votes.votes)))
        assert trend.alarm is alarm
        figure = {row.measure: row for row in score_question(votes, WHAT, ScoreSettings()).figures}["drift"]
        assert (figure.value, figure.low, figure.high) == (trend.value, trend.low, trend.high)


def test_one_person_under_two_names_is_flagged_and_straight_liners_are_not() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(60, 1)) + rng.normal(0, 1, (60, 12))
    values[:, 7] = values[:, 2] + rng.normal(0, 0.2, 60)
    values[:, [4, 5]] = 3.0
    votes = VoteSet.from_matrix(values)
    found = alike_raters(votes, own_residuals(votes, two_way(votes).quality))
    assert [(first, second) for first, second, _, _ in found] == [(2, 7)]


def test_anchors_bring_a_shifted_and_stretched_scale_back() -> None:
    rng = np.random.default_rng(5)
    truth = rng.uniform(1, 7, 40)
    link = link_by_anchors(truth, (truth - 1) * 20 + rng.normal(0, 0.5, 40))
    assert link.slope == pytest.approx(1 / 20, rel=0.02)
    assert link.apply(np.array([0.0, 120.0])) == pytest.approx([1, 7], abs=0.1)
    with pytest.raises(BadInput, match="three anchors"):
        link_by_anchors(truth[:2], truth[:2])


def test_batches_are_linked_over_their_anchors_and_a_drifted_one_is_named() -> None:
    rng = np.random.default_rng(6)
    truth = np.linspace(2, 5.5, 12)
    rows: list[dict[str, Any]] = []
    for number, (batch, shift) in enumerate([("spring", 0.0), ("summer", 0.0), ("autumn", 1.0)]):
        for rater in range(12):
            for photo in range(12):
                value = float(np.clip(np.round(truth[photo] + shift + rng.normal(0, 0.6)), 1, 7))
                row = {"photo": f"p{photo}", "rater": f"{batch}{rater}", "value": value, "batch_id": batch}
                when = START + timedelta(days=30 * number, seconds=photo)
                rows.append({**row, "role": "anchor", "submitted_at": when})
    table = ratings(rows)
    summer, autumn = batch_links(table)
    assert (summer.batch, autumn.batch, autumn.anchors) == ("summer", "autumn", 12)
    assert summer.low < 0 < summer.high
    assert autumn.low < 1 < autumn.high and autumn.shift > 0.8
    found = score_question(CountedVotes.from_arrow(table), WHAT, ScoreSettings())
    assert [note for note in found.scoring.notes if "Batch" in note and "autumn" in note]
    assert not [note for note in found.scoring.notes if "Batch summer" in note]
    figures = {(row["stratum"], row["measure"]): row for row in found.reliability.to_pylist()}
    assert figures["batch autumn", "batch_shift"]["value"] == autumn.shift
    slope = figures["batch summer", "batch_slope"]
    assert slope["low"] < 1 < slope["high"]


def test_means_over_what_photos_were_chosen_from_weigh_by_their_chance() -> None:
    chance = {f"p{n:02}": 0.1 if n < 15 else 1.0 for n in range(30)}
    found = score_question(counted(panel()), WHAT, ScoreSettings(), Design({}, chance))
    score = {row["photo_id"]: row["score"] for row in found.scores.to_pylist() if row["method"] == "two_way"}
    weights = {photo: 1 / share for photo, share in chance.items()}
    expected = sum(weights[photo] * score[photo] for photo in score) / sum(weights.values())
    row = {row["measure"]: row for row in found.reliability.to_pylist()}["design_weighted_mean"]
    assert row["value"] == pytest.approx(expected)
    assert row["low"] < expected < row["high"]


def test_two_names_that_vote_alike_are_named_with_their_hours() -> None:
    rows = panel(photos=40)
    double = [
        {**row, "rater": "r9", "submitted_at": row["submitted_at"] + timedelta(days=1)}
        for row in rows
        if row["rater"] == "r2"
    ]
    found = score_question(counted(rows + double), WHAT, ScoreSettings())
    note = next(note for note in found.scoring.notes if "vote alike" in note)
    assert "r2 and r9 (r = 1.00 on 40 photos, never at work together)" in note


def test_the_order_by_the_cumulative_model_and_intervals_over_new_raters_stand_beside_the_default() -> None:
    found = score_question(counted(panel()), WHAT, ScoreSettings(rater_draws=50))
    rows = found.scores.to_pylist()
    default = {row["photo_id"]: row for row in rows if row["method"] == "two_way"}
    ordinal = {row["photo_id"]: row for row in rows if row["method"] == "ordinal"}
    assert default.keys() == ordinal.keys()
    moved = {row["measure"]: row["value"] for row in found.reliability.to_pylist()}["ordinal_moved_share"]
    assert np.mean([row["order_moved"] for row in ordinal.values()]) == moved
    for photo, row in ordinal.items():
        assert row["ci_low"] < row["score"] < row["ci_high"]
        one = default[photo]
        assert one["order_moved"] is None and row["panel_low"] is None
        assert one["panel_low"] < one["score"] < one["panel_high"]


def test_repeated_votes_have_a_correlation_with_its_interval() -> None:
    rows = panel(raters=20, photos=30)
    again = [
        {**row, "position": 31, "value": float(np.clip(row["value"] + (-1) ** n, 1, 7))} for n, row in enumerate(rows)
    ]
    found = score_question(counted(rows + again), WHAT, ScoreSettings())
    figures = {row["measure"]: row for row in found.reliability.to_pylist()}
    for name in ("retest", "retest_error", "beholder1", "icc2"):
        assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"], name


def test_reliability_is_given_by_stratum_where_photos_have_one() -> None:
    strata = {f"p{n:02}": "night" if n < 15 else "day" for n in range(30)} | {"p00": "lonely"}
    found = score_question(counted(panel()), WHAT, ScoreSettings(), Design(strata))
    rows = found.reliability.to_pylist()
    photos = {row["stratum"]: row["photos"] for row in rows}
    assert photos == {"all": 30, "day": 15, "night": 14}  # one photo alone says nothing
    assert {row["measure"] for row in rows if row["stratum"] == "day"} >= {"icc1", "alpha_interval", "split_half"}

"""Checks of raters: figures that find what was planted, and screening that never acts on disagreement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labeling.scoring.checks import rater_checks
from labeling.scoring.drift import (
    alike_raters,
    batch_drift,
    common_drift,
    link_by_anchors,
    own_residuals,
    rater_drift,
)
from labeling.scoring.question import Question, score_question
from labeling.scoring.screening import bt500, reasons, screened_out
from labeling.scoring.two_way import two_way
from labeling.scoring.votes import VoteSet
from schemas.errors import BadInput
from schemas.ratings import RATINGS
from schemas.settings.score import ScoreSettings, ScreeningSettings
from tests.labeling.votes_files import matrix, sureal

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
    return rater_checks(table, ids)[place]


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
    found = score_question(ratings(rows), Question("beauty", "1-7", 1, 7), settings)
    scores = found.scores.to_pylist()
    n = {(row["screening"], row["n"]) for row in scores}
    assert n == {("none", 8), ("lines@1", 7)}
    out = {row["rater_id"] for row in found.raters.to_pylist() if row["screened_out"]}
    assert out == {"r3"}
    assert any("lines@1 leaves 1 of 8" in note for note in found.scoring.notes)


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


def test_batches_drift_is_read_from_their_anchors_alone() -> None:
    photo = np.array([0, 1, 2, 0, 1, 3])
    batch = np.array([0, 0, 0, 1, 1, 1])
    value = np.array([2.0, 4.0, 9.0, 3.0, 5.0, 1.0])
    votes = VoteSet(photo, np.zeros(6, np.int64), value, 4, 1)
    anchor = np.array([True, True, False, True, True, False])
    assert batch_drift(votes, batch, anchor, 2).tolist() == [0.0, 1.0]


def test_reliability_is_given_by_stratum_where_photos_have_one() -> None:
    strata = {f"p{n:02}": "night" if n < 15 else "day" for n in range(30)} | {"p00": "lonely"}
    found = score_question(ratings(panel()), Question("beauty", "1-7", 1, 7), ScoreSettings(), strata)
    rows = found.reliability.to_pylist()
    photos = {row["stratum"]: row["photos"] for row in rows}
    assert photos == {"all": 30, "day": 15, "night": 14}  # one photo alone says nothing
    assert {row["measure"] for row in rows if row["stratum"] == "day"} >= {"icc1", "alpha_interval", "split_half"}

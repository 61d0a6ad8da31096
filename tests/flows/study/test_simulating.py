"""A simulated panel on real tables."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta

import pytest

from flows.context import Run
from flows.select import write
from schemas.errors import WrongUse
from schemas.ratings import TASKS
from tests.flows.study.curated import (
    as_sent,
    planned,
    settings_of,
    simulated,
)


def test_a_simulated_panel_answers_once_and_says_so_in_every_row(run: Run) -> None:
    settings_of(run, "[study]\nbatch_size = 25\noverlap = 3\naudit_share = 0\n")
    first = simulated(run, raters=5)
    assert first.counts["votes"] == 75
    assert first.counts["new rows"] == 75
    rows = run.warehouse.query("SELECT * FROM ratings").to_pylist()
    assert len({(row["rater_id"], row["photo_id"]) for row in rows}) == 75
    assert {row["simulated"] for row in rows} == {True}
    assert Counter(Counter(row["photo_id"] for row in rows).values()) == {3: 25}
    assert len({row["rater_id"] for row in rows}) == 5
    assert {row["submitted_at"].year for row in rows} == {2000}
    assert run.warehouse.query("SELECT DISTINCT panel FROM rater_profiles")["panel"].to_pylist() == ["simulated"]
    versions = [run.warehouse.tables[name].version for name in ("ratings", "batches", "tasks", "rater_profiles")]
    assert simulated(run, raters=5).counts["new rows"] == 0
    assert [run.warehouse.tables[n].version for n in ("ratings", "batches", "tasks", "rater_profiles")] == versions


def test_simulated_raters_keep_away_from_batches_of_people(run: Run) -> None:
    write(run, planned(run, 10))
    as_sent(run, "batch-1")
    with pytest.raises(WrongUse, match="was sent to people"):
        simulated(run, batch="batch-1")
    with pytest.raises(WrongUse, match="no batch 'nowhere'"):
        simulated(run, batch="nowhere")
    with pytest.raises(WrongUse, match="--through: expected tables or labelstudio, got 'mail'"):
        simulated(run, through="mail")
    simulated(run, n=8, raters=4)
    assert {row["batch_id"] for row in run.warehouse.query("SELECT batch_id FROM ratings").to_pylist()} == {"batch-2"}


def test_a_simulated_study_has_positions_sessions_and_repeats_as_designed(run: Run) -> None:
    settings_of(
        run, '[study]\nqueue = "project_per_rater"\nraters = 6\noverlap = 4\nbatch_size = 75\naudit_share = 0\n'
    )
    outcome = simulated(run)
    assert outcome.counts["simulated raters"] == 6
    rows = run.warehouse.query(
        "SELECT r.*, t.position AS planned FROM ratings r JOIN tasks t USING (task_key) ORDER BY rater_id, r.position"
    ).to_pylist()
    assert all(row["position"] == row["planned"] for row in rows)
    repeats = [row for row in rows if row["role"] == "repeat"]
    assert len(repeats) >= 12
    by_task = {row["task_key"]: row for row in rows}
    assert all(by_task[row["repeat_of"]]["rater_id"] == row["rater_id"] for row in repeats)
    counted = run.warehouse.query("SELECT count(*) AS n FROM counted_ratings WHERE role = 'training'")
    assert counted["n"][0].as_py() == 0
    for _, group in itertools.groupby(rows, key=lambda row: row["rater_id"]):
        times = [row["submitted_at"] for row in group]
        assert all(later - earlier > timedelta(0) for earlier, later in itertools.pairwise(times))


def test_simulated_comparisons_go_to_their_own_table(run: Run) -> None:
    settings_of(run, '[study]\nprotocol = "pairwise"\nbatch_size = 20\noverlap = 3\naudit_share = 0\n')
    outcome = simulated(run, raters=4)
    assert outcome.counts["votes"] == 60 * 3
    assert run.warehouse.table(TASKS).count() == 60
    assert run.warehouse.query("SELECT count(*) AS n FROM ratings")["n"][0].as_py() == 0
    outcomes = run.warehouse.query("SELECT outcome, count(*) AS n FROM counted_comparisons GROUP BY 1").to_pylist()
    assert {row["outcome"] for row in outcomes} == {"left", "right", "tie"}

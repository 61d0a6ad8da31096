"""Select and plan as commands, and the protocols there are."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from flows.cli.main import build
from flows.context import Run
from flows.plan import plan, read_pilot
from flows.select import select
from flows.selection.plan import plan_batch
from schemas.errors import WrongUse
from schemas.ratings import BATCHES, TASKS
from tests.flows.study.curated import (
    settings_of,
    simulated,
)


def test_select_previews_without_writing_and_its_report_shows_the_photos(run: Run) -> None:
    settings_of(run, "[study]\nbatch_size = 12\noverlap = 3\n")
    outcome = select(run.root, preview=True)
    assert outcome.counts["state"] == "previewed"
    assert run.warehouse.table(BATCHES).count() == run.warehouse.table(TASKS).count() == 0
    page = Path(outcome.files["report"]).read_text(encoding="utf-8")
    assert page.count('class="tile') == 12
    assert "inclusion probability" in page
    assert "<script" not in page
    assert select(run.root).counts["state"] == "written"
    assert select(run.root).counts["state"] == "unchanged"


def test_a_plan_rests_on_the_ratings_there_are_and_names_what_is_unsettled(run: Run) -> None:
    settings_of(run, "[study]\nbatch_size = 30\noverlap = 6\naudit_share = 0\n")
    stated = plan(run.root, interval=0.5, sd=1.0)
    assert stated.counts["votes per photo"] == 18
    assert "No ratings tell the spread yet" in stated.notes[0]
    with pytest.raises(WrongUse, match="--icc1"):
        plan(run.root, icc=0.9)
    simulated(run, raters=8)
    pilot = read_pilot(run, None)
    assert pilot is not None
    assert pilot.simulated
    assert 0.6 < pilot.spread.sd < 1.1
    assert 0.05 < pilot.spread.icc1 < 0.9
    found = plan(run.root, interval=0.4)
    rows = list(csv.DictReader(Path(found.files["photos that need more"]).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == found.counts["photos that need more"]
    assert sum(int(row["votes_needed"]) for row in rows) == found.counts["votes still needed"]
    assert "simulated votes" in found.notes[0]
    with pytest.raises(WrongUse, match="no ratings of 'smell'"):
        plan(run.root, question="smell")
    # The list of photos that need more is a list that select takes.
    again = plan_batch(run, from_list=found.files["photos that need more"], name="more", again=True)
    assert again is not None
    assert len(again.stimuli) == len(rows)


def test_protocols_are_listed_and_shown(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    from typer.testing import CliRunner

    runner = CliRunner()
    listed = runner.invoke(build(), ["protocols", "--root", run.root, "--json"])
    assert {row["protocol"] for row in json.loads(listed.stdout)} >= {"acr-5", "1-10", "slider", "pairwise"}
    shown = runner.invoke(build(), ["protocols", "show", "pairwise", "--root", run.root])
    assert "Which photo is more beautiful?" in shown.stdout
    assert "<Choice" in shown.stdout
    wrong = runner.invoke(build(), ["protocols", "show", "nothing", "--root", run.root])
    assert isinstance(wrong.exception, WrongUse)

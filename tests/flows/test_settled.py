"""A stage that would change nothing says so without running, and only then."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prefect import Flow

from flows.context import Run, open_run
from flows.curate import curate
from flows.outcome import Outcome
from flows.runtime import run_flow
from flows.settled import STAGES, settled, unless_settled
from schemas.photos import BURSTS, Burst
from tests.command_line import salon
from warehouse.delta import Table
from warehouse.store import Warehouse

FLOWS = {
    "dedupe": "flows.dedupe:dedupe",
    "embed": "flows.embed:embed",
    "filter": "flows.filter:filter_photos",
    "score": "flows.score:score",
}
PARAMETERS: dict[str, dict[str, object]] = {"embed": {"embedder": "descriptor"}}
CHECKOUT = Path(__file__).resolve().parents[2]


def write_photos(folder: Path) -> None:
    """Five pictures, two of them the same one in two qualities."""
    folder.mkdir()
    for seed in range(4):
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC)
        picture.save(folder / f"{seed}.jpg", quality=95)
        if not seed:
            picture.save(folder / "copy.jpg", quality=70)


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that has been through curate and import-ratings once, and its photos beside it."""
    place = tmp_path_factory.mktemp("settled")
    write_photos(place / "photos")
    Warehouse.create(place / "root")
    run_flow(curate, root=str(place / "root"), sources=[str(place / "photos")])
    votes = place / "votes.csv"
    lines = [f"{seed}.jpg,r{rater},{1 + (seed + rater) % 5}" for seed in range(4) for rater in range(3)]
    votes.write_text("photo,rater,score\n" + "\n".join(lines) + "\n")
    importing = "flows.import_ratings:import_ratings"
    run_flow(importing, root=str(place / "root"), file=str(votes), scale="1-5", simulated=True)
    run_flow(FLOWS["score"], root=str(place / "root"))
    return place


def copy_of(curated: Path, to: Path) -> Run:
    """A warehouse of one's own with the same content; only its place differs."""
    shutil.copytree(curated / "root", to / "root")
    return open_run(str(to / "root"))


def remembered(run: Run, stage: str) -> Outcome | None:
    return settled(run, stage, PARAMETERS.get(stage, {}))


@pytest.mark.parametrize("stage", sorted(FLOWS))
def test_what_is_remembered_is_what_a_whole_second_run_says(stage: str, curated: Path, tmp_path: Path) -> None:
    run = copy_of(curated, tmp_path)
    at_once = remembered(run, stage)
    assert at_once is not None
    (tmp_path / "root" / "state" / f"{stage}.json").unlink()
    assert remembered(run, stage) is None
    whole = run_flow(FLOWS[stage], root=run.root)
    assert at_once.counts == whole.counts
    assert at_once.notes[:-1] == whole.notes
    assert "there was nothing to do" in at_once.notes[-1]


@pytest.mark.parametrize("stage", sorted(FLOWS))
def test_a_stage_touches_no_table_but_those_it_names(
    stage: str, curated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_of(curated, tmp_path)
    (tmp_path / "root" / "state" / f"{stage}.json").unlink()
    touched, original = set(), Table.delta

    def delta(table: Table, version: int | None = None) -> object:
        touched.add(table.spec.name)
        return original(table, version)

    monkeypatch.setattr(Table, "delta", delta)
    run_flow(FLOWS[stage], root=run.root)
    assert touched <= {spec.name for spec in STAGES[stage].tables}
    assert touched


def test_a_changed_table_setting_or_file_unsettles(curated: Path, tmp_path: Path) -> None:
    run = copy_of(curated, tmp_path)
    settings = tmp_path / "root" / "salon.toml"
    assert remembered(run, "filter") is not None
    settings.write_text("[filter.rules.dark]\nenabled = false\n")
    assert remembered(open_run(run.root), "filter") is None
    settings.write_text('[schedule]\nscore = ""\n')
    assert remembered(open_run(run.root), "filter") is not None, "no result follows from a schedule"
    run.warehouse.table(BURSTS).insert([Burst(photo_id="f" * 64, burst_id="b", position=0)])
    assert remembered(run, "filter") is None
    assert remembered(run, "dedupe") is None
    assert remembered(run, "embed") is not None, "bursts are no concern of embed"


def test_a_file_that_a_setting_names_is_looked_at(curated: Path, tmp_path: Path) -> None:
    run = copy_of(curated, tmp_path)
    head = tmp_path / "head.safetensors"
    head.write_bytes(b"one")
    parameters = {"embedder": f"open_clip:ViT-B-32@{head}"}
    done = Outcome("embed", {"new vectors": 1}, again={"new vectors": 0})
    unless_settled(run, "embed", parameters, lambda: done)
    found = settled(run, "embed", parameters)
    assert found is not None
    assert found.counts == {"new vectors": 0}
    head.write_bytes(b"other")
    assert settled(run, "embed", parameters) is None


ANOTHER = """
import sys
from schemas.photos import BURSTS, Burst
from warehouse.store import Warehouse
Warehouse.open(sys.argv[1]).table(BURSTS).insert([Burst(photo_id="e" * 64, burst_id="b", position=0)])
"""


def test_nothing_is_remembered_of_a_run_beside_which_another_wrote(curated: Path, tmp_path: Path) -> None:
    run = copy_of(curated, tmp_path)
    (tmp_path / "root" / "state" / "dedupe.json").unlink()
    outcome = Outcome("dedupe", {"photos": 5}, again={})

    def beside_another() -> Outcome:
        subprocess.run([sys.executable, "-c", ANOTHER, run.root], cwd=CHECKOUT, check=True)
        return outcome

    def alone() -> Outcome:
        run.warehouse.table(BURSTS).insert([Burst(photo_id="d" * 64, burst_id="b", position=0)])
        return outcome

    unless_settled(run, "dedupe", {}, beside_another)
    assert remembered(run, "dedupe") is None
    unless_settled(run, "dedupe", {}, lambda: replace(outcome, again=None))
    assert remembered(run, "dedupe") is None, "a stage may say that it is never settled"
    unless_settled(run, "dedupe", {}, alone)
    assert remembered(run, "dedupe") is not None, "what a run writes itself does not unsettle it"


def test_a_damaged_memory_is_no_memory(curated: Path, tmp_path: Path) -> None:
    run = copy_of(curated, tmp_path)
    for content in (b"", b"{", b"[1]", json.dumps({"versions": {}}).encode()):
        (tmp_path / "root" / "state" / "dedupe.json").write_bytes(content)
        assert remembered(run, "dedupe") is None


def test_commands_without_work_start_no_prefect(curated: Path, tmp_path: Path) -> None:
    run = copy_of(curated, tmp_path)
    home = tmp_path / "prefect"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")} | {
        "PREFECT_HOME": str(home), "SALON_ROOT": run.root,
    }  # fmt: skip
    words = ("curate", str(curated / "photos"), "--json")
    command = [str(Path(sys.executable).with_name("salon")), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert counts["ingest: known already"] == counts["ingest: listed"] == 5
    assert counts["dedupe: groups"] == 1
    assert not home.exists(), "Prefect lays out its home as soon as it is asked for anything"


def test_a_new_photo_is_work(curated: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = copy_of(curated, tmp_path)
    shutil.copytree(curated / "photos", tmp_path / "photos")
    Image.effect_noise((300, 300), 80).convert("RGB").save(tmp_path / "photos" / "new.jpg")
    ended = salon(capfd, run.root, "curate", tmp_path / "photos", "--json")
    counts = json.loads(ended.out)["counts"]
    assert counts["ingest: new photos"] == counts["dedupe: new photos"] == 1
    assert counts["embed: had one already"] == 4


def test_every_flow_that_a_command_names_is_there() -> None:
    named = [
        name
        for path in (CHECKOUT / "flows" / "cli").glob("*.py")
        for name in re.findall(r'"(flows\.[\w.]+:\w+)"', path.read_text(encoding="utf-8"))
    ]
    assert len(named) > 15
    for name in named:
        module, _, attribute = name.partition(":")
        assert isinstance(getattr(importlib.import_module(module), attribute), Flow), name

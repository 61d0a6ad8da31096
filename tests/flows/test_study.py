"""Select, simulate and plan on real tables: what is written, what stays, and what is refused."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.cli.main import build
from flows.context import Run
from flows.outcome import Outcome
from flows.plan import plan, read_pilot
from flows.select import ensure_batch, select, write
from flows.selection.plan import Chosen, plan_batch
from flows.simulate import simulate
from schemas.columns import TableSpec
from schemas.errors import BadInput, WrongUse
from schemas.photos import (
    BURSTS,
    DUPLICATES,
    EMBEDDINGS,
    PHOTOS,
    PICTURES,
    SIGHTINGS,
    VERDICTS,
    Burst,
    Duplicate,
    Embedding,
    Photo,
    Picture,
    Sighting,
    Verdict,
)
from schemas.properties import PROPERTIES, Properties
from schemas.protocols import Protocol
from schemas.ratings import BATCHES, TASKS, Batch, Task
from schemas.settings import Settings, StudySettings
from schemas.settings.study import Queue
from tests.labeling.test_selection import photo_ids
from warehouse.store import Warehouse

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PHOTO_COUNT = 120
BURST_SIZE = 4


def defaults(row: type, **given: object) -> dict[str, object]:
    """Values for the columns of a record that a test does not care about."""
    plain = {"string": "", "int64": 1, "double": 0.5, "bool": False, "timestamp[us, tz=UTC]": NOW}
    spec = TableSpec("any", row, ("x",), "")
    lists: dict[str, object] = {c.name: [] for c in spec.columns if str(c.type).startswith("list")}
    return {c.name: plain.get(str(c.type)) for c in spec.columns if not c.nullable} | lists | given


def photo(photo_id: str, **changes: object) -> Photo:
    return Photo(**defaults(Photo, photo_id=photo_id, photographer=None) | changes)  # type: ignore[arg-type]  # as given


def verdict(photo_id: str, **changes: object) -> Verdict:
    return Verdict(**defaults(Verdict, photo_id=photo_id, rule="dark", kept=True) | changes)  # type: ignore[arg-type]  # as given


def jpeg(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 100, 200 - shade)).save(out, "JPEG")
    return out.getvalue()


def fill(root: Path, count: int = PHOTO_COUNT) -> Warehouse:
    """A curated warehouse: bursts of four, some near copies, some rejected photos, vectors and properties."""
    warehouse = Warehouse.create(root)
    ids = photo_ids(count)
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(count, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rejected = {photo_id for n, photo_id in enumerate(ids) if n % 10 == 9}
    tables: dict[TableSpec, Iterable[object]] = {
        PHOTOS: [photo(i, photographer=f"person {n % 5}" if n % 2 else None) for n, i in enumerate(ids)],
        SIGHTINGS: [
            Sighting(**defaults(Sighting, uri=f"/p/{n}.jpg", photo_id=i, file_name=f"{n}.jpg"))  # type: ignore[arg-type]  # as given
            for n, i in enumerate(ids)
        ],
        PICTURES: [
            Picture(photo_id=i, version="canonical@1", width=32, height=24, bytes=jpeg(n)) for n, i in enumerate(ids)
        ],
        PROPERTIES: [
            Properties(
                **defaults(  # type: ignore[arg-type]  # as given
                    Properties, photo_id=i, version="default@1", brightness=float(rng.normal(0.5, 0.1)),
                    colorfulness=float(rng.lognormal(3, 0.4)), sharpness=float(rng.lognormal(6, 1)),
                )
            )
            for i in ids
        ],
        EMBEDDINGS: [
            Embedding(**defaults(Embedding, photo_id=i, model="descriptor@1", vector=vectors[n].tolist()))  # type: ignore[arg-type]  # as given
            for n, i in enumerate(ids)
        ],
        VERDICTS: [
            verdict(i, kept=i not in rejected, rule="nudity" if n % 20 == 19 else "dark") for n, i in enumerate(ids)
        ],
        BURSTS: [
            Burst(photo_id=i, burst_id=f"burst {n // BURST_SIZE}", position=n % BURST_SIZE)
            for n, i in enumerate(ids[:40])
        ],
        DUPLICATES: [
            Duplicate(**defaults(Duplicate, photo_id=i, group_id="g", representative_id=ids[50], relation="near"))  # type: ignore[arg-type]  # as given
            for i in ids[50:52]
        ],
    }  # fmt: skip
    for spec, rows in tables.items():
        warehouse.table(spec).insert(rows)
    return warehouse


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study") / "warehouse"
    fill(root)
    return root


def run_on(root: Path, **study: object) -> Run:
    return Run(str(root), Warehouse.open(root), Settings(study=StudySettings.model_validate(study)))


@pytest.fixture
def run(tmp_path: Path, filled: Path) -> Run:
    """A copy of the curated warehouse, so that no test sees another's batches."""
    import shutil

    shutil.copytree(filled, tmp_path / "warehouse")
    return run_on(tmp_path / "warehouse", batch_size=30, overlap=3)


def settings_of(run: Run, text: str) -> None:
    Path(run.root, "salon.toml").write_text(text, encoding="utf-8")


def planned(run: Run, n: int | None = None, name: str | None = None, again: bool = False) -> Chosen:
    chosen = plan_batch(run, n, name=name, again=again)
    assert chosen is not None
    return chosen


def tasks_of(run: Run, batch_id: str) -> list[Task]:
    rows = run.warehouse.query("SELECT * FROM tasks WHERE batch_id = $1 ORDER BY task_key", [batch_id])
    return [Task(**row) for row in rows.to_pylist()]


def as_sent(run: Run, batch_id: str) -> None:
    rows = run.warehouse.query("SELECT * FROM batches WHERE batch_id = $1", [batch_id]).to_pylist()
    run.warehouse.table(BATCHES).replace([Batch(**rows[0] | {"state": "sent"})], where=f"batch_id = '{batch_id}'")


# -- what is chosen --------------------------------------------------------------------------------
def test_only_kept_photos_are_chosen_and_audits_come_from_the_rejected(run: Run) -> None:
    run = run_on(Path(run.root), batch_size=60, audit_share=0.1)
    chosen = planned(run)
    ids = photo_ids(PHOTO_COUNT)
    number = {photo_id: n for n, photo_id in enumerate(ids)}
    rate = [number[s.photos[0]] for s in chosen.stimuli if s.role == "rate"]
    audit = [number[s.photos[0]] for s in chosen.stimuli if s.role == "audit"]
    assert all(n % 10 != 9 for n in rate)
    assert 51 not in rate  # a near copy of photo 50
    # Of the twelve rejected photos six fell to a rule that nobody may be shown, and those stay hidden.
    assert len(audit) == 6
    assert all(n % 20 == 9 for n in audit)
    assert Counter(n // BURST_SIZE for n in rate if n < 40).most_common(1)[0][1] <= 4
    diverse = [number[s.photos[0]] for s in chosen.stimuli if s.selected_by == "diverse"]
    assert Counter(n // BURST_SIZE for n in diverse if n < 40).most_common(1)[0][1] == 1


def test_every_task_carries_its_probability_and_the_rest_of_the_pool_has_one_too(run: Run) -> None:
    chosen = planned(run, 40)
    facts = json.loads(chosen.batch.selection)
    rate = [task for task in chosen.tasks if task.role == "rate"]
    random = [task for task in rate if task.selected_by == "random"]
    assert len(random) == facts["random"] == 7
    expected = facts["random"] / (facts["candidates"] - facts["diverse"])
    assert [task.inclusion_probability for task in random] == pytest.approx([expected] * 7)
    assert {task.inclusion_probability for task in rate if task.selected_by == "diverse"} == {1.0}
    assert facts["inclusion probability of the others"] == pytest.approx(expected)


def test_choosing_again_changes_nothing_and_writes_no_version(run: Run) -> None:
    assert write(run, planned(run, 20))
    before = [run.warehouse.table(spec).version for spec in (BATCHES, TASKS)]
    assert not write(run, planned(run, 20))
    assert [run.warehouse.table(spec).version for spec in (BATCHES, TASKS)] == before
    assert ensure_batch(run) == "batch-1"


def test_a_batch_that_was_sent_stays_and_the_next_takes_other_photos(run: Run) -> None:
    write(run, planned(run, 40))
    as_sent(run, "batch-1")
    with pytest.raises(WrongUse, match="was sent already"):
        plan_batch(run, 10, name="batch-1")
    second = planned(run, 40)
    assert second.batch.batch_id == "batch-2"
    first_photos = {task.photo_id for task in tasks_of(run, "batch-1")}
    assert first_photos.isdisjoint(photo for s in second.stimuli for photo in s.photos)
    again = planned(run, 100, "third", again=True)
    assert not first_photos.isdisjoint(photo for s in again.stimuli for photo in s.photos)


def test_nothing_is_chosen_when_all_is_taken_and_what_to_do_is_said_when_nothing_is_curated(
    run: Run, tmp_path: Path
) -> None:
    write(run, planned(run, 500))
    as_sent(run, "batch-1")
    assert plan_batch(run, 5) is None
    assert ensure_batch(run) is None
    empty = Run(str(tmp_path / "new"), Warehouse.create(tmp_path / "new"), Settings())
    with pytest.raises(WrongUse, match="run `salon curate"):
        plan_batch(empty, 5)


def test_a_list_is_edited_and_handed_back(run: Run, tmp_path: Path) -> None:
    outcome = select(run.root, n=30)
    path = Path(outcome.files["list"])
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 30
    kept = rows[:12]
    edited = tmp_path / "edited.csv"
    with edited.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
        spare = next(i for i in photo_ids(PHOTO_COUNT) if i not in {row["photo_id"] for row in rows})
        writer.writerow({"photo_id": spare})
    select(run.root, from_list=str(edited))
    tasks = {task.photo_id: task for task in tasks_of(run, "batch-1")}
    assert set(tasks) == {spare, *(row["photo_id"] for row in kept)}
    assert tasks[spare].selected_by == "list"
    for row in kept:
        assert tasks[row["photo_id"]].selected_by == row["selected_by"]
        assert tasks[row["photo_id"]].inclusion_probability == pytest.approx(float(row["inclusion_probability"]))


def test_a_list_may_use_file_names_and_the_rest_is_filled_up_by_rule(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# mine\n3.jpg\n/p/4.jpg\n5\n", encoding="utf-8")
    chosen = plan_batch(run, 20, from_list=str(path))
    assert chosen is not None
    by = Counter(s.selected_by for s in chosen.stimuli if s.role == "rate")
    assert by["list"] == 3
    assert sum(by.values()) == 20
    path.write_text("3.jpg\nnowhere.jpg\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"list.txt, line 2: there is no such photo; got 'nowhere.jpg'"):
        plan_batch(run, from_list=str(path))
    path.write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="the list is empty"):
        plan_batch(run, from_list=str(path))
    with pytest.raises(BadInput, match="cannot be read"):
        plan_batch(run, from_list=str(tmp_path / "missing.txt"))


def test_what_arrives_in_another_order_is_chosen_the_same(tmp_path: Path, run: Run) -> None:
    other = Warehouse.create(tmp_path / "other")
    for name in ("photos", "sightings", "properties", "embeddings", "verdicts", "bursts", "duplicates"):
        rows = run.warehouse.tables[name].read()
        turned = rows.take(list(reversed(range(rows.num_rows))))
        half = rows.num_rows // 2
        other.tables[name].insert(turned.slice(half))
        other.tables[name].insert(turned.slice(0, half))
    key = Path(run.root, ".salon-pseudonym-key")
    mine = planned(run, 25)
    Path(tmp_path, "other", ".salon-pseudonym-key").write_text(key.read_text(encoding="ascii"), encoding="ascii")
    theirs = planned(Run(str(tmp_path / "other"), other, run.settings), 25)
    assert [t.task_key for t in mine.tasks] == [t.task_key for t in theirs.tasks]


def test_an_unknown_property_or_batch_name_is_refused_by_name(run: Run) -> None:
    with pytest.raises(WrongUse, match=r"strata: there is no image property 'beuaty'; there are brightness"):
        plan_batch(run_on(Path(run.root), strata=["beuaty"]), 5)
    with pytest.raises(WrongUse, match="is no name of a batch"):
        plan_batch(run, 5, name="x'; DROP TABLE tasks")


# -- other protocols and designs -------------------------------------------------------------------
def test_a_project_per_rater_gives_every_rater_an_order_with_anchors_and_training(run: Run) -> None:
    run = run_on(
        Path(run.root), queue=Queue.PER_RATER, raters=8, overlap=5, batch_size=60, audit_share=0,
        anchors=["1.jpg"], training=["2.jpg", "6.jpg"], stabilising=3,
    )  # fmt: skip
    chosen = planned(run)
    ids = photo_ids(PHOTO_COUNT)
    assert {task.slot for task in chosen.tasks} == set(range(1, 9))
    for slot in range(1, 9):
        own = sorted((t for t in chosen.tasks if t.slot == slot), key=lambda t: t.position or 0)
        assert {t.photo_id for t in own[:2]} == {ids[2], ids[6]}
        assert [t.role for t in own[:5]] == ["training"] * 5
        assert [t.photo_id for t in own if t.role == "anchor"] == [ids[1]]
        assert not {ids[2], ids[6]} & {t.photo_id for t in own[2:]}
        bursts = [ids.index(t.photo_id) // BURST_SIZE if ids.index(t.photo_id) < 40 else t.photo_id for t in own]
        assert all(a != b for a, b in itertools.pairwise(bursts))
    design = json.loads(chosen.batch.design)
    assert design["concurrence_sd"] >= design["least_concurrence_sd"]
    assert design["raters"] == 8


def test_a_shared_queue_says_that_it_has_no_training(run: Run) -> None:
    chosen = planned(run_on(Path(run.root), batch_size=20, training=["2.jpg"]))
    assert all(task.slot is None for task in chosen.tasks)
    assert any("project_per_rater" in note for note in chosen.notes)
    assert not [task for task in chosen.tasks if task.role == "training"]


def test_pairs_are_made_of_chosen_photos_and_need_no_photo_twice(run: Run) -> None:
    chosen = planned(run_on(Path(run.root), protocol="pairwise", batch_size=30, pairs_per_photo=4, audit_share=0))
    assert len(chosen.tasks) == 60
    assert all(task.right_photo_id and task.right_photo_id != task.photo_id for task in chosen.tasks)
    left = Counter(task.photo_id for task in chosen.tasks)
    right = Counter(task.right_photo_id for task in chosen.tasks)
    assert set(left.values()) == set(right.values()) == {2}
    assert chosen.batch.photos == 30


def test_best_frame_tasks_hold_kept_frames_of_one_burst_in_order(run: Run) -> None:
    chosen = planned(run_on(Path(run.root), protocol="best-frame", batch_size=5))
    number = {photo_id: n for n, photo_id in enumerate(photo_ids(PHOTO_COUNT))}
    assert len(chosen.tasks) == 5
    for task in chosen.tasks:
        frames = [number[photo_id] for photo_id in task.frame_ids or []]
        assert len(frames) == 3
        assert len({n // BURST_SIZE for n in frames}) == 1
        assert frames == sorted(frames)
        assert all(n % 10 != 9 for n in frames)


def test_a_protocol_of_the_settings_decides_the_version_that_a_batch_carries(run: Run) -> None:
    mine = Protocol(like="1-10", wording="How much do you like it?")
    chosen = planned(run_on(Path(run.root), protocol="mine", protocols={"mine": mine}, batch_size=5))
    assert chosen.batch.protocol == "mine"
    assert chosen.batch.protocol_version != planned(run, 5).batch.protocol_version


# -- the commands as a whole -----------------------------------------------------------------------
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


def simulated(run: Run, **how: object) -> Outcome:
    return simulate(run.root, **how)  # type: ignore[call-overload,no-any-return]  # parameters as given


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

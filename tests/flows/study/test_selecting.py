"""What is chosen: which photos, with which probability, from which list."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from flows.context import Run
from flows.select import ensure_batch, select, write
from flows.selection.plan import plan_batch
from schemas.errors import BadInput, WrongUse
from schemas.ratings import BATCHES, TASKS
from schemas.settings import Settings
from tests.flows.study.curated import (
    BURST_SIZE,
    PHOTO_COUNT,
    as_sent,
    planned,
    run_on,
    tasks_of,
)
from tests.labeling.test_selection import photo_ids
from warehouse.store import Warehouse


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
    path.write_text("# mine\nrole,photo_id\nrate,3.jpg\n\nrate,nowhere.jpg\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"list.txt, line 5: there is no such photo; got 'nowhere.jpg'"):
        plan_batch(run, from_list=str(path))
    path.write_text("role,photo_id\nrate\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"list.txt, line 2: there is no such photo; got ''"):
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

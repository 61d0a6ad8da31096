"""A model's predictions as suggestions: only where the protocol says so, recorded, and the votes still count."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.labelstudio.collect import collect
from flows.labelstudio.panel import panel_accounts
from flows.labelstudio.send import send
from labeling.design.shared import shared_queue
from labeling.design.stimuli import Stimulus
from labeling.labelstudio.client import LabelStudio
from labeling.labelstudio.panel import result_of
from labeling.protocols.answers import Answer
from labeling.protocols.catalogue import resolve
from schemas.codes import TaskRole
from schemas.errors import BadInput, WrongUse
from schemas.protocols import Protocol
from schemas.ratings import PROJECTS, SENT_TASKS, SUGGESTIONS
from tests.flows.labelstudio.studies import SECRET, add_batch, add_photos, shared_batch
from tests.labelstudio_server import TestServer

pytestmark = pytest.mark.server
PROTOCOLS = {"assisted": Protocol(like="acr-5", allow_predictions=True)}
SETTINGS = '[study.protocols.assisted]\nlike = "acr-5"\nallow_predictions = true\n'


def predictions(folder: Path, scores: dict[str, float]) -> str:
    file = folder / "head.csv"
    file.write_text("photo_id,score\n" + "".join(f"{p},{s}\n" for p, s in scores.items()), encoding="utf-8")
    return str(file)


def test_suggestions_are_shown_recorded_and_answered(labelstudio: TestServer, tmp_path: Path) -> None:
    warehouse = labelstudio.warehouse(SETTINGS)
    root = warehouse.location.root
    photos = add_photos(warehouse, 3)
    stimuli = [Stimulus((photo,), TaskRole.RATE, "test") for photo in photos]
    tasks = shared_queue("batch-1", stimuli, SECRET, repeats=0, gap=20, seed="test")
    add_batch(warehouse, tasks, protocol="assisted", overlap=1, protocols=PROTOCOLS, simulated=True)
    file = predictions(tmp_path, {photos[0]: 3.6, photos[1]: 9.0})

    sent = send(root=root, suggestions=file)
    assert (sent.counts["new tasks"], sent.counts["suggestions"]) == (3, 2)
    assert any("1 tasks have no suggestion" in note for note in sent.notes)
    keys = {task.photo_id: task.task_key for task in tasks}
    rows = {row["task_key"]: row for row in warehouse.table(SUGGESTIONS).read().to_pylist()}
    # Rounded to a step, and kept within the scale.
    assert {key: row["value"] for key, row in rows.items()} == {keys[photos[0]]: 4.0, keys[photos[1]]: 5.0}
    assert all(row["model"].startswith("head.csv ") for row in rows.values())
    assert send(root=root, suggestions=file).counts["new tasks"] == 0
    with pytest.raises(WrongUse, match="has the suggestions of head"):
        send(root=root, suggestions=predictions(tmp_path, {photos[0]: 1.0}))

    project = int(warehouse.table(PROJECTS).read()["project_id"][0].as_py())
    protocol = resolve(PROTOCOLS, "assisted")
    (account,) = panel_accounts(root, 1)
    shown = {}
    with LabelStudio(labelstudio.url, account.token) as rater:
        for _ in photos:
            task = rater.next_task(project)
            assert task is not None
            suggested = task["predictions"]
            shown[task["data"]["key"]] = [region["value"] for p in suggested for region in p["result"]]
            parent = {"parent_prediction": suggested[0]["id"]} if suggested else {}
            answer = result_of(protocol, Answer(values={protocol.question: 2.0}))
            rater.annotate(int(task["id"]), {"result": answer, "lead_time": 2.0, **parent})
    assert shown == {
        keys[photos[0]]: [{"choices": ["4"]}], keys[photos[1]]: [{"choices": ["5"]}], keys[photos[2]]: [],
    }  # fmt: skip
    assert collect(root=root).counts["new ratings"] == 3
    assisted = warehouse.query(
        "SELECT r.value AS vote, s.value AS suggested FROM counted_ratings r JOIN suggestions s USING (task_key)"
    ).to_pylist()
    assert sorted((row["vote"], row["suggested"]) for row in assisted) == [(2.0, 4.0), (2.0, 5.0)]


def test_suggestions_that_the_protocol_forbids_reach_nobody(labelstudio: TestServer, tmp_path: Path) -> None:
    warehouse = labelstudio.warehouse()
    root = warehouse.location.root
    shared_batch(warehouse, 2)
    with pytest.raises(WrongUse, match="allows no suggestions"):
        send(root=root, suggestions=predictions(tmp_path, {"a": 3.0}))
    assert warehouse.table(SENT_TASKS).count() == warehouse.table(SUGGESTIONS).count() == 0


def test_a_batch_that_was_sent_without_suggestions_gets_none(labelstudio: TestServer, tmp_path: Path) -> None:
    warehouse = labelstudio.warehouse(SETTINGS)
    root = warehouse.location.root
    (photo,) = add_photos(warehouse, 1)
    stimuli = [Stimulus((photo,), TaskRole.RATE, "test")]
    tasks = shared_queue("batch-1", stimuli, SECRET, repeats=0, gap=20, seed="test")
    add_batch(warehouse, tasks, protocol="assisted", overlap=1, protocols=PROTOCOLS)
    with pytest.raises(BadInput, match="no such prediction file"):
        send(root=root, suggestions=str(tmp_path / "nowhere.csv"))
    send(root=root)
    with pytest.raises(WrongUse, match="was sent without suggestions"):
        send(root=root, suggestions=predictions(tmp_path, {photo: 3.0}))

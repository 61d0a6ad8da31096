"""Collecting from a real Label Studio: forged annotations, corrections, deletions, and what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from flows.labelstudio.collect import collect
from flows.labelstudio.panel import panel_accounts
from flows.labelstudio.raters import add_raters, remove_rater
from flows.labelstudio.send import send
from labeling.labelstudio.client import LabelStudio
from labeling.labelstudio.panel import result_of
from labeling.protocols.answers import Answer
from labeling.protocols.catalogue import built_in
from schemas.errors import BadInput, NotAuthorised, ServiceUnavailable, WrongUse
from schemas.ratings import PROJECTS, RATINGS, REJECTED_RATINGS
from tests.flows.labelstudio.studies import listed_batch, shared_batch
from tests.labelstudio_server import TestServer
from warehouse.store import Warehouse

pytestmark = pytest.mark.server
ACR = built_in()["acr-5"]


def vote(value: float) -> list[dict[str, Any]]:
    return result_of(ACR, Answer(values={ACR.question: value}))


def region(**changes: object) -> list[dict[str, object]]:
    return [{**vote(4.0)[0], **changes}]


@dataclass
class Study:
    """A shared queue of eight photos, and two raters who are logged in."""

    warehouse: Warehouse
    anna: LabelStudio
    ben: LabelStudio
    project: int
    tasks: list[int]

    @property
    def root(self) -> str:
        return self.warehouse.location.root

    def standing(self) -> list[dict[str, Any]]:
        return list(self.warehouse.query("SELECT * FROM current_ratings ORDER BY submitted_at").to_pylist())


@pytest.fixture
def study(labelstudio: TestServer) -> Iterator[Study]:
    warehouse = labelstudio.warehouse()
    shared_batch(warehouse, 8)
    root = warehouse.location.root
    accounts = panel_accounts(root, 2)
    send(root=root)
    project = int(warehouse.table(PROJECTS).read()["project_id"][0].as_py())
    with (
        LabelStudio(labelstudio.url, accounts[0].token) as anna,
        LabelStudio(labelstudio.url, accounts[1].token) as ben,
    ):
        yield Study(warehouse, anna, ben, project, [number for number, _ in anna.task_data(project)])


def test_what_is_forged_through_the_api_never_reaches_the_ratings(study: Study) -> None:
    ben = int(study.ben.whoami()["id"])
    forged: list[dict[str, Any]] = [
        {"result": vote(5.0), "completed_by": ben},
        {"result": vote(5.0), "completed_by": 1},
        {"result": []},
        {"result": vote(9.0)},
        {"result": vote(0.0)},
        {"result": region(from_name="taste")},
        {"result": region(to_name="left")},
        {"result": region(type="rating")},
        {"result": region(value={"choices": ["4", "5"]})},
        {"result": region(value={"choices": []})},
        {"result": region(value={"choices": "4"})},
        {"result": region(value={"rating": 4})},
        {"result": region(value=None)},
        {"result": region(value={"choices": [4]})},
        {"result": region(value={"choices": ["'; DROP TABLE ratings"]})},
        {"result": [*vote(4.0), *vote(5.0)]},
        {"result": ["4"]},
        {"result": [None]},
        {"result": vote(4.0), "lead_time": -5.0},
        {"result": vote(4.0), "lead_time": 1e9},
        {"result": vote(4.0), "bulk_created": True},
        {"result": vote(4.0), "import_id": 7},
        {"result": vote(4.0), "last_action": "imported"},
        {"result": region(from_name="problem", value={"choices": ["bored"]})},
    ]
    accepted = refused = 0
    for number, annotation in enumerate(forged):
        try:
            study.anna.annotate(study.tasks[number % 6], annotation)
            accepted += 1
        except (BadInput, ServiceUnavailable):
            refused += 1  # Label Studio itself does not take it
    copied = study.ben.annotate(study.tasks[6], {"result": vote(2.0)})
    study.anna.annotate(study.tasks[6], {"result": vote(2.0), "parent_annotation": copied["id"]})
    with_other_picture = study.anna.import_tasks(study.project, [{"data": {"key": "f" * 24, "image": "/x.jpg"}}])
    study.anna.annotate(with_other_picture[0], {"result": vote(5.0)})
    study.anna._object("PATCH", f"/api/tasks/{study.tasks[7]}", json={"data": {"key": "stolen", "image": "/y.jpg"}})
    study.anna.annotate(study.tasks[7], {"result": vote(5.0)})
    collect(root=study.root)
    rejected = study.warehouse.table(REJECTED_RATINGS).read().to_pylist()
    (good,) = study.standing()
    assert good["value"] == 2.0
    assert accepted >= 18
    assert len(rejected) >= accepted + 3  # some that were answered with an error are stored nevertheless
    assert len({row["reason"] for row in rejected}) >= 6
    collect(root=study.root, reconcile=True)
    assert study.warehouse.table(REJECTED_RATINGS).count() == len(rejected)


def test_corrections_and_deletions_become_new_rows_and_no_history_is_lost(study: Study) -> None:
    made = study.anna.annotate(study.tasks[0], {"result": vote(4.0), "lead_time": 2.0})
    collect(root=study.root)
    for value in (5.0, 4.0):
        study.anna.update_annotation(made["id"], {"result": vote(value)})
        assert collect(root=study.root).counts["changed"] == 1
        assert [row["value"] for row in study.standing()] == [value]
    study.anna.delete_annotation(made["id"])
    collect(root=study.root)
    collect(root=study.root, reconcile=True)
    assert [(row["value"], row["status"]) for row in study.standing()] == [(4.0, "withdrawn")]
    assert study.warehouse.table(RATINGS).count() == 4


def test_a_vote_that_another_account_overwrites_stays_as_its_rater_gave_it(study: Study) -> None:
    made = study.anna.annotate(study.tasks[0], {"result": vote(5.0)})
    collect(root=study.root)
    study.ben.update_annotation(made["id"], {"result": vote(1.0)})
    counts = collect(root=study.root).counts
    assert (counts["rejected"], counts["changed"], counts["withdrawn"]) == (1, 0, 0)
    assert [(row["value"], row["status"]) for row in study.standing()] == [(5.0, "counted")]


def test_deleted_tasks_are_found_by_a_reconciliation_and_can_be_restored(study: Study) -> None:
    study.anna.annotate(study.tasks[0], {"result": vote(5.0)})
    collect(root=study.root)
    study.ben.delete_tasks(study.project, study.tasks[:3])
    assert collect(root=study.root).counts["withdrawn"] == 0
    outcome = collect(root=study.root, reconcile=True)
    assert outcome.counts["withdrawn"] == 1
    assert "3 tasks are gone" in outcome.notes[-1]
    assert send(root=study.root).counts["new tasks"] == 0
    assert send(root=study.root, restore=True).counts["new tasks"] == 3
    assert len(dict(study.anna.task_data(study.project))) == 8


def test_second_answers_are_kept_and_the_first_counts(study: Study) -> None:
    study.anna.annotate(study.tasks[0], {"result": vote(5.0)})
    study.anna.annotate(study.tasks[0], {"result": vote(1.0)})
    collect(root=study.root)
    assert [(row["value"], row["status"]) for row in study.standing()] == [(5.0, "counted"), (1.0, "duplicate")]


def test_votes_of_a_rater_who_was_removed_stay(study: Study, labelstudio: TestServer) -> None:
    login = f"leaver-{study.project}@raters.invalid"
    _, (account,) = add_raters(study.root, [login])
    with LabelStudio(labelstudio.url, account.token) as leaver:
        leaver.annotate(study.tasks[0], {"result": vote(3.0)})
        collect(root=study.root)
        remove_rater(study.root, login)
        with pytest.raises(NotAuthorised):
            leaver.next_task(study.project)
    assert collect(root=study.root, reconcile=True).counts["withdrawn"] == 0
    assert [row["status"] for row in study.standing()] == ["counted"]


def test_another_rater_cannot_answer_a_list(labelstudio: TestServer) -> None:
    warehouse = labelstudio.warehouse()
    root = warehouse.location.root
    listed_batch(warehouse, 2, 2, simulated=True)
    accounts = panel_accounts(root, 2)
    send(root=root)
    for project in warehouse.table(PROJECTS).read()["project_id"].to_pylist():
        for account in accounts:
            with LabelStudio(labelstudio.url, account.token) as client:
                (first, *_) = [number for number, _ in client.task_data(project)]
                client.annotate(first, {"result": vote(3.0)})
    counts = collect(root=root).counts
    assert (counts["new ratings"], counts["rejected"]) == (2, 2)


def test_too_few_raters_for_a_design_are_named_with_the_remedy(labelstudio: TestServer) -> None:
    warehouse = labelstudio.warehouse()
    listed_batch(warehouse, 2, 40, simulated=True)
    with pytest.raises(WrongUse, match="salon raters add --n"):
        send(root=warehouse.location.root)


@pytest.mark.parametrize("token", ["", "0" * 40])
def test_a_wrong_token_is_one_sentence(token: str, labelstudio: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = labelstudio.warehouse()
    shared_batch(warehouse, 1)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", token)
    with pytest.raises(NotAuthorised, match="LABEL_STUDIO_API_KEY"):
        send(root=warehouse.location.root)


def test_a_server_that_is_down_is_one_sentence(labelstudio: TestServer) -> None:
    warehouse = labelstudio.warehouse(url="http://127.0.0.1:9")
    shared_batch(warehouse, 1)
    with pytest.raises(ServiceUnavailable, match="salon labelstudio up"):
        send(root=warehouse.location.root)


def test_a_project_that_was_deleted_is_named(study: Study) -> None:
    study.anna.delete_project(study.project)
    with pytest.raises(BadInput, match=f"project {study.project}"):
        collect(root=study.root)

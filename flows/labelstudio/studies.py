"""What a batch means for Label Studio: its parts, its protocol as it was sent, and its projects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from flows.context import Run
from labeling.design.shared import PRACTICE_SLOT
from labeling.labelstudio.annotations import Shown
from labeling.labelstudio.panel import result_of
from labeling.labelstudio.payloads import payload, picture_names
from labeling.protocols.answers import Answer
from labeling.protocols.catalogue import resolve
from schemas.errors import WrongUse
from schemas.protocols import Protocol
from schemas.ratings import BATCHES, PROJECTS, TASKS, Batch, Project, Suggestion, Task
from schemas.settings.study import Queue


@dataclass(frozen=True)
class Part:
    """The tasks of one project: all of a shared queue, its practice block, or those of one place in the design."""

    slot: int | None
    tasks: tuple[Task, ...]

    @property
    def is_practice(self) -> bool:
        """Everybody does these before a shared queue."""
        return self.slot == PRACTICE_SLOT


@dataclass(frozen=True)
class Study:
    """A batch that is to be sent."""

    batch: Batch
    protocol: Protocol
    queue: Queue
    overlap: int
    parts: tuple[Part, ...]
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    """By task key; none unless the protocol allows them and they were recorded."""

    @property
    def tasks(self) -> list[Task]:
        """All tasks, part by part."""
        return [task for part in self.parts for task in part.tasks]


def study_of(run: Run, batch_id: str) -> Study:
    """Read a batch with its tasks.

    Raises
    ------
    WrongUse
        There is no such batch, or its protocol has been changed since it was chosen.
    """
    batch = batch_named(run, batch_id)
    protocol = resolve(run.settings.study.protocols, batch.protocol)
    sent = [project for project in projects_of(run) if project.batch_id == batch_id]
    if sent:
        protocol = protocol_of(sent[0])
    elif protocol.version != batch.protocol_version:
        raise WrongUse(
            f"batch '{batch_id}' was chosen under version {batch.protocol_version} of the protocol '{batch.protocol}', "
            f"which is now {protocol.version}; choose it again with `salon select --batch {batch_id}`."
        )
    design = json.loads(batch.design)
    rows = run.warehouse.table(TASKS).read(where=pc.field("batch_id") == batch_id).to_pylist()
    tasks = [Task(**row) for row in rows]
    slots = sorted({task.slot for task in tasks if task.slot is not None})
    parts = [Part(slot, tuple(_ordered(t for t in tasks if t.slot == slot))) for slot in slots]
    shared = tuple(_ordered(t for t in tasks if t.slot is None))
    if shared:
        parts.append(Part(None, shared))
    suggested = _suggestions(run, batch_id) if protocol.allow_predictions else {}
    return Study(batch, protocol, Queue(design["queue"]), int(design["overlap"]), tuple(parts), suggested)


def _suggestions(run: Run, batch_id: str) -> dict[str, Suggestion]:
    rows = run.warehouse.query(
        "SELECT s.* FROM suggestions s JOIN tasks t USING (task_key) WHERE t.batch_id = $1", [batch_id]
    ).to_pylist()
    return {row["task_key"]: Suggestion(**row) for row in rows}


def batch_named(run: Run, batch_id: str) -> Batch:
    """The row of a batch; raises WrongUse with the names there are."""
    rows = run.warehouse.table(BATCHES).read().to_pylist()
    for row in rows:
        if row["batch_id"] == batch_id:
            return Batch(**row)
    names = ", ".join(sorted(row["batch_id"] for row in rows)) or "none yet; choose one with `salon select`"
    raise WrongUse(f"there is no batch '{batch_id}'; there are: {names}.")


def projects_of(run: Run, server: str | None = None) -> list[Project]:
    """The projects that were made, of one server or of all, in order."""
    rows = run.warehouse.table(PROJECTS).read().to_pylist()
    found = [Project(**row) for row in rows if server is None or row["server"] == server]
    return sorted(found, key=lambda project: (project.server, project.project_id))


def keep_project(run: Run, project: Project) -> bool:
    """Write a project's row in place of the one that stands."""
    where = f"server = '{project.server}' AND project_id = {project.project_id}"
    return run.warehouse.table(PROJECTS).replace([project], where=where)


def protocol_of(project: Project) -> Protocol:
    """The protocol under which a project was made, whatever the settings say by now."""
    return Protocol.model_validate_json(project.protocol)


def shown_in(project: Project, protocol: Protocol, tasks: Iterable[Task]) -> dict[str, Shown]:
    """What raters of a project are shown, by task key."""
    return {
        task.task_key: Shown(task, payload_of(project.pictures, protocol, task)["data"], project.rater_id)
        for task in tasks
    }


def payload_of(prefix: str, protocol: Protocol, task: Task, suggestion: Suggestion | None = None) -> dict[str, Any]:
    """A task as it is imported, with its pictures under a common beginning of their addresses."""
    names = set(picture_names(task, protocol).values())
    made = payload(task, protocol, {name: prefix + name for name in names})
    if suggestion is not None:
        result = result_of(protocol, Answer(values={protocol.question: suggestion.value}))
        made["predictions"] = [{"model_version": suggestion.model, "result": result}]
    return made


def _ordered(tasks: Iterable[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: (task.position or 0, task.task_key))

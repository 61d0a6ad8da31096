"""The project of a part of a batch: as recorded, as found again after a fault, or made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.context import Run
from flows.labelstudio.connection import Connection, picture_prefix, share_pictures
from flows.labelstudio.studies import Part, Study, projects_of
from labeling.labelstudio.payloads import config_hash, marker, project_settings
from schemas.errors import BadInput
from schemas.ratings import Project
from schemas.settings.study import Queue

EVERYBODY = 100_000
"""Raters per practice task: more than there will ever be."""


@dataclass(frozen=True)
class Ensured:
    """A project; whether it was made just now, so that it holds no task yet, and whether its row is in the tables."""

    project: Project
    is_new: bool = False
    is_kept: bool = False


def ensure_project(run: Run, link: Connection, study: Study, part: Part, rater_id: str | None) -> Ensured:
    """The project of a part: as recorded, else as found by its marker after a fault, else made."""
    batch_id = study.batch.batch_id
    for known in projects_of(run, link.namespace):
        if (known.batch_id, known.slot) == (batch_id, part.slot):
            _still_there(link, known)
            return Ensured(known, is_kept=True)
    marked = marker(run.root, batch_id, str(part.slot), part.tasks[0].task_key)
    number = next((p["id"] for p in link.client.projects() if p.get("description") == marked), None)
    is_new = number is None
    made = link.client.create_project(_settings(study, part, marked)) if number is None else link.client.project(number)
    share_pictures(run, link, int(made["id"]), batch_id, is_new=is_new)
    project = Project(
        server=link.namespace,
        project_id=int(made["id"]),
        batch_id=batch_id,
        slot=part.slot,
        rater_id=rater_id,
        protocol=study.protocol.model_dump_json(),
        config=config_hash(made["label_config"]),
        pictures=picture_prefix(run, link, batch_id),
        seen_until=None,
    )
    return Ensured(project, is_new=is_new)


def _settings(study: Study, part: Part, marked: str) -> dict[str, Any]:
    batch_id = study.batch.batch_id
    if part.is_practice:
        title, overlap = f"{batch_id}, practice", EVERYBODY
    elif study.queue is Queue.PER_RATER:
        title, overlap = f"{batch_id}, list {part.slot}", 1
    else:
        title, overlap = batch_id, study.overlap
    return project_settings(study.protocol, title=title, marked=marked, overlap=overlap, in_order=part.slot is not None)


def _still_there(link: Connection, project: Project) -> None:
    try:
        link.client.project(project.project_id)
    except BadInput as fault:
        raise BadInput(
            f"project {project.project_id} of batch '{project.batch_id}' was deleted in Label Studio",
            where=link.client.url,
            todo="Ratings collected so far are kept; to go on, choose a new batch and name it: `salon send BATCH`.",
        ) from fault

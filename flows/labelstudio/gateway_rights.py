"""What belongs to whom, for the gateway: read from the warehouse, and from Label Studio where it alone knows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Set
from pathlib import Path, PurePosixPath

import pyarrow.compute as pc

from flows.context import Run
from flows.labelstudio.connection import Connection
from flows.labelstudio.studies import projects_of, protocol_of
from labeling.design.shared import PRACTICE_SLOT
from labeling.identity import pseudonym
from labeling.labelstudio.gatekeeping import Ruling, Subject
from schemas.errors import SalonError
from schemas.protocols import ProtocolKind
from schemas.ratings import SENT_TASKS, TASKS, Project

REREAD_S = 2.0
"""Least pause between two looks into the warehouse for tasks that were sent meanwhile."""


class Rights:
    """Projects, tasks and pictures of each rater."""

    def __init__(self, run: Run, link: Connection, key: bytes) -> None:
        self.run, self.link, self.key = run, link, key
        self.namespace = link.namespace
        self.own = int(link.client.whoami()["id"])
        self._read_at = float("-inf")
        self._projects: dict[int, Project] = {}
        self._tasks: dict[int, int] = {}
        self._pictures: dict[str, int] = {}
        self._lengths: dict[int, int] = {}
        self._suggesting: set[int] = set()
        self._reread()

    def _reread(self) -> bool:
        """Look into the warehouse again, unless that was a moment ago; returns whether it did."""
        if time.monotonic() - self._read_at < REREAD_S:
            return False
        self._read_at = time.monotonic()
        self._projects = {p.project_id: p for p in projects_of(self.run, self.namespace)}
        self._suggesting = {n for n, p in self._projects.items() if protocol_of(p).allow_predictions}
        sent = self.run.warehouse.table(SENT_TASKS).read(
            ["labelstudio_task_id", "project_id", "task_key"], where=pc.field("server") == self.namespace
        )
        numbers = sent["labelstudio_task_id"].to_pylist()
        projects = sent["project_id"].to_pylist()
        keys = sent["task_key"].to_pylist()
        self._tasks = dict(zip(numbers, projects, strict=True))
        self._pictures = dict(zip(keys, projects, strict=True))
        batches = {p.batch_id for p in self._projects.values()}
        counts: dict[tuple[str, int | None], int] = {}
        for row in self.run.warehouse.table(TASKS).read(["batch_id", "slot"]).to_pylist():
            if row["batch_id"] in batches:
                counts[row["batch_id"], row["slot"]] = counts.get((row["batch_id"], row["slot"]), 0) + 1
        # In a shared queue nobody has a number of tasks of their own.
        self._lengths = {
            number: counts.get((p.batch_id, p.slot), 0) if p.slot is not None else 0
            for number, p in self._projects.items()
        }
        return True

    def pseudonym(self, user: int) -> str:
        """The pseudonym of an account."""
        return pseudonym(self.key, self.namespace, str(user))

    def owns_project(self, rater_id: str, number: int) -> bool:
        """A shared queue is everybody's, a list is one rater's."""
        if number not in self._projects and not self._reread():
            return False
        project = self._projects.get(number)
        return project is not None and project.rater_id in (None, rater_id)

    def length(self, number: int) -> int:
        """Tasks in a rater's list; 0 for a shared queue."""
        return self._lengths.get(number, 0)

    def is_practice(self, number: int) -> bool:
        """A project that every rater does before the shared queue of its batch."""
        project = self._projects.get(number)
        return project is not None and project.slot == PRACTICE_SLOT

    def is_one_touch(self, number: int) -> bool:
        """Whether the answer to one question is all that a rater gives, so that it can be submitted at once."""
        project = self._projects.get(number)
        if project is None or not self.run.settings.labelstudio.one_touch:
            return False
        protocol = protocol_of(project)
        more = protocol.attributes or protocol.reasons or protocol.allow_predictions
        return protocol.kind is not ProtocolKind.SLIDER and not more

    def shows_suggestions(self, number: int) -> bool:
        """Whether the protocol of a project lets raters see a model's predictions."""
        return number in self._suggesting

    def first_project(self, rater_id: str, user: int) -> int | None:
        """Where the rater's work is: the newest list of their own, else the newest shared queue after its practice."""
        self._reread()
        mine = [n for n, p in self._projects.items() if p.rater_id == rater_id]
        shared = [n for n, p in self._projects.items() if p.rater_id is None and p.slot is None]
        number = max(mine or shared, default=None)
        if number is None or mine:
            return number
        batch_id = self._projects[number].batch_id
        for practice, project in self._projects.items():
            if (project.batch_id, project.slot) == (batch_id, PRACTICE_SLOT):
                done = len(self.answered(user, practice))
                return practice if done < self.length(practice) else number
        return number

    def answered(self, user: int, project: int) -> set[int]:
        """Label Studio's tasks that an account has answered in a project."""
        return {
            int(task["id"])
            for task in self.link.client.export(project)
            if any(annotation["completed_by"] == user for annotation in task["annotations"])
        }

    def are_left(self, project: int, done: Set[int]) -> bool:
        """Whether a shared queue has tasks that may still come to an account, which has answered these."""
        return not self.link.client.open_tasks(project) <= done

    def allows(self, ruling: Ruling, rater_id: str, user: int, query: Mapping[str, str]) -> bool:
        """Whether what the request is about belongs to the rater."""
        if ruling.subject is Subject.LOGIN:
            return True
        if ruling.subject is Subject.PICTURE:
            return self._owns_picture(rater_id, query.get("d", ""))
        number = ruling.number
        if number is None:
            return False
        if ruling.subject is Subject.PROJECT:
            return self.owns_project(rater_id, number)
        if ruling.subject is Subject.TASK:
            return self._owns_task(rater_id, number)
        return ruling.subject is Subject.ANNOTATION and self._owns_annotation(rater_id, user, number)

    def _owns_task(self, rater_id: str, number: int) -> bool:
        if number not in self._tasks:
            self._reread()
        project = self._tasks.get(number)
        return project is not None and self.owns_project(rater_id, project)

    def _owns_picture(self, rater_id: str, path: str) -> bool:
        key = PurePosixPath(path).stem.split("-")[0]
        if key not in self._pictures:
            self._reread()
        project = self._pictures.get(key)
        if project is None or not self.owns_project(rater_id, project):
            return False
        beginning = self._projects[project].pictures.partition("?d=")[2]
        return path.startswith(beginning) and "/" not in path.removeprefix(beginning)

    def picture(self, path: str) -> Path | None:
        """The file of a picture that lies on this machine: the gateway gives it out itself."""
        if not self.run.warehouse.location.is_local or self.link.document_root is None:
            return None
        return self.link.document_root / path

    def _owns_annotation(self, rater_id: str, user: int, number: int) -> bool:
        try:
            annotation = self.link.client.annotation(number)
        except SalonError:
            return False
        return annotation["completed_by"] == user and self._owns_task(rater_id, int(annotation["task"]))

"""Tasks on their way into one project of Label Studio, each once, whatever breaks.

A task is known to the server by its key alone, and no import is ever repeated blindly: an attempt lists the keys
that are there and sends the rest, one call after the other (two at once take three times as long on SQLite). While
the server works on a call, the next one's pictures are named and its tasks are written, and the last one's numbers
are recorded: the server is never kept waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.context import Run
from flows.labelstudio.connection import Connection
from flows.labelstudio.pictures import Naming
from flows.labelstudio.studies import Study, payload_of
from flows.progress import Tracker
from labeling.labelstudio.payloads import KEY, chunks
from schemas.ratings import SENT_TASKS, Project, Task


def first_call(size: int) -> int:
    """Tasks of the first call: fewer, so that the server is soon at work while the next call is prepared."""
    return max(1, size // 4)


@dataclass
class Sent:
    """What one run did."""

    new: int = 0
    found: int = 0
    doubles: int = 0

    def add(self, other: Sent) -> None:
        """Add the counts of another."""
        self.new += other.new
        self.found += other.found
        self.doubles += other.doubles


@dataclass(frozen=True)
class Transfer:
    """The tasks of one project, and where they go."""

    run: Run
    link: Connection
    project: Project
    study: Study
    naming: Naming

    def send(self, tasks: Sequence[Task], bar: Tracker, *, is_new: bool = False) -> Sent:
        """One attempt to send what is missing among a project's tasks; a new project is not asked for what it has."""
        there, doubled = ({}, False) if is_new else self._keys_there()
        known = [task for task in tasks if task.task_key in there]
        recorded = self._recorded() if known else set()
        lost_answers = [t for t in known if (t.task_key, there[t.task_key]) not in recorded]
        self._record(lost_answers, [there[t.task_key] for t in lost_answers])
        self.naming.show(known)
        bar.advance(len(known))
        missing = [task for task in tasks if task.task_key not in there]
        self._import(missing, bar)
        done = Sent(new=len(missing), found=len(lost_answers))
        # An answer that is lost ends an attempt, so that whatever came into a new project came in once.
        if not is_new and (doubled or self._count() != len(tasks)):
            done.doubles = self._remove_doubles()
        return done

    def _count(self) -> int:
        """How many tasks the project has."""
        return int(self.link.client.project(self.project.project_id)["task_number"] or 0)

    def _import(self, missing: Sequence[Task], bar: Tracker) -> None:
        """Import tasks in calls of the settings' size."""
        size = self.run.settings.labelstudio.import_size
        first = first_call(size)
        calls = [*chunks(missing[:first], first), *chunks(missing[first:], size)]
        recording: list[Future[None]] = []
        # Two threads, so that a slow commit never holds back what the next call needs.
        with ThreadPoolExecutor(1) as preparing, ThreadPoolExecutor(1) as writing:
            waiting = preparing.submit(self._prepare, calls[0]) if calls else None
            for number, call in enumerate(calls, start=1):
                assert waiting is not None
                payloads = waiting.result()
                waiting = preparing.submit(self._prepare, calls[number]) if number < len(calls) else None
                numbers = self.link.client.import_tasks(self.project.project_id, payloads)
                recording.append(writing.submit(self._record, call, numbers))
                bar.advance(len(call))
            for written in recording:
                written.result()

    def _prepare(self, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        """What a call says, once the pictures of its tasks can be seen."""
        self.naming.show(tasks)
        prefix, protocol, suggested = self.project.pictures, self.study.protocol, self.study.suggestions
        return [payload_of(prefix, protocol, task, suggested.get(task.task_key)) for task in tasks]

    def _keys_there(self) -> tuple[dict[str, int], bool]:
        """The first task number of every key in a project, and whether any key is there twice."""
        there: dict[str, int] = {}
        doubled = False
        for number, data in self.link.client.task_data(self.project.project_id):
            key = data.get(KEY)
            if isinstance(key, str):
                doubled |= key in there
                there[key] = min(number, there.get(key, number))
        return there, doubled

    def _remove_doubles(self) -> int:
        """Delete second copies of a task, as an answer that came too late leaves them, unless somebody rated them."""
        numbers: dict[str, list[int]] = {}
        for number, data in self.link.client.task_data(self.project.project_id):
            if isinstance(data.get(KEY), str):
                numbers.setdefault(data[KEY], []).append(number)
        extra = [number for found in numbers.values() for number in sorted(found)[1:]]
        if not extra:
            return 0
        rated = {int(task["id"]) for task in self.link.client.export(self.project.project_id)}
        unrated = [number for number in extra if number not in rated]
        for chunk in chunks(unrated, self.run.settings.labelstudio.import_size):
            self.link.client.delete_tasks(self.project.project_id, chunk)
        return len(unrated)

    def _recorded(self) -> set[tuple[str, int]]:
        here = (pc.field("server") == self.link.namespace) & (pc.field("project_id") == self.project.project_id)
        rows = self.run.warehouse.table(SENT_TASKS).read(["task_key", "labelstudio_task_id"], where=here)
        return set(zip(rows["task_key"].to_pylist(), rows["labelstudio_task_id"].to_pylist(), strict=True))

    def _record(self, tasks: Sequence[Task], numbers: Sequence[int]) -> None:
        count = len(tasks)
        columns = {
            "task_key": pa.array([row.task_key for row in tasks], pa.string()),
            "server": pa.repeat(self.link.namespace, count),
            "project_id": pa.repeat(self.project.project_id, count),
            "labelstudio_task_id": pa.array(numbers, pa.int64()),
            "sent_at": pa.repeat(pa.scalar(datetime.now(UTC), pa.timestamp("us", tz="UTC")), count),
        }
        self.run.warehouse.table(SENT_TASKS).insert(pa.table(columns))

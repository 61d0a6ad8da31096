"""Erasing in Label Studio: tasks that show a photo, and the answers of a rater."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from flows.context import Run
from flows.labelstudio.connection import Connection, connect
from flows.labelstudio.raters import list_raters
from schemas.errors import NotAuthorised, PassingFault, PermanentFault, WrongUse

UNREACHED = (PassingFault, NotAuthorised, WrongUse)
"""Label Studio does not answer, refuses the token, or none was ever started."""


@dataclass(frozen=True)
class Shown:
    """Tasks that show photos, by project; as they stand in the table `sent_tasks`."""

    tasks: dict[int, tuple[int, ...]]

    @property
    def number(self) -> int:
        """How many they are."""
        return sum(len(tasks) for tasks in self.tasks.values())


def tasks_showing(run: Run, photo_ids: tuple[str, ...]) -> Shown:
    """The tasks in Label Studio that show any of the photos."""
    wanted = pa.table({"photo_id": pa.array(photo_ids, pa.string())})
    rows = run.warehouse.query(
        "SELECT DISTINCT s.project_id, s.labelstudio_task_id AS task FROM sent_tasks s JOIN tasks t USING (task_key) "
        "WHERE t.photo_id IN (SELECT photo_id FROM wanted) OR t.right_photo_id IN (SELECT photo_id FROM wanted) "
        "OR list_has_any(t.frame_ids, (SELECT list(photo_id) FROM wanted)) ORDER BY ALL",
        extra={"wanted": wanted},
    ).to_pylist()
    found: dict[int, tuple[int, ...]] = {}
    for row in rows:
        found[row["project_id"]] = (*found.get(row["project_id"], ()), row["task"])
    return Shown(found)


def delete_tasks(run: Run, shown: Shown) -> None:
    """Delete tasks with their answers; raises PermanentFault where Label Studio cannot be reached."""
    if not shown.number:
        return
    try:
        with connect(run) as link:
            there = {project["id"] for project in link.client.projects()}
            for project, tasks in shown.tasks.items():
                if project in there:
                    link.client.delete_tasks(project, tasks)
    except UNREACHED as fault:
        raise PermanentFault(
            f"nothing was erased: {shown.number} tasks in Label Studio show what has to go, and it cannot be reached "
            f"({fault}) Start it, and run takedown again."
        ) from fault


def answers_of(run: Run, link: Connection, rater_id: str) -> list[int]:
    """Numbers of a rater's annotations in the warehouse's projects; empty where the rater has no account there."""
    user = next((rater.user for rater in list_raters(run, link) if rater.rater_id == rater_id), None)
    if user is None:
        return []
    rows = run.warehouse.query(
        "SELECT DISTINCT project_id FROM projects WHERE server = $1 ORDER BY 1", [link.namespace]
    ).to_pylist()
    there = {project["id"] for project in link.client.projects()}
    return [
        int(annotation["id"])
        for row in rows
        if row["project_id"] in there
        for task in link.client.export(row["project_id"])
        for annotation in task["annotations"]
        if _user(annotation) == user
    ]


def _user(annotation: dict[str, object]) -> object:
    by = annotation.get("completed_by")
    return by.get("id") if isinstance(by, dict) else by


def delete_answers(run: Run, rater_id: str) -> int:
    """Delete a rater's annotations; returns how many. Raises PermanentFault where Label Studio cannot be reached."""
    if not run.warehouse.query("SELECT 1 FROM projects LIMIT 1").num_rows:
        return 0
    try:
        with connect(run) as link:
            found = answers_of(run, link, rater_id)
            for number in found:
                link.client.delete_annotation(number)
    except UNREACHED as fault:
        raise PermanentFault(
            f"nothing was erased: Label Studio may hold the rater's answers, and it cannot be reached ({fault}) "
            "Start it, and run takedown again."
        ) from fault
    return len(found)


def still_shown(run: Run, tasks: dict[int, tuple[int, ...]]) -> str:
    """What Label Studio says of tasks now: 'erased', or how many are still there, or that it cannot be reached."""
    try:
        with connect(run) as link:
            there = {project["id"] for project in link.client.projects()}
            left = sum(
                number in wanted
                for project, numbers in tasks.items()
                if project in there
                for wanted in [set(numbers)]
                for number, _ in link.client.task_data(project)
            )
    except UNREACHED as fault:
        return f"out of reach: {fault} Start it, and prove again."
    return f"STILL HELD in {left} tasks: run the takedown again" if left else "erased"


def still_answered(run: Run, rater_id: str) -> str:
    """What Label Studio says of a rater's answers now."""
    if not run.warehouse.query("SELECT 1 FROM projects LIMIT 1").num_rows:
        return "not held"
    try:
        with connect(run) as link:
            left = len(answers_of(run, link, rater_id))
    except UNREACHED as fault:
        return f"out of reach: {fault} Start it, and prove again."
    return f"STILL HELD in {left} answers: run the takedown again" if left else "not held"

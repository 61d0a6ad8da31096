"""Label Studio's clock made to stand still: annotations of equal answers get equal times in every run."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.ratings import PROJECTS
from warehouse.store import Warehouse

BEGAN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def set_times(database: Path, root: str) -> None:
    """Give the annotations of a warehouse's project times that follow from rater and task alone."""
    (project,) = Warehouse.open(root).table(PROJECTS).read(["project_id"])["project_id"].to_pylist()
    connection = sqlite3.connect(database, timeout=120)
    with connection:
        connection.execute("UPDATE task SET created_at = ? WHERE project_id = ?", [_text(BEGAN), project])
        rows = connection.execute(
            "SELECT c.id, c.completed_by_id, t.data FROM task_completion c JOIN task t ON t.id = c.task_id "
            "WHERE t.project_id = ?",
            [project],
        ).fetchall()
        rows.sort(key=lambda row: (row[1], json.loads(row[2])["key"]))
        for number, (annotation, _, _) in enumerate(rows, start=1):
            moment = _text(BEGAN + timedelta(minutes=number))
            connection.execute(
                "UPDATE task_completion SET created_at = ?, updated_at = ? WHERE id = ?", [moment, moment, annotation]
            )
    connection.close()


def let_locks_expire(database: Path) -> None:
    """Let the time pass after which Label Studio hands out again what it had handed out.

    It saves an answer and releases its task one after the other: a server that dies between the two keeps the task
    from everybody else until the lock expires, as if somebody were still at work on it.
    """
    connection = sqlite3.connect(database, timeout=120)
    with connection:
        connection.execute("UPDATE tasks_tasklock SET expire_at = ?", [_text(BEGAN)])
    connection.close()


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")

"""What a finished chain left behind, in a form that two runs can be compared by."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TypedDict

from flows.context import open_run
from flows.labelstudio.connection import connect
from schemas.ratings import PROJECTS
from schemas.tables import TABLES
from warehouse.digests import digest
from warehouse.store import Warehouse

NOT_EQUAL_BETWEEN_RUNS = {
    # Label Studio counts its tasks and projects on, and the pictures' addresses hold the warehouse's path.
    "projects": {"project_id", "seen_until", "pictures"},
    "sent_tasks": {"labelstudio_task_id", "project_id"},
}
KEYS = {"projects": ("batch_id",), "sent_tasks": ("task_key",)}


class Picture(TypedDict):
    """Digests of tables, checksums of the release's files, and how often each task is in Label Studio."""

    tables: dict[str, str]
    release: dict[str, str]
    tasks: dict[str, int]


def picture_of(root: str) -> Picture:
    """Look at a warehouse and its Label Studio."""
    warehouse = Warehouse.open(root)
    tables = {}
    for spec in TABLES:
        left_out = NOT_EQUAL_BETWEEN_RUNS.get(spec.name, set())
        names = [c.name for c in spec.columns if not c.arrival and c.name not in left_out]
        tables[spec.name] = digest(warehouse.table(spec).read(names), KEYS.get(spec.name, spec.key))
    folder = Path(root) / "releases" / "beauty"
    release = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
    return {"tables": tables, "release": release, "tasks": _tasks(root)}


def _tasks(root: str) -> dict[str, int]:
    run = open_run(root)
    with connect(run) as link:
        numbers = run.warehouse.table(PROJECTS).read(["project_id"])["project_id"].to_pylist()
        return dict(Counter(str(data["key"]) for number in numbers for _, data in link.client.task_data(number)))


def differences(expected: Picture, found: Picture) -> list[str]:
    """Names of what differs; empty where the two are equal."""
    return [
        f"{part} {name}"
        for part, one, other in (
            ("table", expected["tables"], found["tables"]),
            ("file", expected["release"], found["release"]),
            ("task", expected["tasks"], found["tasks"]),
        )
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]

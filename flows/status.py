"""How a warehouse stands: what each stage has done, what waits for it, when it last ran, what it takes on disk."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.context import Run
from warehouse.store import Warehouse


@dataclass(frozen=True)
class Stage:
    """One stage: what is done, what waits, since when, and when something was written last."""

    name: str
    done: int
    waiting: int
    what: str
    last_written: datetime | None
    waiting_since: datetime | None


@dataclass(frozen=True)
class Status:
    """Everything that `salon status` shows."""

    root: str
    stages: tuple[Stage, ...]
    rows: dict[str, int]
    disk_bytes: dict[str, int]
    simulated_ratings: int
    releases: tuple[dict[str, object], ...]

    def as_dict(self) -> dict[str, object]:
        """For machines."""
        return asdict(self)


STAGES: tuple[tuple[str, str, str, str, str], ...] = (
    # name, table whose last write counts, what is counted, done, waiting
    ("ingest", "photos", "photos taken in", "SELECT count(*) FROM photos", "SELECT 0"),
    (
        "dedupe",
        "duplicates",
        "photos that stand for another or are stood for",
        "SELECT count(*) FROM duplicates",
        # Copies of equal pixels are never compared: they are in their group.
        "SELECT count(*), min(ingested_at) FROM photos ANTI JOIN compared USING (photo_id) "
        "ANTI JOIN duplicates USING (photo_id)",
    ),
    (
        "embed",
        "embeddings",
        "photos with a vector",
        "SELECT count(*) FROM (SELECT photo_id FROM embeddings GROUP BY photo_id)",
        "SELECT count(*), min(ingested_at) FROM representatives ANTI JOIN embeddings USING (photo_id)",
    ),
    (
        "filter",
        "verdicts",
        "photos with verdicts",
        "SELECT count(*) FROM judged",
        "SELECT count(*), min(ingested_at) FROM unjudged",
    ),
    (
        "select",
        "tasks",
        "photos chosen to be rated",
        "SELECT count(*) FROM (SELECT photo_id FROM tasks GROUP BY photo_id)",
        "SELECT count(*) FROM kept ANTI JOIN tasks USING (photo_id)",
    ),
    (
        "send",
        "sent_tasks",
        "tasks in Label Studio",
        "SELECT count(*) FROM sent_tasks",
        # Simulated raters may have answered a batch that was never sent.
        "SELECT count(*) FROM tasks ANTI JOIN sent_tasks USING (task_key) ANTI JOIN ratings USING (task_key) "
        "ANTI JOIN comparisons USING (task_key)",
    ),
    (
        "collect",
        "ratings",
        "ratings that count",
        "SELECT count(*) FROM counted_ratings",
        "SELECT count(*) FROM sent_tasks ANTI JOIN ratings USING (task_key)",
    ),
    (
        "score",
        "scores",
        "photos with a score",
        "SELECT count(*) FROM (SELECT photo_id FROM scores GROUP BY photo_id)",
        "SELECT count(DISTINCT photo_id) FROM counted_ratings ANTI JOIN scores USING (photo_id)",
    ),
    (
        "publish",
        "releases",
        "versions released",
        "SELECT count(*) FROM releases WHERE state = 'released'",
        "SELECT count(DISTINCT photo_id) FROM scores ANTI JOIN members USING (photo_id)",
    ),
)


def status_of(run: Run) -> Status:
    """Look at a warehouse without changing it."""
    warehouse = run.warehouse
    stages = tuple(
        Stage(
            name=name,
            done=_number(warehouse, done),
            waiting=waits,
            what=what,
            last_written=last_written(warehouse, table),
            waiting_since=since if waits else None,
        )
        for name, table, what, done, waiting in STAGES
        for waits, since in (_waiting(warehouse, waiting),)
    )
    return Status(
        root=run.root,
        stages=stages,
        rows={name: table.count() for name, table in warehouse.tables.items()},
        disk_bytes=disk_use(warehouse),
        simulated_ratings=_number(warehouse, "SELECT count(*) FROM ratings WHERE simulated"),
        releases=tuple(
            warehouse.query(
                "SELECT name, version, state, photos, ratings, published_at FROM releases ORDER BY name, published_at"
            ).to_pylist()
        ),
    )


def _number(warehouse: Warehouse, text: str) -> int:
    return int(warehouse.query(text).column(0)[0].as_py())


def _waiting(warehouse: Warehouse, text: str) -> tuple[int, datetime | None]:
    """How much waits, and, where the query tells it, since when the oldest of it does."""
    found = warehouse.query(text)
    since = found.column(1)[0].as_py() if found.num_columns > 1 else None
    return int(found.column(0)[0].as_py()), since.astimezone(UTC) if since else None


def last_written(warehouse: Warehouse, table: str) -> datetime | None:
    """Time of a table's newest commit that wrote rows; None where there is none."""
    delta = warehouse.tables[table].delta()
    if delta.version() == 0:
        return None
    newest = delta.history(1)[0]
    return datetime.fromtimestamp(int(newest["timestamp"]) / 1000, UTC)


def disk_use(warehouse: Warehouse) -> dict[str, int]:
    """Bytes under each folder of the root; empty on an object store, where listing costs money."""
    if not warehouse.location.is_local:
        return {}
    root = warehouse.location.local()
    return {folder.name: _bytes_under(folder) for folder in sorted(root.iterdir()) if folder.is_dir()}


def _bytes_under(folder: Path) -> int:
    """Files that another command removes meanwhile count for nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).lstat().st_size
    return total


def prometheus(status: Status) -> str:
    """The same figures in Prometheus' text format, for its file collector."""
    lines: list[str] = []

    def metric(name: str, text: str, label: str, values: dict[str, float]) -> None:
        lines.append(f"# HELP salon_{name} {text}")
        lines.append(f"# TYPE salon_{name} gauge")
        lines.extend(f'salon_{name}{{{label}="{key}"}} {value:g}' for key, value in values.items())

    metric("stage_done", "What each stage has done.", "stage", {s.name: s.done for s in status.stages})
    metric("stage_waiting", "What waits for each stage.", "stage", {s.name: s.waiting for s in status.stages})
    metric(
        "stage_last_written_seconds",
        "Unix time of the last write of each stage.",
        "stage",
        {s.name: s.last_written.timestamp() for s in status.stages if s.last_written},
    )
    now = datetime.now(UTC)
    metric(
        "stage_lag_seconds",
        "How long the oldest photo has waited for a stage.",
        "stage",
        {s.name: max(0.0, (now - s.waiting_since).total_seconds()) for s in status.stages if s.waiting_since},
    )
    metric("table_rows", "Rows of each table.", "table", dict(status.rows))
    metric("disk_bytes", "Bytes under each folder of the warehouse.", "folder", dict(status.disk_bytes))
    return "\n".join(lines) + "\n"

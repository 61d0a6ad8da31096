"""Erasing: rows with their history, files under the root, and what is left where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pyarrow import fs as pafs

from warehouse.releases.folder import MAKING, TOMBSTONE
from warehouse.releases.originals import object_path
from warehouse.store import Warehouse

PHOTO_COLUMNS = ("photo_id", "photo_a", "photo_b", "left_id", "right_id", "right_photo_id", "representative_id")
RATER_COLUMNS = ("rater_id",)
KEPT = frozenset({"blocklist"})


def holding(warehouse: Warehouse, columns: Iterable[str], values: list[str]) -> dict[str, int]:
    """Tables that hold any of the values in any of the columns, with the number of rows."""
    found = {}
    wanted = pa.table({"value": pa.array(values, pa.string())})
    for name, table in warehouse.tables.items():
        there = [column for column in columns if column in table.spec.schema.names]
        if name in KEPT or not there:
            continue
        condition = " OR ".join(f"{column} IN (SELECT value FROM sought)" for column in there)
        counted = warehouse.query(f"SELECT count(*) AS n FROM {name} WHERE {condition}", extra={"sought": wanted})
        if counted["n"][0].as_py():
            found[name] = int(counted["n"][0].as_py())
    return found


def erase_rows(warehouse: Warehouse, columns: Iterable[str], values: list[str]) -> dict[str, int]:
    """Delete the rows that hold any of the values, and every older version of their tables."""
    quoted = ", ".join(f"'{value}'" for value in values if value.isalnum())
    gone = {}
    for name, rows in holding(warehouse, columns, values).items():
        table = warehouse.tables[name]
        there = [c for c in columns if c in table.spec.schema.names]
        table.delete(" OR ".join(f"{column} IN ({quoted})" for column in there))
        gone[name] = rows
    forget_history(warehouse, gone)
    return gone


def forget_history(warehouse: Warehouse, names: Iterable[str]) -> None:
    """Remove the files of all older versions of some tables: time travel ends here, on purpose."""
    for name in names:
        warehouse.tables[name].delta().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)


def files_in_history(warehouse: Warehouse, name: str) -> int:
    """Data files of a table that only older versions use: where erased rows would still lie."""
    delta = warehouse.tables[name].delta()
    listed = delta.vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False)
    # The list names files that were removed before as well.
    there = warehouse.location.filesystem("tables", name).get_file_info(listed)
    return sum(info.type == pafs.FileType.File for info in there)


def erase_files(warehouse: Warehouse, photo_ids: Iterable[str]) -> dict[str, int]:
    """Remove copies, renditions under all their names, search matrices, and reports (which show thumbnails)."""
    root = warehouse.location.local()
    gone = {"objects": 0, "renditions": 0, "derived": 0, "reports": 0}
    for photo_id in photo_ids:
        gone["objects"] += _remove([root / object_path(photo_id), *root.glob(f"objects/**/*{photo_id}*")])
        made = list(root.glob(f"renditions/**/*{photo_id}*"))
        same = {(path.stat().st_dev, path.stat().st_ino) for path in made}
        shown = [p for p in root.glob("renditions/shown/**/*") if p.is_file() and _identity(p) in same]
        gone["renditions"] += _remove([*made, *shown])
    for folder in ("derived", "reports"):
        if (root / folder).is_dir():
            gone[folder] = sum(path.is_file() for path in (root / folder).rglob("*"))
            shutil.rmtree(root / folder)
    return gone


def files_holding(warehouse: Warehouse, photo_id: str) -> list[str]:
    """Files under the root (tables and releases apart) whose name or content holds a photo's id."""
    root = warehouse.location.local()
    found = []
    for path in sorted(root.rglob("*")):
        part = path.relative_to(root)
        if not path.is_file() or part.parts[0] in ("tables", "releases"):
            continue
        if photo_id in path.name or (path.suffix in (".html", ".json", ".jsonl", ".txt") and photo_id in _text(path)):
            found.append(part.as_posix())
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _remove(paths: Iterable[Path]) -> int:
    count = 0
    for path in dict.fromkeys(paths):
        if path.is_file():
            path.unlink()
            count += 1
    return count


def withdraw(version_folder: Path, tombstone: dict[str, object]) -> None:
    """Take a version away: its bytes are deleted, and a tombstone stays in its place."""
    away = version_folder.with_name(f"{MAKING}withdrawn-{version_folder.name}")
    version_folder.rename(away)
    version_folder.mkdir()
    text = json.dumps(tombstone, indent=1, sort_keys=True) + "\n"
    (version_folder / TOMBSTONE).write_text(text, encoding="utf-8")
    shutil.rmtree(away)

"""Erasing: rows with their history, files under the root, and what is left where; in folders and object stores."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs as pafs

from schemas.ratings import SCORINGS, Scoring
from warehouse.store import Warehouse

PHOTO_COLUMNS = ("photo_id", "photo_a", "photo_b", "left_id", "right_id", "right_photo_id", "representative_id")
RATER_COLUMNS = ("rater_id",)
KEPT = frozenset({"blocklist"})
APART = ("tables", "releases", "takedowns", "locks", "labelstudio")
"""Folders under the root that are looked at in ways of their own."""
TEXTS = (".html", ".json", ".jsonl", ".txt", ".csv", ".xml", ".md")
PHOTO_ID = re.compile(r"[0-9a-f]{64}")
SAFE = re.compile(r"[0-9a-zA-Z_-]+")
LARGEST_TEXT = 64_000_000
"""Bytes; no report is so large."""


def holding(warehouse: Warehouse, columns: Iterable[str], values: list[str]) -> dict[str, int]:
    """Tables that hold any of the values in any of the columns, with the number of rows."""
    found = {}
    wanted = pa.table({"value": pa.array(values, pa.string())})
    for name, table in warehouse.tables.items():
        conditions = [f"{column} IN (SELECT value FROM sought)" for column in _there(warehouse, name, columns)]
        if name in KEPT or not conditions:
            continue
        condition = " OR ".join(conditions)
        if "frame_ids" in table.spec.schema.names and "photo_id" in columns:
            condition += " OR list_has_any(frame_ids, (SELECT list(value) FROM sought))"
        counted = warehouse.query(f"SELECT count(*) AS n FROM {name} WHERE {condition}", extra={"sought": wanted})
        if counted["n"][0].as_py():
            found[name] = int(counted["n"][0].as_py())
    return found


def erase_rows(warehouse: Warehouse, columns: Iterable[str], values: list[str]) -> dict[str, int]:
    """Delete the rows that hold any of the values, and every older version of their tables."""
    columns = tuple(columns)
    # A value with any other character stands in no column of ids, and must not reach the SQL.
    safe = [value for value in values if SAFE.fullmatch(value)]
    quoted = ", ".join(f"'{value}'" for value in safe)
    gone = holding(warehouse, columns, safe)
    for name in gone:
        table = warehouse.tables[name]
        condition = " OR ".join(f"{column} IN ({quoted})" for column in _there(warehouse, name, columns))
        if "frame_ids" in table.spec.schema.names and "photo_id" in columns:
            # Delta's own conditions know no lists: tasks that showed one of several frames go by their keys.
            text = f"SELECT task_key FROM {name} WHERE list_has_any(frame_ids, [{quoted}])"
            keys = ", ".join(f"'{row['task_key']}'" for row in warehouse.query(text).to_pylist())
            condition += f" OR task_key IN ({keys})" if keys else ""
        table.delete(condition)
    older = [n for n in warehouse.tables if n not in KEPT and holding_in_history(warehouse, n, columns, safe)]
    forget_history(warehouse, older)
    return gone


def notes_naming(warehouse: Warehouse, rater_id: str) -> list[dict[str, Any]]:
    """Rows of `scorings` whose notes name a rater: sentences, which no column of ids would show."""
    text = "SELECT * FROM scorings WHERE contains(array_to_string(notes, ' '), $1) ORDER BY question, scale"
    return list(warehouse.query(text, [rater_id]).to_pylist())


def erase_notes(warehouse: Warehouse, rater_id: str) -> int:
    """Take the sentences that name a rater out of `scorings`, and out of its history; returns rows that had one."""
    rows = notes_naming(warehouse, rater_id)
    for row in rows:
        left = Scoring(**{**row, "notes": [note for note in row["notes"] if rater_id not in note]})
        question, scale = (str(row[name]).replace("'", "''") for name in ("question", "scale"))
        warehouse.table(SCORINGS).replace([left], f"question = '{question}' AND scale = '{scale}'")
    # A killed run may have gone as far as the rows, but not as far as their history.
    forget_history(warehouse, [SCORINGS.name])
    return len(rows)


def _there(warehouse: Warehouse, name: str, columns: Iterable[str]) -> list[str]:
    return [column for column in columns if column in warehouse.tables[name].spec.schema.names]


def forget_history(warehouse: Warehouse, names: Iterable[str]) -> None:
    """Remove the files of all older versions of some tables: time travel ends here, on purpose."""
    for name in names:
        warehouse.tables[name].delta().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)


def holding_in_history(warehouse: Warehouse, name: str, columns: Iterable[str], values: list[str]) -> int:
    """Data files that only older versions of a table use, and that hold any of the values."""
    delta = warehouse.tables[name].delta()
    files = warehouse.location.filesystem("tables", name)
    listed = delta.vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False)
    # The list names files that were removed before as well.
    there = [info.path for info in files.get_file_info(listed) if info.type == pafs.FileType.File]
    wanted = pa.array(values, pa.string())
    return sum(_file_holds(files, path, columns, wanted) for path in there)


def _file_holds(files: pafs.FileSystem, path: str, columns: Iterable[str], wanted: pa.Array) -> bool:
    with files.open_input_file(path) as stream, pq.ParquetFile(stream) as parquet:
        names = [name for name in parquet.schema_arrow.names if name in columns]
        for number in range(parquet.num_row_groups if names else 0):
            rows = parquet.read_row_group(number, columns=names)
            if any(pc.any(pc.is_in(rows[name].cast(pa.string()), wanted)).as_py() for name in names):
                return True
    return False


def erase_files(warehouse: Warehouse, photo_ids: Iterable[str], versions: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Remove all files under the root that hold photos, or what was learnt from them; returns how many of each kind.

    Copies and renditions under all their names; search matrices and reports, whole, since they hold many photos
    at once and are made again; heads that were trained on a version that is withdrawn.

    Parameters
    ----------
    versions : iterable of (name, version)
        Versions that were withdrawn.
    """
    files = warehouse.location.filesystem()
    wanted = set(photo_ids)
    named = {info.path for info in _all(files) if wanted & set(PHOTO_ID.findall(info.path))}
    shown = _same_pictures(files, [path for path in named if path.startswith("renditions/made/")])
    heads = {path for name, version in versions for path in _under(files, f"heads/{name}/{version}")}
    derived = _under(files, "derived") if wanted else []
    doomed = {*named, *shown, *heads, *derived, *_under(files, "reports")}
    gone: dict[str, int] = {}
    for path in sorted(doomed):
        files.delete_file(path)
        kind = path.split("/", 1)[0]
        gone[kind] = gone.get(kind, 0) + 1
    return gone


def files_holding(warehouse: Warehouse, value: str) -> list[str]:
    """Files under the root (tables and releases apart) whose name or text holds a photo's or a rater's id."""
    files = warehouse.location.filesystem()
    return sorted(info.path for info in _all(files) if value in info.path or _tells(files, info, value))


def _tells(files: pafs.FileSystem, info: pafs.FileInfo, value: str) -> bool:
    if not info.path.endswith(TEXTS) or info.size > LARGEST_TEXT:
        return False
    with files.open_input_stream(info.path) as stream:
        return value.encode() in stream.read()


def _all(files: pafs.FileSystem) -> Iterator[pafs.FileInfo]:
    """Files under the root that are neither tables nor releases."""
    for top in files.get_file_info(pafs.FileSelector("", allow_not_found=True)):
        if top.type == pafs.FileType.File:
            yield top
        elif top.base_name not in APART:
            inner = files.get_file_info(pafs.FileSelector(top.path, recursive=True))
            yield from (info for info in inner if info.type == pafs.FileType.File)


def _under(files: pafs.FileSystem, folder: str) -> list[str]:
    found = files.get_file_info(pafs.FileSelector(folder, recursive=True, allow_not_found=True))
    return [info.path for info in found if info.type == pafs.FileType.File]


def _same_pictures(files: pafs.FileSystem, made: list[str]) -> list[str]:
    """Names under which renditions are shown to raters: they say nothing, so the bytes tell them."""
    if not made:
        return []
    sizes, sums = set(), set()
    for path in made:
        with files.open_input_stream(path) as stream:
            data = stream.read()
        sizes.add(len(data))
        sums.add(hashlib.sha256(data).digest())
    found = []
    for info in files.get_file_info(pafs.FileSelector("renditions/shown", recursive=True, allow_not_found=True)):
        if info.type != pafs.FileType.File or info.size not in sizes:
            continue
        with files.open_input_stream(info.path) as stream:
            if hashlib.sha256(stream.read()).digest() in sums:
                found.append(info.path)
    return found

"""What storage says when it fails, in one sentence: which file of which table, and what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs as pafs

from schemas.errors import IntegrityFault, SalonError, ServiceUnavailable, StorageRefused
from warehouse.filesystem import Location

STORAGE_ERRORS = (DeltaError, OSError, pa.ArrowException, duckdb.Error)
"""What the libraries that read and write storage raise."""

LEAST_FREE_BYTES = 16_000_000
"""A commit is not begun with less than this left beside its own rows: a writer that meets a full disk halfway
leaves a file behind, and Delta's prints a page of Rust (as it does where it may not write)."""

FULL = ("No space left on device", "os error 28)", "Disk quota exceeded", "os error 122)")
FORBIDDEN = (
    "Read-only file system",
    "os error 30)",
    "Permission denied",
    "os error 13)",
    "AccessDenied",
    "ACCESS_DENIED",
)
UNREACHABLE = (
    "Generic S3 error", "Generic GCS error", "AWS Error", "error sending request", "SlowDown", "curlCode",
    "google::cloud::Status", "operation timed out",
)  # fmt: skip

STAYS = "what was committed stays, and the same command does the rest"


def spoken(error: BaseException, place: str) -> SalonError | None:
    """The fault that an error of a storage library means, whatever it was doing; None where its words say nothing."""
    text = str(error)
    if any(words in text for words in FULL):
        return StorageRefused(f"{place}: no space is left on the disk; make room and run the same again: {STAYS}.")
    if any(words in text for words in FORBIDDEN):
        return _forbidden(place)
    if any(words in text for words in UNREACHABLE):
        return ServiceUnavailable(
            f"{place}: the object store does not answer as it should ({_first_line(text)}); {STAYS}."
        )
    return None


def _forbidden(place: str) -> StorageRefused:
    return StorageRefused(
        f"{place}: it may not be written here (read-only, or no permission); give this account the right to write "
        f"and run the same again: {STAYS}."
    )


def refuse_unwritable(folder: Path, table: str, rows_bytes: int) -> None:
    """Raise StorageRefused where a local folder may not be written, or a commit would not fit on its disk."""
    if not os.access(folder, os.W_OK):
        raise _forbidden(str(folder))
    left = shutil.disk_usage(folder).free
    if left < rows_bytes + LEAST_FREE_BYTES:
        raise StorageRefused(
            f"{folder}: {left / 1e6:,.0f} MB are left on the disk, and writing to table {table} may take "
            f"{(rows_bytes + LEAST_FREE_BYTES) / 1e6:,.0f} MB; make room and run the same again: {STAYS}."
        )


@dataclass(frozen=True)
class DamagedFile:
    """A data file that is not as its table's log says: its name, what is wrong, and how many rows it held."""

    path: str
    what: str
    rows: int
    is_missing: bool


def damaged_files(delta: DeltaTable, filesystem: pafs.FileSystem) -> Iterator[DamagedFile]:
    """Data files of a table that are missing or cannot be read, by name. Reads everything."""
    actions = pa.table(delta.get_add_actions(flatten=True)).select(["path", "size_bytes", "num_records"]).to_pylist()
    for action in sorted(actions, key=lambda action: str(action["path"])):
        path, size, rows = str(action["path"]), int(action["size_bytes"]), int(action["num_records"] or 0)
        info = filesystem.get_file_info(path)
        if info.type == pafs.FileType.NotFound:
            yield DamagedFile(path, "is missing", rows, True)
        elif info.size != size:
            yield DamagedFile(path, f"is damaged: it has {info.size:,} bytes, expected {size:,}", rows, False)
        elif not _readable(path, filesystem):
            yield DamagedFile(path, "is damaged: its pages cannot be read", rows, False)


def _readable(path: str, filesystem: pafs.FileSystem) -> bool:
    try:
        with filesystem.open_input_file(path) as stream:
            for _ in pq.ParquetFile(stream).iter_batches(batch_size=1024):
                pass
    except (OSError, pa.ArrowException):
        return False
    return True


def keep_aside(location: Location, table: str, path: str) -> None:
    """Move a damaged data file out of its table's folder: somebody may yet get something out of it."""
    files = location.filesystem()
    files.create_dir(f"damaged/{table}")
    files.move(f"tables/{table}/{path}", f"damaged/{table}/{path}")


def file_fault(table: str, address: str, found: DamagedFile) -> IntegrityFault:
    """A data file that is not as it should be."""
    return IntegrityFault(
        f"table {table}: data file {found.path} {found.what} (in {address}); put it back from a backup, or run "
        "`salon maintain --repair`, which takes it out of the table and says how its rows come back."
    )


def log_fault(table: str, address: str, what: str) -> IntegrityFault:
    """A table whose log is not as it should be: which rows it holds cannot be told."""
    return IntegrityFault(
        f"table {table}: {what} (in {address}/_delta_log); put the folder back from a backup: its data files are "
        "untouched, and nothing was written."
    )


LOG_WORDS = {
    "found gap": "an entry of its log is missing",
    "Json error": "an entry of its log cannot be read",
}


def log_words(error: BaseException) -> str:
    """What Delta found wrong with a log, without what it adds for its own developers."""
    text = str(error)
    for words, meaning in LOG_WORDS.items():
        if words in text:
            return meaning
    return f"its log is damaged ({_first_line(text)})"


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    return line if len(line) <= 240 else line[:237] + "..."

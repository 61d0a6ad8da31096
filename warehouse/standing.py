"""What a stage remembers of its last run: a small JSON file under ``state/``, and who wrote which table version."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from pyarrow import fs as pafs

from schemas.columns import TableSpec
from warehouse.filesystem import Location
from warehouse.store import Warehouse
from warehouse.writers import WRITER, writer_name

FOLDER = "state"


def versions_of(warehouse: Warehouse, specs: Iterable[TableSpec]) -> dict[str, int]:
    """The newest version of each table."""
    return {spec.name: warehouse.table(spec).version for spec in specs}


def written_by_us(warehouse: Warehouse, spec: TableSpec, since: int) -> bool:
    """Whether this process made every version of a table after the one given."""
    delta = warehouse.table(spec).delta()
    newer = int(delta.version()) - since
    if newer <= 0:
        return newer == 0
    return all(commit.get(WRITER) == writer_name() for commit in delta.history(newer))


def read_memory(location: Location, stage: str) -> Mapping[str, Any] | None:
    """What a stage remembers; None where it remembers nothing, or nothing readable."""
    files = location.filesystem()
    path = f"{FOLDER}/{stage}.json"
    if files.get_file_info(path).type is not pafs.FileType.File:
        return None
    with files.open_input_stream(path) as stream:
        try:
            found = json.loads(stream.read())
        except ValueError:
            return None
    return found if isinstance(found, dict) else None


def write_memory(location: Location, stage: str, memory: Mapping[str, Any]) -> None:
    """Remember, whole or not at all."""
    text = json.dumps(memory).encode()
    if not location.is_local:  # an object appears when it is complete
        with location.filesystem().open_output_stream(f"{FOLDER}/{stage}.json") as stream:
            stream.write(text)
        return
    target = location.local(FOLDER, f"{stage}.json")
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_bytes(text)
    part.replace(target)

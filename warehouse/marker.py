"""``warehouse.json``: what makes a folder a warehouse, of which schema version, with which tables."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

from pyarrow import fs as pafs

from schemas.errors import IntegrityFault, WrongUse
from schemas.tables import SCHEMA_VERSION
from warehouse.filesystem import Location

MARKER = "warehouse.json"


@dataclass(frozen=True)
class Marker:
    """What stands in the file.

    Parameters
    ----------
    version : int
        Schema version.
    tables : tuple of str
        The tables that were made with the warehouse; none are known of those that the first Salons made.
    """

    version: int
    tables: tuple[str, ...] = ()


def is_there(location: Location) -> bool:
    """Whether a place is a warehouse."""
    return bool(location.filesystem().get_file_info(MARKER).type != pafs.FileType.NotFound)


def read_marker(location: Location) -> Marker:
    """What a warehouse says of itself.

    Raises
    ------
    WrongUse
        There is none.
    IntegrityFault
        The file is damaged.
    """
    if not is_there(location):
        raise WrongUse(f"{location.root}: no warehouse here; run `salon init`, or name one with --root.")
    try:
        with location.filesystem().open_input_stream(MARKER) as stream:
            content = json.loads(stream.read())
        return Marker(int(content["schema_version"]), tuple(str(name) for name in content.get("tables", ())))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityFault(
            f"{location.join(MARKER)}: it is damaged; the tables are untouched: write "
            f'{{"schema_version": {SCHEMA_VERSION}}} into it if this Salon made them, else put it back from a backup.'
        ) from error


def write_marker(location: Location, marker: Marker) -> None:
    """Write the file, whole or not at all."""
    text = json.dumps({"schema_version": marker.version, "tables": list(marker.tables)}).encode() + b"\n"
    if not location.is_local:  # an object appears when it is complete
        with location.filesystem().open_output_stream(MARKER) as stream:
            stream.write(text)
        return
    target = location.local(MARKER)
    part = target.with_name(f".{MARKER}.{os.getpid()}")
    part.write_bytes(text)
    part.replace(target)


def refuse_lost_tables(location: Location, made: Sequence[str]) -> None:
    """A table's folder that is gone must not pass for an empty table."""
    if not made:
        return
    found = location.filesystem().get_file_info(pafs.FileSelector("tables", allow_not_found=True))
    there = {info.base_name for info in found}
    gone = [name for name in made if name not in there]
    if gone:
        raise IntegrityFault(
            f"{location.root}: the folder of table {gone[0]} is gone"
            f"{f', and {len(gone) - 1} more' if len(gone) > 1 else ''}; put it back from a backup. To go on without "
            f"its rows, take its name out of {MARKER}: it is then made anew, empty."
        )

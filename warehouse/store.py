"""A warehouse: a root folder with tables, objects, renditions, reports and releases under it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs as pafs

from schemas.columns import TableSpec
from schemas.errors import IntegrityFault, WarehouseVersion, WrongUse
from schemas.tables import SCHEMA_VERSION, TABLES
from warehouse.delta import Table
from warehouse.filesystem import Location
from warehouse.query import query, query_for_people

MARKER = "warehouse.json"


class Warehouse:
    """An opened warehouse.

    ``root/warehouse.json`` (schema version), ``root/tables/NAME`` (Delta), ``root/objects``,
    ``root/renditions``, ``root/reports``, ``root/releases/NAME/VERSION``.
    """

    def __init__(self, location: Location) -> None:
        self.location = location

    @classmethod
    def create(cls, root: str | Path) -> Warehouse:
        """Make an empty warehouse, or open the one that is there."""
        location = Location.of(root)
        if location.is_local:
            location.local().mkdir(parents=True, exist_ok=True)
        files = location.filesystem()
        if files.get_file_info(MARKER).type == pafs.FileType.NotFound:
            for spec in TABLES:
                Table(location, spec).create()
            with files.open_output_stream(MARKER) as stream:
                marker = {"schema_version": SCHEMA_VERSION, "tables": [spec.name for spec in TABLES]}
                stream.write(json.dumps(marker).encode() + b"\n")
        return cls.open(root)

    @classmethod
    def open(cls, root: str | Path) -> Warehouse:
        """Open a warehouse.

        Raises
        ------
        WrongUse
            There is none.
        WarehouseVersion
            It was made by a newer Salon.
        """
        location = Location.of(root)
        files = location.filesystem()
        if files.get_file_info(MARKER).type == pafs.FileType.NotFound:
            raise WrongUse(f"{location.root}: no warehouse here; run `salon init`, or name one with --root.")
        found, made = _read_marker(location, files)
        if found > SCHEMA_VERSION:
            raise WarehouseVersion(
                f"{location.root}: made by a newer Salon (schema version {found}, this one knows "
                f"{SCHEMA_VERSION}); install that Salon."
            )
        _refuse_lost_tables(location, files, made)
        return cls(location)

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """All tables by name."""
        return {spec.name: Table(self.location, spec) for spec in TABLES}

    def table(self, spec: TableSpec) -> Table:
        """The table of a record type."""
        return self.tables[spec.name]

    def query(self, text: str, parameters: Sequence[Any] = (), extra: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Rows of an SQL query over the tables (by their names) and over `extra` Arrow tables."""
        return query(self.tables, text, parameters, extra)

    def query_for_people(self, text: str) -> pa.Table:
        """Rows of one reading SQL statement that a person typed."""
        return query_for_people(self.tables, text)


def _read_marker(location: Location, files: pafs.FileSystem) -> tuple[int, list[str]]:
    """Schema version of a warehouse, and the tables that were made with it (none known of older ones)."""
    try:
        with files.open_input_stream(MARKER) as stream:
            marker = json.loads(stream.read())
        return int(marker["schema_version"]), [str(name) for name in marker.get("tables", [])]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityFault(
            f"{location.join(MARKER)}: it is damaged; the tables are untouched: write "
            f'{{"schema_version": {SCHEMA_VERSION}}} into it if this Salon made them, else put it back from a backup.'
        ) from error


def _refuse_lost_tables(location: Location, files: pafs.FileSystem, made: Sequence[str]) -> None:
    """A table's folder that is gone must not pass for an empty table."""
    if not made:
        return
    there = {info.base_name for info in files.get_file_info(pafs.FileSelector("tables", allow_not_found=True))}
    gone = [name for name in made if name not in there]
    if gone:
        raise IntegrityFault(
            f"{location.root}: the folder of table {gone[0]} is gone"
            f"{f', and {len(gone) - 1} more' if len(gone) > 1 else ''}; put it back from a backup. To go on without "
            f"its rows, take its name out of {MARKER}: it is then made anew, empty."
        )

"""A warehouse: a root folder with tables, objects, renditions, reports and releases under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.columns import TableSpec
from schemas.errors import WrongUse
from schemas.tables import SCHEMA_VERSION, TABLES
from warehouse.delta import Table
from warehouse.filesystem import Location
from warehouse.marker import Marker, is_there, read_marker, refuse_lost_tables, write_marker
from warehouse.migrations import refuse_other_version
from warehouse.query import MEMORY, Extra, query, query_batches, query_for_people


class Warehouse:
    """An opened warehouse.

    ``root/warehouse.json`` (schema version), ``root/tables/NAME`` (Delta), ``root/objects``,
    ``root/renditions``, ``root/reports``, ``root/releases/NAME/VERSION``.
    """

    def __init__(self, location: Location) -> None:
        self.location = location

    @classmethod
    def create(cls, root: str | Path) -> Warehouse:
        """Make an empty warehouse, or open the one that is there.

        Raises
        ------
        WrongUse
            A file is in the way.
        """
        location = Location.of(root)
        if location.is_local:
            try:
                location.local().mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise WrongUse(f"{root}: a file is in the way; a warehouse is a folder: name another place.") from error
        if not is_there(location):
            for spec in TABLES:
                Table(location, spec).create()
            write_marker(location, Marker(SCHEMA_VERSION, tuple(spec.name for spec in TABLES)))
        return cls.open(root)

    @classmethod
    def open(cls, root: str | Path) -> Warehouse:
        """Open a warehouse.

        Raises
        ------
        WrongUse
            There is none.
        WarehouseVersion
            It was made by a newer Salon, or by an older one and not brought forward yet.
        IntegrityFault
            The folder of a table is gone.
        """
        location = Location.of(root)
        marker = read_marker(location)
        refuse_other_version(location, marker.version)
        refuse_lost_tables(location, marker.tables)
        return cls(location)

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """All tables by name."""
        return {spec.name: Table(self.location, spec) for spec in TABLES}

    def table(self, spec: TableSpec) -> Table:
        """The table of a record type."""
        return self.tables[spec.name]

    def query(
        self, text: str, parameters: Sequence[Any] = (), extra: Extra | None = None, memory: str = MEMORY
    ) -> pa.Table:
        """Rows of an SQL query over the tables (by their names) and over `extra` Arrow tables."""
        return query(self.tables, text, parameters, extra, memory)

    def query_batches(
        self, text: str, parameters: Sequence[Any] = (), extra: Extra | None = None, memory: str = MEMORY
    ) -> Iterator[pa.RecordBatch]:
        """Rows of an SQL query that need not fit in memory; it takes so much itself before it puts rows aside."""
        return query_batches(self.tables, text, parameters, extra, memory)

    def query_for_people(self, text: str) -> pa.Table:
        """Rows of one reading SQL statement that a person typed."""
        return query_for_people(self.tables, text)

"""From a dataclass to an Arrow schema: one record type is the truth of a table.

A table's record is a frozen, keyword-only dataclass whose fields are made by `column`. The Arrow type
follows from the annotation (``X | None`` is nullable); the documentation lists the columns from it.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Protocol

import pyarrow as pa


class Record(Protocol):
    """Any dataclass instance whose fields were made by `column`."""

    __dataclass_fields__: typing.ClassVar[dict[str, Any]]


ARROW_TYPES: Mapping[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    datetime: pa.timestamp("us", tz="UTC"),
    list[float]: pa.list_(pa.float32()),  # Delta has no half floats and gives fixed sizes back as lists
    list[int]: pa.list_(pa.int64()),
    list[str]: pa.list_(pa.string()),
}


def column(doc: str, *, optional: bool = False, arrival: bool = False) -> Any:
    """Declare a column.

    Parameters
    ----------
    doc : str
        One line: meaning, unit and range. It becomes the table's documentation.
    optional : bool
        The field may be left out of the constructor and is then None; its annotation says ``| None``.
    arrival : bool
        The value depends on the clock, the machine or the order of arrival, so that a table's digest
        leaves it out.
    """
    metadata = {"doc": doc, "arrival": arrival}
    if optional:
        return dataclasses.field(default=None, metadata=metadata)
    return dataclasses.field(metadata=metadata)


@dataclass(frozen=True)
class ColumnSpec:
    """One column of a table, as derived from its record."""

    name: str
    type: pa.DataType
    nullable: bool
    doc: str
    arrival: bool


@dataclass(frozen=True)
class TableSpec:
    """A table: its name, its record type and its key.

    Parameters
    ----------
    name : str
        The folder under ``tables/`` and the name in SQL.
    row : type
        The record type.
    key : tuple of str
        Columns whose values are unique together and never null.
    doc : str
        One line for people.
    derived : bool
        Rows are worked out from other tables and may be replaced; else they are only ever inserted.
    """

    name: str
    row: type
    key: tuple[str, ...]
    doc: str
    derived: bool = False

    @property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """The columns in the order of the record's fields."""
        return columns_of(self.row)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    def to_arrow(self, rows: Iterable[Record]) -> pa.Table:
        """Records as an Arrow table of exactly this table's schema."""
        names = [c.name for c in self.columns]
        values = list(zip(*map(attrgetter(names[0], *names), rows), strict=True))[1:]  # two names or more: tuples
        return pa.table(dict(zip(names, values, strict=True)), self.schema) if values else self.schema.empty_table()


@functools.cache
def columns_of(row: type) -> tuple[ColumnSpec, ...]:
    """The columns of a record type; raises TypeError on an annotation that has no Arrow type."""
    hints = typing.get_type_hints(row)
    found = []
    for field in dataclasses.fields(row):
        plain, nullable = _without_none(hints[field.name])
        if plain not in ARROW_TYPES:
            raise TypeError(f"{row.__name__}.{field.name}: no Arrow type for {plain!r}")
        found.append(
            ColumnSpec(
                name=field.name,
                type=ARROW_TYPES[plain],
                nullable=nullable,
                doc=field.metadata["doc"],
                arrival=field.metadata["arrival"],
            )
        )
    return tuple(found)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """``X | None`` as (X, True); anything else as (itself, False)."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return hint, False

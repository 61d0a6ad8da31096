"""DuckDB over the tables: for stages, and for people, who may read the tables and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from schemas.errors import NotEnoughMemory, SalonError, WrongUse
from warehouse.contents import aside
from warehouse.delta import Table
from warehouse.faults import STAYS, STORAGE_ERRORS, spoken
from warehouse.views import VIEWS

Extra = Mapping[str, pa.Table | pads.Dataset]
"""Names that a query of ours may use, besides the tables."""
MEMORY = "1500MB"
"""What one query may take before it puts rows aside in a temporary folder."""
MEMORY_VARIABLE = "SALON_QUERY_MEMORY"
"""Names another size, for all queries: what rows put aside still need grows with their number."""
BATCH_ROWS = 131_072


def connect(tables: Mapping[str, Table], text: str, extra: Extra | None = None, memory: str = MEMORY) -> Any:
    """A DuckDB connection that knows the tables that the text names (all, where it looks at the catalogue)."""
    wanted = names_of(tables, text)
    limit = os.environ.get(MEMORY_VARIABLE) or memory
    try:
        connection = duckdb.connect(config={"memory_limit": limit, "temp_directory": aside()})
    except duckdb.ParserException as error:
        raise WrongUse(f"{MEMORY_VARIABLE}: expected a size such as 4GB, got '{limit}'.") from error
    # Without this a name in a query could be taken for a Python variable of ours.
    connection.execute("SET python_enable_replacements = false")
    for name, table in tables.items():
        if name in wanted:
            connection.register(name, table.dataset())
    for name, (needs, view) in VIEWS.items():
        if wanted.issuperset(needs):
            connection.execute(f"CREATE TEMP VIEW {name} AS {view}")
    for name, rows in (extra or {}).items():
        connection.register(name, rows)
    return connection


def names_of(tables: Mapping[str, Table], text: str) -> set[str]:
    """The tables that a query names, itself or through a view; all where it looks at the catalogue."""
    words = set(re.findall(r"\w+", text.lower()))
    every = bool(words & {"information_schema", "tables", "duckdb_tables", "duckdb_views", "show"})
    named = words | {table for name in words & set(VIEWS) for table in VIEWS[name][0]}
    return set(tables) if every else named & set(tables)


def query(
    tables: Mapping[str, Table],
    text: str,
    parameters: Sequence[Any] = (),
    extra: Extra | None = None,
    memory: str = MEMORY,
) -> pa.Table:
    """Rows of a query of ours; `extra` names Arrow tables to join with. Less `memory` for who holds much already."""
    with in_words(tables, text):
        return connect(tables, text, extra, memory).sql(text, params=list(parameters)).to_arrow_table()


def query_batches(
    tables: Mapping[str, Table],
    text: str,
    parameters: Sequence[Any] = (),
    extra: Extra | None = None,
    memory: str = MEMORY,
) -> Iterator[pa.RecordBatch]:
    """Rows of a query of ours that need not fit in memory, in its order; less `memory` for who keeps what comes."""
    with in_words(tables, text):
        connection = connect(tables, text, extra, memory)
        yield from connection.sql(text, params=list(parameters)).to_arrow_reader(BATCH_ROWS)


@contextmanager
def in_words(tables: Mapping[str, Table], text: str) -> Iterator[None]:
    """What a query raises in the block becomes a fault that says which file of which table, and what to do."""
    try:
        yield
    except STORAGE_ERRORS as error:
        fault = _fault_of(tables, text, error)
        if fault is None:
            raise
        raise fault from error


def _fault_of(tables: Mapping[str, Table], text: str, error: Exception) -> SalonError | None:
    """What is wrong with the tables that a query names; None where they are sound."""
    named = names_of(tables, text)
    place = ", ".join(f"table {name}" for name in sorted(named))
    if isinstance(error, duckdb.OutOfMemoryException):
        return NotEnoughMemory(
            f"{place or 'the query'}: it takes more memory than a query may take; give it more, as with "
            f"{MEMORY_VARIABLE}=4GB in the environment, and run the same again: {STAYS}."
        )
    return spoken(error, place) or next(filter(None, (tables[name].damage() for name in sorted(named))), None)


def query_for_people(tables: Mapping[str, Table], text: str) -> pa.Table:
    """Rows of a query that a person typed: one reading statement; other files are out of reach.

    Columns of one name, as a join gives them, are told apart by a number: rows become records further on.

    Raises
    ------
    WrongUse
        The query is not one SELECT, or DuckDB refuses it.
    """
    connection = connect(tables, text)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        _refuse_writing(connection.extract_statements(text))
        rows = connection.sql(text).to_arrow_table()
        return rows.rename_columns(_told_apart(rows.column_names))
    except STORAGE_ERRORS as error:
        ours = READING_FAILED in str(error) or isinstance(error, duckdb.OutOfMemoryException)
        fault = _fault_of(tables, text, error) if ours else None
        if fault is not None:
            raise fault from error
        first = str(error).strip().splitlines()[0].rstrip(".!")
        known = f" Tables: {', '.join(tables)}." if isinstance(error, duckdb.CatalogException) else ""
        raise WrongUse(f"the query is refused: {first}.{known}") from error


def _told_apart(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        tries = (f"{name}_{number}" for number in count(2))
        found.append(name if name not in found else next(one for one in tries if one not in (*found, *names)))
    return found


READING_FAILED = "reading the stream registered as"
"""How DuckDB says that rows of a table could not be had."""
READING = frozenset({"SELECT", "EXPLAIN", "RELATION"})


def _refuse_writing(statements: Iterable[Any]) -> None:
    kinds = [statement.type.name for statement in statements]
    if len(kinds) != 1 or kinds[0] not in READING:
        raise WrongUse(f"one SELECT is expected, got {', '.join(kinds) or 'nothing'}; tables are read-only here.")

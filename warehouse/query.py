"""DuckDB over the tables: for stages, and for people, who may read the tables and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from schemas.errors import WrongUse
from warehouse.delta import Table
from warehouse.views import VIEWS


def connect(tables: Mapping[str, Table], text: str, extra: Mapping[str, pa.Table] | None = None) -> Any:
    """A DuckDB connection that knows the tables that the text names (all, where it looks at the catalogue)."""
    words = set(re.findall(r"\w+", text.lower()))
    every = bool(words & {"information_schema", "tables", "duckdb_tables", "duckdb_views", "show"})
    wanted = set(tables) if every else words | {t for name in words & set(VIEWS) for t in VIEWS[name][0]}
    connection = duckdb.connect()
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


def query(
    tables: Mapping[str, Table],
    text: str,
    parameters: Sequence[Any] = (),
    extra: Mapping[str, pa.Table] | None = None,
) -> pa.Table:
    """Rows of a query of ours; `extra` names Arrow tables to join with."""
    return connect(tables, text, extra).sql(text, params=list(parameters)).to_arrow_table()


def query_for_people(tables: Mapping[str, Table], text: str) -> pa.Table:
    """Rows of a query that a person typed: one reading statement; other files are out of reach.

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
        return connection.sql(text).to_arrow_table()
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise WrongUse(f"the query is refused: {first} Tables: {', '.join(tables)}.") from error


READING = frozenset({"SELECT", "EXPLAIN", "RELATION"})


def _refuse_writing(statements: Iterable[Any]) -> None:
    kinds = [statement.type.name for statement in statements]
    if len(kinds) != 1 or kinds[0] not in READING:
        raise WrongUse(f"one SELECT is expected, got {', '.join(kinds) or 'nothing'}; tables are read-only here.")

"""Which keys a table holds already: an exact anti-join that is paid for once, then grows with each commit.

Insert-only tables are never scanned again for each shard: the index remembers which data files it has
read, and reads the key columns of new files only. Keys are kept as two 64-bit hashes each (16 bytes a row),
so two keys are confused with probability below 1e-24 at ten million rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyarrow import fs as pafs


def two_hashes(columns: Sequence[str], schema: pa.Schema) -> tuple[str, str]:
    """Two SQL expressions of 64 bits each that tell rows apart by some columns.

    DuckDB's hash of several values follows from the hash of each, so a further value beside a column says nothing
    new of it: two texts with the same hash would be one under both. The second expression hashes other texts.
    """
    plain = [f'"{name}"' for name in columns]
    other = [f"concat({name}, '#')" if _is_text(schema, name.strip('"')) else name for name in plain]
    return f"hash({', '.join(plain)})", f"hash('second', {', '.join(other)})"


def hashes_of_text(column: str) -> tuple[str, str]:
    """The same for one column of text, by its name in a query."""
    return f"hash({column})", f"hash('second', concat({column}, '#'))"


def _is_text(schema: pa.Schema, name: str) -> bool:
    return schema.field(name).type in (pa.string(), pa.large_string(), pa.string_view())


class KeyIndex:
    """Hashes of all keys of one Delta table, as of the files seen so far."""

    def __init__(self, key: Sequence[str], schema: pa.Schema) -> None:
        self._key = tuple(key)
        self._files: set[str] = set()
        first, second = two_hashes(self._key, schema)
        self._hashes = f"{first} AS h1, {second} AS h2"

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Opened with the first write: a run opens every table and writes to few, and 28 databases take a second."""
        connection = duckdb.connect()
        connection.execute("CREATE TABLE seen (h1 UBIGINT, h2 UBIGINT)")
        return connection

    def _reset(self) -> None:
        self._files = set()
        self._connection.execute("CREATE OR REPLACE TABLE seen (h1 UBIGINT, h2 UBIGINT)")

    def refresh(self, table: DeltaTable, filesystem: pafs.FileSystem) -> None:
        """Take in the data files that the table has and the index has not; start over when files went."""
        current = set(table.to_pyarrow_dataset(filesystem=filesystem).files)
        if self._files - current:
            self._reset()
        fresh = sorted(current - self._files)
        if fresh:
            dataset = pads.dataset(fresh, filesystem=filesystem, format="parquet")
            self._add(dataset)
            self._files |= set(fresh)

    def _add(self, rows: pa.Table | pads.Dataset) -> None:
        self._connection.register("rows_in", rows)
        self._connection.execute(f"INSERT INTO seen SELECT {self._hashes} FROM rows_in")
        self._connection.unregister("rows_in")

    def fresh(self, rows: pa.Table) -> pa.Table:
        """The rows whose key is neither in the table nor earlier among the rows, in their order."""
        self._connection.register("rows_in", rows.select(list(self._key)))
        numbers = self._connection.sql(
            f"""
            WITH numbered AS (SELECT row_number() OVER () - 1 AS n, {self._hashes} FROM rows_in),
                 firsts AS (SELECT min(n) AS n, h1, h2 FROM numbered GROUP BY h1, h2)
            SELECT n FROM firsts ANTI JOIN seen USING (h1, h2) ORDER BY n
            """
        ).to_arrow_table()["n"]
        self._connection.unregister("rows_in")
        return rows if len(numbers) == rows.num_rows else rows.take(numbers)

"""Whether two sets of rows are the same: told in bounded memory, whatever order they come in.

Each row becomes two 64-bit hashes of all its values; two sets are the same where the numbers of rows and the sums of
both hashes are. Floating-point numbers are rounded as in `warehouse.digests`. The hashes are DuckDB's own and may
change with its version: they are compared within one process and never stored.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.digests import rounded
from warehouse.keys import two_hashes

Batches = Callable[[], Iterator[pa.RecordBatch]]
"""Rows that need not fit in memory: each call gives all of them anew."""

ROWS = 131_072
"""Rows of a batch, where we choose."""
MEMORY = "1GB"
"""What DuckDB may take for the keys before it writes to a temporary folder: enough for 20 million rows."""


def aside() -> str:
    """A folder of its own where a DuckDB connection may put rows; it makes and removes it."""
    return str(Path(tempfile.gettempdir(), f"salon-query-{os.getpid()}-{secrets.token_hex(4)}"))


@dataclass(frozen=True)
class Content:
    """What a set of rows is told by.

    Parameters
    ----------
    rows : int
        How many.
    sums : pair of int
        Of both hashes of the rows.
    nbytes : int
        What they take in memory, by which they are not told apart.
    """

    rows: int
    sums: tuple[int, int]
    nbytes: int = field(compare=False)


def content_of(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Content:
    """What the columns of a schema hold in some rows."""
    names = schema.names
    connection = duckdb.connect()
    first, second = two_hashes(names, schema)
    text = f"""SELECT count(*), coalesce(sum({first}::HUGEINT), 0), coalesce(sum({second}::HUGEINT), 0) FROM rows_in"""
    total, nbytes = [0, 0, 0], 0
    for batch in batches:
        nbytes += batch.nbytes
        connection.register("rows_in", _rounded(batch.select(names)))
        found = connection.execute(text).fetchall()[0]
        total = [one + more for one, more in zip(total, found, strict=True)]
    return Content(total[0], (total[1], total[2]), nbytes)


def doubled_keys(batches: Iterable[pa.RecordBatch], key: Sequence[str], schema: pa.Schema) -> int:
    """How many rows repeat the key of another; keys are told apart by 128 bits of hash."""
    connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": aside()})
    connection.execute("CREATE TABLE keys (h1 UBIGINT, h2 UBIGINT)")
    text = f"INSERT INTO keys SELECT {', '.join(two_hashes(key, schema))} FROM rows_in"
    for batch in batches:
        connection.register("rows_in", pa.Table.from_batches([batch.select(list(key))]))
        connection.execute(text)
    ((rows, different),) = connection.execute(
        "SELECT (SELECT count(*) FROM keys), (SELECT count(*) FROM (SELECT 1 FROM keys GROUP BY h1, h2))"
    ).fetchall()
    return int(rows - different)


def _rounded(batch: pa.RecordBatch) -> pa.Table:
    return pa.table({name: _rounded_column(batch[name]) for name in batch.schema.names})


def _rounded_column(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        values = rounded(np.asarray(pc.fill_null(column, 0.0), dtype="<f8"))
        return pa.array(values, mask=np.asarray(column.is_null()))
    if pa.types.is_list(column.type) and pa.types.is_floating(column.type.value_type):
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, _rounded_column(pc.list_flatten(column)), mask=column.is_null())
    return column

"""Which listed files the warehouse has seen already, so that they are not read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import pyarrow as pa

from schemas.properties import PropertySet
from warehouse.query import connect, in_words
from warehouse.sources.entries import Entry, Source, TableSource, listed_table
from warehouse.store import Warehouse

ENTRIES_AT_ONCE = 100_000
"""Entries that are held in memory and compared at once."""
ROWS_AT_ONCE = 500_000
"""Rows of a listing in columns that are: about 100 MB."""

# A file is known where its photo has all its rows; properties of the full set serve where the default is wanted.
KNOWN = """
SELECT uri, size, modified_at, etag FROM sightings
SEMI JOIN photos USING (photo_id)
SEMI JOIN (SELECT photo_id FROM properties WHERE list_contains($1, version)) USING (photo_id)
"""
REFUSED = "SELECT uri, size, modified_at FROM quarantine WHERE NOT list_contains($1, reason)"

Batch = tuple[pa.Table, Callable[[int], Entry]]
"""A part of a listing in columns, and how to get at the entry of a row."""


def unknown_entries(
    warehouse: Warehouse, source: Source, recheck: bool, retry: Sequence[str], wanted: PropertySet
) -> Iterator[tuple[int, list[Entry]]]:
    """List a source in batches: how many were listed, and those of them that have to be looked at.

    Parameters
    ----------
    recheck : bool
        Look at all of them.
    retry : sequence of str
        Reasons of the quarantine that do not count as known.
    wanted : PropertySet
        Photos without these properties are looked at again.
    """
    batches = _tables(source) if isinstance(source, TableSource) else _entries(source)
    known = None if recheck else KnownFiles(warehouse, retry, wanted)
    for table, entry in batches:
        places = range(table.num_rows) if known is None else known.others(table)
        yield table.num_rows, [entry(place) for place in places]


class KnownFiles:
    """Files that need no look, as of the moment when this was made: 16 bytes of memory for each.

    Two files are confused with probability below 1e-24 at ten million (see `warehouse.keys`).
    """

    def __init__(self, warehouse: Warehouse, retry: Sequence[str], wanted: PropertySet) -> None:
        versions = sorted({wanted.version, PropertySet.FULL.version})
        with in_words(warehouse.tables, KNOWN + REFUSED):
            self._connection = connect(warehouse.tables, KNOWN + REFUSED)
            self._keep("known", "uri, size, modified_at, etag", KNOWN, versions)
            self._keep("refused", "uri, size, modified_at", REFUSED, list(retry))

    def _keep(self, name: str, columns: str, rows: str, words: list[str]) -> None:
        hashes = f"hash({columns}) AS h1, hash('second', concat(uri, '#'), {columns}) AS h2"
        self._connection.execute(f"CREATE TEMP TABLE {name} AS SELECT {hashes} FROM ({rows})", [words])

    def others(self, listed: pa.Table) -> list[int]:
        """Places of the listed rows that are not known, ascending."""
        self._connection.register("rows_in", listed)
        places = self._connection.sql(
            """
            WITH numbered AS (
                SELECT row_number() OVER () - 1 AS n,
                    hash(uri, size, modified_at, etag) AS k1,
                    hash('second', concat(uri, '#'), uri, size, modified_at, etag) AS k2,
                    hash(uri, size, modified_at) AS r1,
                    hash('second', concat(uri, '#'), uri, size, modified_at) AS r2
                FROM rows_in)
            SELECT n FROM numbered
            ANTI JOIN known ON h1 = k1 AND h2 = k2
            ANTI JOIN refused ON refused.h1 = r1 AND refused.h2 = r2
            ORDER BY n
            """
        ).to_arrow_table()["n"]
        self._connection.unregister("rows_in")
        return [int(place) for place in places.to_pylist()]


def _entries(source: Source) -> Iterator[Batch]:
    entries = source.entries()
    while batch := list(islice(entries, ENTRIES_AT_ONCE)):
        yield listed_table(batch), batch.__getitem__


def _tables(source: TableSource) -> Iterator[Batch]:
    """The listing in larger parts: each is compared with all that is known."""
    parts: list[pa.Table] = []
    rows = 0
    for table in source.tables():
        parts.append(table)
        rows += table.num_rows
        if rows >= ROWS_AT_ONCE:
            yield _batch(source, parts)
            parts, rows = [], 0
    if rows:
        yield _batch(source, parts)


def _batch(source: TableSource, parts: list[pa.Table]) -> Batch:
    table = pa.concat_tables(parts)
    return table, lambda place: source.entry(table.slice(place, 1).to_pylist()[0])

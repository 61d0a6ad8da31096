"""Which listed files the warehouse has seen already, so that they are not read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import pyarrow as pa

from schemas.properties import PropertySet
from warehouse.sources.entries import Entry, Source
from warehouse.store import Warehouse

LISTED_AT_ONCE = 100_000
"""Entries that are held in memory and compared at once."""

# A file is known where its photo has all its rows; properties of the full set serve where the default is wanted.
KNOWN = """
SELECT n FROM listed
ANTI JOIN (
    SELECT uri, size, modified_at, etag FROM sightings
    SEMI JOIN photos USING (photo_id)
    SEMI JOIN (SELECT photo_id FROM properties WHERE list_contains($1, version)) USING (photo_id)
) USING (uri, size, modified_at, etag)
ANTI JOIN (
    SELECT uri, size, modified_at FROM quarantine WHERE NOT list_contains($2, reason)
) USING (uri, size, modified_at)
ORDER BY n
"""


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
    entries = source.entries()
    versions = sorted({wanted.version, PropertySet.FULL.version})
    while batch := list(islice(entries, LISTED_AT_ONCE)):
        yield len(batch), batch if recheck else _unknown(warehouse, batch, list(retry), versions)


def _unknown(warehouse: Warehouse, batch: list[Entry], retry: list[str], versions: list[str]) -> list[Entry]:
    listed = pa.table(
        {
            "n": pa.array(range(len(batch)), pa.int64()),
            "uri": pa.array([entry.uri for entry in batch], pa.string()),
            "size": pa.array([entry.size for entry in batch], pa.int64()),
            "modified_at": pa.array([entry.modified_at for entry in batch], pa.timestamp("us", tz="UTC")),
            "etag": pa.array([entry.etag for entry in batch], pa.string()),
        }
    )
    found = warehouse.query(KNOWN, [versions, retry], {"listed": listed})
    return [batch[n] for n in found["n"].to_pylist()]

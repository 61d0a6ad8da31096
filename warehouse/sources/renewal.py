"""What a second look at a file changes: its sighting's size and time, and refusals that no longer hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from schemas.photos import QUARANTINE, SIGHTINGS, Quarantined, Sighting
from warehouse.store import Warehouse

AT_ONCE = 500
"""Conditions in one statement."""

TOUCHED = """
SELECT uri, photo_id FROM sightings JOIN seen USING (uri, photo_id)
WHERE sightings.size <> seen.size OR sightings.modified_at <> seen.modified_at OR sightings.etag <> seen.etag
"""

OUTDATED = """
SELECT uri, size, epoch_us(modified_at) AS at, quarantine.reason
FROM quarantine JOIN seen USING (uri, size, modified_at) WHERE quarantine.reason <> seen.reason
"""


def insert_sightings(warehouse: Warehouse, sightings: Sequence[Sighting]) -> int:
    """Insert sightings; one that is known with another size, time or tag is replaced. Returns the new ones."""
    table = warehouse.table(SIGHTINGS)
    rows = SIGHTINGS.to_arrow(sightings)
    added = table.insert(rows)
    if added < rows.num_rows:
        touched = warehouse.query(TOUCHED, extra={"seen": rows}).to_pylist()
        for condition in _any_of(f"(uri = {_text(r['uri'])} AND photo_id = {_text(r['photo_id'])})" for r in touched):
            table.delete(condition)
        if touched:
            table.insert(rows)  # a kill between the two costs one more look at the file
    return added


def drop_refusals(warehouse: Warehouse, sightings: Sequence[Sighting], refused: Sequence[Quarantined]) -> None:
    """Delete refusals of files that, unchanged, were now taken or refused for another reason."""
    looked_at: list[Sighting | Quarantined] = [*sightings, *refused]
    seen = pa.table(
        {
            "uri": pa.array([row.uri for row in looked_at], pa.string()),
            "size": pa.array([row.size for row in looked_at], pa.int64()),
            "modified_at": pa.array([row.modified_at for row in looked_at], pa.timestamp("us", tz="UTC")),
            "reason": pa.array(["" for _ in sightings] + [row.reason for row in refused], pa.string()),
        }
    )
    outdated = warehouse.query(OUTDATED, extra={"seen": seen}).to_pylist()
    for condition in _any_of(f"(uri = {_text(row['uri'])} AND reason = {_text(row['reason'])})" for row in outdated):
        warehouse.table(QUARANTINE).delete(condition)


def _any_of(conditions: Iterator[str]) -> Iterator[str]:
    found = sorted(set(conditions))
    for start in range(0, len(found), AT_ONCE):
        yield " OR ".join(found[start : start + AT_ONCE])


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

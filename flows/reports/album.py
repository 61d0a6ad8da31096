"""Thumbnails of photos, with their names and sizes, for pages that show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from flows.context import Run
from flows.reports.page import Tile
from flows.reports.thumbnails import no_picture, thumbnails

NAMES = """
    SELECT p.photo_id, width, height, format, bytes, captured_at,
        (SELECT min(file_name) FROM sightings s WHERE s.photo_id = p.photo_id) AS name
    FROM photos p SEMI JOIN shown USING (photo_id)
"""
Row = Mapping[str, Any]


class Album:
    """Thumbnails and facts of the photos that the page shows."""

    def __init__(self, thumbnails: Mapping[str, bytes], facts: Mapping[str, Row]) -> None:
        self._thumbnails, self._facts = thumbnails, facts

    @classmethod
    def of(cls, run: Run, photo_ids: Collection[str]) -> Album:
        """Read what is needed of these photos, and nothing of others."""
        wanted = pa.table({"photo_id": pa.array(sorted(photo_ids), pa.string())})
        rows = run.warehouse.query(NAMES, extra={"shown": wanted}).to_pylist()
        return cls(thumbnails(run, photo_ids), {row["photo_id"]: row for row in rows})

    def tile(self, photo: str, note: str, accent: str = "") -> Tile:
        """A photo with its name, size and a note."""
        fact = self._facts[photo]
        facts = f"{fact['width']}×{fact['height']} {fact['format']}, {_size(fact['bytes'])}"
        picture = self._thumbnails.get(photo)
        lost = "" if picture else " · its picture is lost: salon ingest SOURCE --recheck"
        return Tile(picture or no_picture(), fact["name"] or photo[:12], f"{facts} · {note}{lost}", accent)

    def captured_at(self, photo: str) -> str:
        """Capture time to the second."""
        at = self._facts[photo]["captured_at"]
        return f"{at:%Y-%m-%d %H:%M:%S}" if at else "no time"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1_000_000 else f"{count / 1e3:.0f} kB"

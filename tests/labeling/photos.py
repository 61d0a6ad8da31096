"""Builders of photos that stand in a warehouse without any picture having been read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from schemas.photos import PHOTOS, SIGHTINGS, Photo, Sighting
from warehouse.store import Warehouse

SEEN = datetime(2024, 1, 1, tzinfo=UTC)


def photo_id_of(uri: str) -> str:
    """The content id that the builders give to what was seen at a URI."""
    return hashlib.sha256(uri.encode()).hexdigest()


def photo(uri: str) -> Photo:
    return Photo(
        photo_id=photo_id_of(uri),
        uri=uri,
        source="test",
        format="jpeg",
        bytes=1000,
        width=500,
        height=400,
        mode="RGB",
        orientation=1,
        has_gps=False,
        has_gain_map=False,
        warnings=[],
        simulated=False,
        ingested_at=SEEN,
    )


def sighting(uri: str) -> Sighting:
    return Sighting(
        uri=uri,
        photo_id=photo_id_of(uri),
        file_name=uri.rsplit("/", 1)[-1],
        source="test",
        size=1000,
        modified_at=SEEN,
        etag="",
        seen_at=SEEN,
    )


def warehouse_with(root: Path, uris: Iterable[str]) -> Warehouse:
    """A warehouse in which photos were seen at these URIs."""
    warehouse = Warehouse.create(root)
    names = list(uris)
    warehouse.table(PHOTOS).insert([photo(uri) for uri in names])
    warehouse.table(SIGHTINGS).insert([sighting(uri) for uri in names])
    return warehouse

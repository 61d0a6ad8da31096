"""Small pictures and names of photos, for pages that show some of many."""

from __future__ import annotations

import io
from collections.abc import Collection
from functools import cache

import pyarrow as pa
from PIL import Image

from curation.canonical import VERSION as PICTURE_VERSION
from flows.context import Run
from schemas.photos import PICTURES
from warehouse.facts import BESIDE
from warehouse.pictures import picture_shards, read_pictures

THUMBNAIL = 240
"""Longest side, pixels."""


def thumbnails(run: Run, photo_ids: Collection[str], side: int = THUMBNAIL) -> dict[str, bytes]:
    """JPEG files of the canonical pictures of those photos that have one; files of other photos are not read."""
    table = run.warehouse.table(PICTURES)
    return {
        photo_id: shrunk(picture, side)
        for shard in picture_shards(table, PICTURE_VERSION, photo_ids, len(photo_ids) or 1)
        for photo_id, picture in read_pictures(table, PICTURE_VERSION, shard)
    }


def shrunk(picture: bytes, side: int = THUMBNAIL) -> bytes:
    """A smaller JPEG of a canonical picture, which is one of ours and safe to open."""
    with Image.open(io.BytesIO(picture)) as image:
        image.draft("RGB", (side, side))
        small = image.convert("RGB")
    small.thumbnail((side, side))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()


@cache
def no_picture() -> bytes:
    """What stands in the place of a picture that is lost."""
    stream = io.BytesIO()
    Image.new("L", (4, 3), 225).save(stream, "PNG")
    return stream.getvalue()


def file_names(run: Run, photo_ids: Collection[str]) -> dict[str, str]:
    """A file name for each photo, for people."""
    rows = run.warehouse.query(
        "SELECT photo_id, min(file_name) AS name FROM sightings SEMI JOIN wanted USING (photo_id) GROUP BY photo_id",
        extra={"wanted": pa.table({"photo_id": pa.array(sorted(photo_ids), pa.string())})},
        memory=BESIDE,
    )
    return dict(zip(rows["photo_id"].to_pylist(), rows["name"].to_pylist(), strict=True))

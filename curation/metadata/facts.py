"""What is known about a photo from the blocks of metadata in its file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Facts:
    """Values as `schemas.photos.Photo` holds them; None where the file does not say."""

    has_gps: bool = False
    latitude: float | None = None
    longitude: float | None = None
    captured_at: datetime | None = None
    captured_offset_minutes: int | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    focal_length_mm: float | None = None
    f_number: float | None = None
    exposure_s: float | None = None
    iso: int | None = None
    photographer: str | None = None
    copyright: str | None = None
    license: str | None = None
    star_rating: int | None = None
    opt_out: str | None = None
    digital_source_type: str | None = None
    unreadable: bool = False
    """Some block was there and could not be read, in whole or in part."""


def merged(first: Facts, *others: Facts) -> Facts:
    """Values of the first that has one; a location, an opt-out or a broken block of any counts."""
    values: dict[str, Any] = {}
    for name in Facts.__dataclass_fields__:
        if name in ("has_gps", "unreadable"):
            values[name] = any(getattr(facts, name) for facts in (first, *others))
        else:
            values[name] = next((getattr(f, name) for f in (first, *others) if getattr(f, name) is not None), None)
    if first.captured_at is not None:  # a zone belongs to its own time
        values["captured_offset_minutes"] = first.captured_offset_minutes
    return Facts(**values)

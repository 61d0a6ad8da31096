"""What is known about a photo from the blocks of metadata in its file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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

"""EXIF: capture time with its zone, camera, exposure, creator, whether there is a location."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from curation.decoding.refusal import DECODER_FAULTS
from curation.metadata.facts import Facts

LONGEST_TEXT = 500
"""Characters of a text that are kept: longer ones are no names."""


@dataclass(frozen=True)
class ExifBlocks:
    """The directories of an EXIF block as tag numbers and values; empty where absent or broken."""

    main: dict[int, Any]
    photo: dict[int, Any]
    gps: dict[int, Any]
    unreadable: bool


def read_blocks(exif: Image.Exif) -> ExifBlocks:
    """The directories of an EXIF block; what cannot be read is left out."""
    parts: list[dict[int, Any]] = [{}, {}, {}]
    broken = False
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        directories: tuple[Callable[[], dict[int, Any]], ...] = (
            lambda: {tag: exif.get(tag) for tag in exif},
            lambda: dict(exif.get_ifd(IFD.Exif)),
            lambda: dict(exif.get_ifd(IFD.GPSInfo)),
        )
        for place, read in enumerate(directories):
            try:
                parts[place] = read()
            except DECODER_FAULTS:
                broken = True
    main, photo, gps = parts
    return ExifBlocks(main, photo, gps, unreadable=broken or bool(heard))


def facts_of_exif(exif: Image.Exif) -> Facts:
    """Facts from an EXIF block."""
    blocks = read_blocks(exif)
    main, photo = blocks.main, blocks.photo
    captured_at, offset = _capture_time(main, photo)
    latitude, longitude = position(blocks.gps)
    return Facts(
        # A GPS directory may hold a version or a clock only: that is no location.
        has_gps=GPS.GPSLatitude in blocks.gps or GPS.GPSLongitude in blocks.gps,
        latitude=latitude,
        longitude=longitude,
        captured_at=captured_at,
        captured_offset_minutes=offset,
        camera_make=text(main.get(Base.Make)),
        camera_model=text(main.get(Base.Model)),
        lens=text(photo.get(Base.LensModel)),
        focal_length_mm=number(photo.get(Base.FocalLength)),
        f_number=number(photo.get(Base.FNumber)),
        exposure_s=number(photo.get(Base.ExposureTime)),
        iso=_whole(photo.get(Base.ISOSpeedRatings)),
        photographer=text(main.get(Base.Artist)),
        copyright=text(main.get(Base.Copyright)),
        star_rating=_stars(main.get(Base.Rating)),
        unreadable=blocks.unreadable,
    )


def text(value: Any) -> str | None:
    """A tag's value as tidy text; None where it is empty or no text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if not isinstance(value, str):
        return None
    # Pillow reads EXIF texts as Latin-1; most writers of our day put UTF-8 there.
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode("utf-8")
    tidy = "".join(sign for sign in value.split("\0")[0] if sign.isprintable()).strip()
    return tidy[:LONGEST_TEXT] or None


def number(value: Any) -> float | None:
    """A tag's value as a positive finite number, else None."""
    if isinstance(value, tuple | list):
        value = value[0] if value else None
    try:
        found = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if math.isfinite(found) and found > 0 else None


def _whole(value: Any) -> int | None:
    found = number(value)
    return int(found) if found is not None and found < 2**31 else None


def _stars(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= 5 else None


def _capture_time(main: dict[int, Any], photo: dict[int, Any]) -> tuple[datetime | None, int | None]:
    """DateTimeOriginal, else DateTimeDigitized, else DateTime, with its fraction and zone."""
    for source, stamp, fraction, zone in (
        (photo, Base.DateTimeOriginal, Base.SubsecTimeOriginal, Base.OffsetTimeOriginal),
        (photo, Base.DateTimeDigitized, Base.SubsecTimeDigitized, Base.OffsetTimeDigitized),
        (main, Base.DateTime, Base.SubsecTime, Base.OffsetTime),
    ):
        clock = text(source.get(stamp))
        if clock is None:
            continue
        moment = moment_of(clock, text(photo.get(fraction)), text(photo.get(zone)))
        if moment[0] is not None:
            return moment
    return None, None


def moment_of(clock: str, fraction: str | None, zone: str | None) -> tuple[datetime | None, int | None]:
    """A camera's clock (``2024:05:17 12:34:56``) in UTC and its zone in minutes.

    Without a zone the clock's digits are kept as if they were UTC, and the zone is None.
    """
    try:
        moment = datetime.strptime(clock[:19].replace("-", ":").replace("T", " "), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None, None
    if moment.year < 1826:  # before the first photograph: a clock that was never set
        return None, None
    digits = (fraction or "").strip()
    if digits.isdigit():
        moment += timedelta(seconds=float(f"0.{digits[:6]}"))
    offset = _minutes(zone)
    moment = moment.replace(tzinfo=UTC)
    try:
        return (moment - timedelta(minutes=offset or 0)), offset
    except OverflowError:
        return None, None


def _minutes(zone: str | None) -> int | None:
    """``+02:00`` as 120; None where it is no zone."""
    if not zone:
        return None
    if zone == "Z":
        return 0
    sign, digits = zone[0], zone[1:].replace(":", "")
    if sign not in "+-" or len(digits) != 4 or not digits.isdigit():
        return None
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return None if minutes > 14 * 60 else (-minutes if sign == "-" else minutes)


def position(gps: dict[int, Any]) -> tuple[float | None, float | None]:
    """Latitude and longitude in degrees; both None unless both can be read."""
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "W", 180)
    return (latitude, longitude) if latitude is not None and longitude is not None else (None, None)


def _degrees(value: Any, half: Any, negative: str, most: float) -> float | None:
    try:
        parts = [float(part) for part in value]
        degrees = math.fsum(part / 60.0**place for place, part in enumerate(parts[:3]))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not parts or not math.isfinite(degrees) or not 0 <= degrees <= most:
        return None
    return -degrees if text(half) == negative else degrees

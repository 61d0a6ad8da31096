"""JPEG: segments that decoding needs, in their order, with the entropy-coded data as they are."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from curation.metadata_removal.orientation import UPRIGHT, orientation_block
from schemas.errors import BadInput

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
NEEDED = frozenset(
    [
        *(m for m in range(0xC0, 0xD0) if m != 0xC8),  # frames, Huffman tables (C4), arithmetic conditioning (CC)
        SOS,
        0xDB,  # quantisation tables
        0xDC,  # number of lines
        0xDD,  # restart interval
        0xDE,  # hierarchical progression
        0xDF,  # expansion
    ]
)
NAMES = {APP0: "JFXX thumbnail", APP1: "EXIF or XMP", 0xED: "IPTC", 0xFE: "comment"}
JFIF_BYTES = 14  # without the thumbnail that may follow
ADOBE_BYTES = 12
BEGINNING = b"\xff\xd8"
ENDING = b"\xff\xd9"
TRUE_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""FF followed by neither stuffing, fill nor a restart marker: in scans, the true markers."""


@dataclass(frozen=True)
class Segment:
    """A marker with its payload; entropy-coded data follow where it is SOS, `behind` bytes where it is EOI."""

    marker: int
    payload: bytes
    scan: memoryview
    behind: int = 0


def clean_jpeg(data: bytes, orientation: int) -> tuple[bytes, tuple[str, ...]]:
    """The file without metadata, and what went.

    Raises
    ------
    BadInput
        The file ends before its end marker, or a segment is cut.
    """
    parts: list[bytes | memoryview] = [BEGINNING]
    removed: list[str] = []
    if orientation != UPRIGHT:
        parts.append(_segment(APP1, b"Exif\0\0" + orientation_block(orientation)))
    for segment in _segments(data):
        if segment.marker == EOI:
            if segment.behind:
                removed.append(f"{segment.behind} bytes behind the picture")
            break
        kept = _allowed(segment)
        if kept is None:
            removed.append(NAMES.get(segment.marker, f"marker FF{segment.marker:02X}"))
            continue
        if len(kept) < len(segment.payload):
            removed.append(f"tail of marker FF{segment.marker:02X}")
        parts.append(_segment(segment.marker, kept))
        parts.append(segment.scan)
    parts.append(ENDING)
    # JFIF must come first where it is: readers look for it straight behind the beginning.
    if orientation != UPRIGHT and len(parts) > 2 and bytes(parts[2][:2]) == b"\xff\xe0":
        parts[1], parts[2] = parts[2], parts[1]
    return b"".join(parts), tuple(removed)


def _allowed(segment: Segment) -> bytes | None:
    """The payload that may stay; None where the segment goes."""
    marker, payload = segment.marker, segment.payload
    if marker in NEEDED:
        return payload
    if marker == APP0 and payload.startswith(b"JFIF\0") and len(payload) >= JFIF_BYTES:
        return payload[: JFIF_BYTES - 2] + b"\0\0"  # a thumbnail of no width and no height
    if marker == APP2 and payload.startswith(b"ICC_PROFILE\0"):
        return payload
    if marker == APP14 and payload.startswith(b"Adobe") and len(payload) >= ADOBE_BYTES:
        return payload[:ADOBE_BYTES]
    return None


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _segments(data: bytes) -> Iterator[Segment]:
    """Segments up to the end of the first picture; the last one is EOI."""
    if not data.startswith(BEGINNING):
        raise BadInput("no JPEG", expected="FFD8 at the beginning", got=data[:2].hex())
    view = memoryview(data)
    at = 2
    while True:
        at = _next_marker(data, at)
        marker = data[at + 1]
        if marker == EOI:
            yield Segment(EOI, b"", view[0:0], behind=len(data) - at - 2)
            return
        if marker in (0x01, SOI) or 0xD0 <= marker <= 0xD7:  # markers without a payload
            at += 2
            continue
        if at + 4 > len(data):
            raise BadInput("the JPEG ends within a segment", got=f"{len(data)} bytes")
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        stop = at + 2 + size
        if size < 2 or stop > len(data):
            raise BadInput("the JPEG ends within a segment", got=f"{len(data)} bytes")
        payload, at = data[at + 4 : stop], stop
        scan = view[0:0]
        if marker == SOS:
            at = _next_marker(data, stop)
            scan = view[stop:at]
        yield Segment(marker, payload, scan)


def _next_marker(data: bytes, at: int) -> int:
    """Offset of the first marker at or behind `at`; junk and entropy-coded data before it are passed over."""
    found = TRUE_MARKER.search(data, at)
    if found is None:
        raise BadInput("the JPEG has no end marker", expected="FFD9", got="the end of the file")
    return found.start()

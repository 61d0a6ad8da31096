"""WebP: the picture's chunks and its colour profile."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from curation.metadata_removal.orientation import UPRIGHT, orientation_block
from schemas.errors import BadInput

NEEDED = frozenset([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"])
EXIF_FLAG, XMP_FLAG, ANIMATION_FLAG = 0x08, 0x04, 0x02


def clean_webp(data: bytes, orientation: int) -> tuple[bytes, tuple[str, ...]]:
    """The file without metadata, and what went.

    Raises
    ------
    BadInput
        A chunk is cut, or the picture is animated.
    """
    parts: list[bytes] = []
    removed: list[str] = []
    extended = False
    for kind, payload in _chunks(data):
        if kind not in NEEDED:
            removed.append(kind.decode("latin-1").strip())
            continue
        if kind == b"VP8X":
            extended = True
            payload = _flags(payload, oriented=orientation != UPRIGHT)
        parts.append(_chunk(kind, payload))
    if orientation != UPRIGHT:
        if not extended:
            raise BadInput("a simple WebP cannot be turned by metadata", expected="a VP8X chunk")
        parts.append(_chunk(b"EXIF", orientation_block(orientation)))
    body = b"WEBP" + b"".join(parts)
    whole = 8 + int.from_bytes(data[4:8], "little")
    if len(data) > whole + whole % 2:
        removed.append(f"{len(data) - whole} bytes behind the picture")
    return b"RIFF" + struct.pack("<I", len(body)) + body, tuple(removed)


def _flags(payload: bytes, oriented: bool) -> bytes:
    """VP8X with its metadata flags set to what is there."""
    flags = payload[0]
    if flags & ANIMATION_FLAG:
        raise BadInput("the WebP is animated", expected="one picture")
    flags = flags & ~(EXIF_FLAG | XMP_FLAG) | (EXIF_FLAG if oriented else 0)
    return bytes([flags]) + payload[1:]


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise BadInput("no WebP", expected="RIFF....WEBP at the beginning", got=data[:12].hex())
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise BadInput("the WebP ends early", expected=f"{end} bytes", got=str(len(data)))
    at = 12
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > end:
            raise BadInput("the WebP ends within a chunk", field=kind.decode("latin-1"), got=f"{len(data)} bytes")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2

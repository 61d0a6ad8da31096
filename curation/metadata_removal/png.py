"""PNG: chunks that decoding needs, byte for byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from curation.metadata_removal.orientation import UPRIGHT, orientation_block
from schemas.errors import BadInput

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NEEDED = frozenset(
    [
        b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS",
        b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs",
    ]
)  # fmt: skip


def clean_png(data: bytes, orientation: int) -> tuple[bytes, tuple[str, ...]]:
    """The file without metadata, and what went; animation chunks go too, the first frame stays.

    Raises
    ------
    BadInput
        A chunk is cut, or there is no IEND.
    """
    parts: list[bytes | memoryview] = [SIGNATURE]
    removed: list[str] = []
    at = len(SIGNATURE)
    oriented = orientation == UPRIGHT
    for kind, chunk in _chunks(data):
        at += len(chunk)
        if kind not in NEEDED:
            removed.append(kind.decode("latin-1"))
            continue
        if kind == b"IDAT" and not oriented:
            parts.append(_chunk(b"eXIf", orientation_block(orientation)))
            oriented = True
        parts.append(chunk)
    if at < len(data):
        removed.append(f"{len(data) - at} bytes behind the picture")
    return b"".join(parts), tuple(removed)


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Chunks up to IEND, each with its length and checksum."""
    if not data.startswith(SIGNATURE):
        raise BadInput("no PNG", expected="the PNG signature", got=data[:8].hex())
    view = memoryview(data)
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        stop = at + 12 + size
        if stop > len(data):
            raise BadInput("the PNG ends within a chunk", field=kind.decode("latin-1"), got=f"{len(data)} bytes")
        yield kind, view[at:stop]
        if kind == b"IEND":
            return
        at = stop
    raise BadInput("the PNG has no end chunk", expected="IEND", got="the end of the file")

"""The segments of a JPEG file that hold its picture, without those that hold anything else."""

from __future__ import annotations

import re

SOI, EOI, SOS, COM, DRI = 0xD8, 0xD9, 0xDA, 0xFE, 0xDD
APP0, APP14, APP15 = 0xE0, 0xEE, 0xEF
PICTURE = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, DRI, SOS})
"""Frames (baseline, extended, progressive), Huffman tables, quantisation tables, restart interval, scans."""
NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""Behind a scan: neither a stuffed zero, nor a fill byte, nor a restart."""


def without_metadata(data: bytes) -> bytes | None:
    """The same picture with nothing but what decoding needs, ended by its own end marker.

    Kept are frames, tables, scans, and Adobe's APP14 segment, which says how colours are coded. None where the
    file is put together in a way that is not taken apart here (arithmetic coding, hierarchical, broken).
    """
    parts = [data[:2]]
    at = 2
    while True:
        if at + 2 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == EOI:
            parts.append(data[at : at + 2])
            return b"".join(parts)
        if at + 4 > len(data):
            return None
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SOS:
            end = _end_of_scan(data, end)
            if end < 0:
                return None
        if marker in PICTURE or (marker == APP14 and data[at + 4 : at + 9] == b"Adobe"):
            parts.append(data[at:end])
        elif not (APP0 <= marker <= APP15 or marker == COM):
            return None
        at = end


def header(data: bytes) -> bytes:
    """What stands before the first scan of a JPEG file: tables and all metadata, a few kilobytes of megabytes."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (SOS, EOI):
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[:at]


def _end_of_scan(data: bytes, start: int) -> int:
    """Where the next marker after entropy-coded data begins; -1 where there is none."""
    found = NEXT_MARKER.search(data, start)
    return found.start() if found else -1

"""IPTC's older form (IIM), as Photoshop puts it into JPEG files: by-line and copyright."""

from __future__ import annotations

from curation.metadata.exif import text
from curation.metadata.facts import Facts

BY_LINE, CREDIT, COPYRIGHT = (2, 80), (2, 110), (2, 116)
TAG = 0x1C
UTF8_MARK = b"\x1b%G"


def facts_of_iptc(block: bytes) -> Facts:
    """Facts from an IIM block; what follows a broken record is not read."""
    found: dict[tuple[int, int], bytes] = {}
    at = 0
    while at + 5 <= len(block) and block[at] == TAG:
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        if size & 0x8000 or at + 5 + size > len(block):  # extended sizes are not used by texts
            return _facts(found, unreadable=True)
        found.setdefault((block[at + 1], block[at + 2]), block[at + 5 : at + 5 + size])
        at += 5 + size
    return _facts(found, unreadable=False)


def _facts(found: dict[tuple[int, int], bytes], unreadable: bool) -> Facts:
    coding = "utf-8" if found.get((1, 90)) == UTF8_MARK else "latin-1"

    def value(key: tuple[int, int]) -> str | None:
        held = found.get(key)
        return text(held.decode(coding, errors="replace")) if held else None

    return Facts(photographer=value(BY_LINE) or value(CREDIT), copyright=value(COPYRIGHT), unreadable=unreadable)

"""The block list: content that was taken down, and near copies of it, are known again without being named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

METHOD = "phash256@1"
RADIUS = 20
"""Bits of 256: recompressed and resized copies lie below, unlike photos around 128."""


def content_hash(photo_id: str) -> str:
    """What the list keeps of a photo's id: SHA-256 over it, in hex."""
    return hashlib.sha256(f"taken down:{photo_id}".encode()).hexdigest()


@dataclass(frozen=True)
class BlockList:
    """Hashes and fingerprints (as integers) of what was taken down."""

    hashes: frozenset[str] = frozenset()
    prints: tuple[int, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> BlockList:
        """From rows of the table `blocklist`."""
        rows = list(rows)
        prints = tuple(int.from_bytes(row["bits"], "big") for row in rows if row["bits"])
        return cls(frozenset(row["content_hash"] for row in rows), prints)

    def why(self, photo_id: str, fingerprints: Mapping[Any, bytes]) -> str:
        """Why a photo must stay out, in words; empty where it need not."""
        if not self.hashes:
            return ""
        if content_hash(photo_id) in self.hashes:
            return "this content was taken down"
        bits = next((value for method, value in fingerprints.items() if str(method) == METHOD), None)
        if bits is None or not self.prints:
            return ""
        nearest = min((int.from_bytes(bits, "big") ^ other).bit_count() for other in self.prints)
        return f"a near copy ({nearest} of 256 bits) of something that was taken down" if nearest <= RADIUS else ""

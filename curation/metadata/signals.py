"""Content credentials (C2PA, CAWG) that forbid training: found by the assertion's name in the signed block.

No credential is verified: a claim that the file must not be used is believed without a signature.
"""

from __future__ import annotations

from curation.jpeg_segments import header

LABELS = (b"cawg.training-mining", b"c2pa.training-mining")
NEAR = 4096
"""Bytes after its label in which an assertion's entries stand."""


def training_opt_out(data: bytes) -> str | None:
    """The assertion that forbids training or mining, in words; None where there is none."""
    # In a JPEG file the block stands before the pixels; others may have it behind them.
    place = header(data) if data[:2] == b"\xff\xd8" else data
    if b"jumb" not in place:
        return None
    for label in LABELS:
        at = place.find(label)
        # The label stands in the claim's list of assertions as well: each place is looked at.
        while at >= 0:
            if b"notAllowed" in place[at : at + NEAR]:
                return f"{label.decode()} notAllowed"
            at = place.find(label, at + 1)
    return None

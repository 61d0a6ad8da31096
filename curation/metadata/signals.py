"""Content credentials (C2PA, CAWG) that forbid training: found by the assertion's name in the signed block.

No credential is verified: a claim that the file must not be used is believed without a signature.
"""

from __future__ import annotations

LABELS = (b"cawg.training-mining", b"c2pa.training-mining")
HEAD = 1 << 20
"""The block stands before the pixels, in the first bytes of the file."""
NEAR = 4096
"""Bytes after its label in which an assertion's entries stand."""


def training_opt_out(data: bytes) -> str | None:
    """The assertion that forbids training or mining, in words; None where there is none."""
    head = data[:HEAD]
    if b"jumb" not in head:
        return None
    for label in LABELS:
        at = head.find(label)
        # The label stands in the claim's list of assertions as well: each place is looked at.
        while at >= 0:
            if b"notAllowed" in head[at : at + NEAR]:
                return f"{label.decode()} notAllowed"
            at = head.find(label, at + 1)
    return None

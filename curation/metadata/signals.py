"""Content credentials (C2PA, CAWG) that forbid training, or say what made the picture: found in the signed block.

No credential is verified: a claim that the file must not be used, or is no photograph, is believed without a signature.
"""

from __future__ import annotations

import re

from curation.jpeg_segments import header

LABELS = (b"cawg.training-mining", b"c2pa.training-mining")
NEAR = 4096
"""Bytes after its label in which an assertion's entries stand."""
SOURCE_TYPE = re.compile(rb"cv\.iptc\.org/newscodes/digitalsourcetype/([A-Za-z]{3,60})")
MADE_BY_MODELS = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


def training_opt_out(data: bytes) -> str | None:
    """The assertion that forbids training or mining, in words; None where there is none."""
    place = _credentials(data)
    for label in LABELS:
        at = place.find(label)
        # The label stands in the claim's list of assertions as well: each place is looked at.
        while at >= 0:
            if b"notAllowed" in place[at : at + NEAR]:
                return f"{label.decode()} notAllowed"
            at = place.find(label, at + 1)
    return None


def credential_source_type(data: bytes) -> str | None:
    """IPTC's code for what made the picture, as an action in the credentials says it; None where none does.

    A history may have several: that a model made a part of the picture counts most, else the last one.
    """
    found = [match.decode("ascii") for match in SOURCE_TYPE.findall(_credentials(data))]
    return next((code for code in reversed(found) if code in MADE_BY_MODELS), found[-1] if found else None)


def _credentials(data: bytes) -> bytes:
    """Where the block with credentials stands: before the pixels in a JPEG file, anywhere in others; empty without."""
    place = header(data) if data[:2] == b"\xff\xd8" else data
    return place if b"jumb" in place else b""

"""All that a file and the sidecar beside it say, as one set of facts."""

from __future__ import annotations

from dataclasses import replace

from curation.decoding.decode import Decoded
from curation.metadata.exif import facts_of_exif
from curation.metadata.facts import Facts, merged
from curation.metadata.iptc import facts_of_iptc
from curation.metadata.signals import credential_source_type, training_opt_out
from curation.metadata.xmp import facts_of_xmp


def facts_of(decoded: Decoded, data: bytes, sidecar: bytes | None = None) -> Facts:
    """Facts of a decoded file.

    A sidecar is what a person wrote last, and goes first; then EXIF, XMP, IPTC. An opt-out counts wherever it
    stands; content credentials are asked last.
    """
    blocks = [facts_of_xmp(sidecar)] if sidecar else []
    if decoded.exif is not None:
        blocks.append(facts_of_exif(decoded.exif))
    if decoded.xmp:
        blocks.append(facts_of_xmp(decoded.xmp))
    if decoded.iptc:
        blocks.append(facts_of_iptc(decoded.iptc))
    facts = merged(*blocks) if blocks else Facts()
    return replace(
        facts,
        opt_out=facts.opt_out or training_opt_out(data),
        digital_source_type=facts.digital_source_type or credential_source_type(data),
    )

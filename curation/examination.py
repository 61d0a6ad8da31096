"""All that is taken from the bytes of one file, from one decoding."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from curation import canonical
from curation.decoding.decode import Decoded, DecodingLimits, decode
from curation.decoding.formats import ENDINGS, Format, ending_of
from curation.decoding.refusal import FileWarning, NotAPhoto
from curation.fingerprints import Fingerprints, fingerprints_of
from curation.metadata.facts import Facts
from curation.metadata.reading import facts_of
from curation.properties.measure import measure
from schemas.codes import QuarantineReason
from schemas.photos import Picture
from schemas.properties import Properties, PropertySet


@dataclass(frozen=True)
class Wanted:
    """What is to be taken from files."""

    limits: DecodingLimits = field(default_factory=DecodingLimits)
    properties: PropertySet = PropertySet.DEFAULT
    respect_opt_out: bool = False


@dataclass(frozen=True)
class Examined:
    """One file that is a photo."""

    photo_id: str
    size: int
    format: Format
    width: int
    height: int
    mode: str
    orientation: int
    icc_profile: str | None
    has_gain_map: bool
    facts: Facts
    warnings: tuple[FileWarning, ...]
    picture: Picture
    fingerprints: Fingerprints
    properties: Properties


@dataclass(frozen=True)
class Refused:
    """One file that is no photo; the id is empty where its bytes could not be read."""

    reason: str
    detail: str
    photo_id: str | None = None


def examine(data: bytes, name: str, wanted: Wanted, sidecar: bytes | None = None) -> Examined | Refused:
    """Decode a file once and take everything from it; bytes that are no photo give `Refused`, never an exception."""
    photo_id = hashlib.sha256(data).hexdigest()
    try:
        decoded = decode(data, name, wanted.limits, native=wanted.properties is PropertySet.FULL)
    except NotAPhoto as refusal:
        return Refused(refusal.reason, refusal.detail, photo_id)
    full = (decoded.width, decoded.height)
    facts = facts_of(decoded, data, sidecar)
    if wanted.respect_opt_out and facts.opt_out:
        return Refused(QuarantineReason.OPTED_OUT, facts.opt_out, photo_id)
    height, width = decoded.pixels.shape[:2]
    return Examined(
        photo_id=photo_id,
        size=len(data),
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        mode=decoded.mode,
        orientation=decoded.orientation,
        icc_profile=profile_name(decoded.profile),
        has_gain_map=decoded.has_gain_map,
        facts=facts,
        warnings=_warnings(decoded, facts, name),
        picture=Picture(
            photo_id=photo_id,
            version=canonical.VERSION,
            width=width,
            height=height,
            bytes=canonical.canonical_bytes(decoded, data),
        ),
        fingerprints=fingerprints_of(decoded.pixels, decoded.gray, full),
        properties=measure(photo_id, decoded.pixels, decoded.gray, full, wanted.properties, decoded.native),
    )


def _warnings(decoded: Decoded, facts: Facts, name: str) -> tuple[FileWarning, ...]:
    found = list(decoded.warnings)
    if facts.unreadable:
        found.append(FileWarning.UNREADABLE_METADATA)
    if ENDINGS.get(ending_of(name), decoded.format) is not decoded.format:
        found.append(FileWarning.WRONG_ENDING)
    return tuple(sorted(set(found)))


def profile_name(profile: bytes | None) -> str | None:
    """The description inside a colour profile; ``unreadable`` where it has none that can be read."""
    if not profile:
        return None
    import io

    from PIL import ImageCms

    try:
        found = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "unreadable"
    return found.strip()[:200] or "unnamed"

"""The bytes of a photo as a release shows them: the original without metadata, or a rendition that says so."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from curation.decoding.colours import flatten, to_eight_bits, to_srgb
from curation.decoding.decode import UPRIGHT_BY, open_image
from curation.decoding.formats import Format, sniff
from curation.decoding.raw import develop_raw
from curation.decoding.refusal import DECODER_FAULTS
from curation.metadata_removal import LOSSLESS, cleaned
from curation.metadata_removal.orientation import ORIENTATION_TAG
from schemas.errors import BadInput

ORIGINAL = "original"
RENDITION = "rendition"
SUFFIXES = {"jpeg": "jpg", "png": "png", "webp": "webp"}
METADATA = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "comment", "photoshop", "Raw profile type exif"})
"""What Pillow finds of metadata when it opens a file; of EXIF only the orientation may be there."""


@dataclass(frozen=True)
class Rendering:
    """How renditions are made.

    Parameters
    ----------
    always : bool
        Of every photo; else only where the original's format may not open for readers of a release.
    short_side : int
        Short side in pixels that none exceeds; 0 keeps the original's size.
    quality : int
        JPEG quality; colour is never subsampled.
    """

    always: bool = False
    short_side: int = 0
    quality: int = 95


@dataclass(frozen=True)
class Promise:
    """What a release says of a picture before it is written: format, kind, and upright size in pixels."""

    format: str
    kind: str
    width: int
    height: int


def promised(source_format: str, width: int, height: int, how: Rendering) -> Promise:
    """What the published bytes of a photo will be, from its row alone."""
    if source_format in LOSSLESS and not how.always:
        return Promise(source_format, ORIGINAL, width, height)
    short = min(width, height)
    if how.short_side and short > how.short_side:
        scale = how.short_side / short
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    return Promise("jpeg", RENDITION, width, height)


def published(data: bytes, name: str, promise: Promise, how: Rendering, orientation: int | None = None) -> bytes:
    """The published bytes of a photo, checked against what was promised.

    Parameters
    ----------
    data : bytes
        The original file.
    name : str
        Its file name, which tells camera RAW from TIFF; it is not published.
    orientation : int, optional
        Its EXIF orientation, 1 to 8, where it is known already.

    Raises
    ------
    BadInput
        The file cannot be cleaned or decoded, or is not what its row says.
    """
    result = cleaned(data, orientation).data if promise.kind == ORIGINAL else _rendition(data, name, promise, how)
    _check(result, promise)
    return result


def _rendition(data: bytes, name: str, promise: Promise, how: Rendering) -> bytes:
    kind = sniff(data, name)
    if kind is None:
        raise BadInput("no rendition can be made", expected="a picture", got=data[:8].hex())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is thrown away here
            image = open_image(data, kind, [])
            if kind is Format.RAW and min(image.size) < min(promise.width, promise.height):
                image = develop_raw(data)  # what the camera embedded is smaller than what is promised
            image.load()
            orientation = image.getexif().get(0x0112, 1)
            profile = image.info.get("icc_profile") or None
            picture = flatten(to_srgb(to_eight_bits(image, []), profile, []), [])
    except DECODER_FAULTS as error:
        raise BadInput("no rendition can be made", got=f"{type(error).__name__}: {error}") from error
    if orientation in UPRIGHT_BY:
        picture = picture.transpose(UPRIGHT_BY[orientation])
    size = (promise.width, promise.height)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=how.quality, subsampling=0)
    return stream.getvalue()


def _check(data: bytes, promise: Promise) -> None:
    """Open the header as a reader would: format, size, no warning, no location."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures, which ingest has allowed
            with Image.open(io.BytesIO(data)) as image:
                found, size, told = (image.format or "").lower(), image.size, METADATA & set(image.info)
                # Only where there is a block: Pillow decodes a whole PNG to look for one behind the pixels.
                exif = image.getexif() if "exif" in told else {}
    except DECODER_FAULTS as error:
        raise BadInput("the published bytes do not open", got=f"{type(error).__name__}: {error}") from error
    if set(exif) - {ORIENTATION_TAG} or told - {"exif"}:
        raise BadInput("the published bytes hold metadata", got=", ".join([*map(hex, exif), *sorted(told)]))
    if exif.get(ORIENTATION_TAG, 1) >= 5:
        size = (size[1], size[0])
    if found != promise.format or size != (promise.width, promise.height):
        raise BadInput(
            "the published bytes are not what the photo's row says",
            expected=f"{promise.format} of {promise.width} x {promise.height}",
            got=f"{found} of {size[0]} x {size[1]}",
        )

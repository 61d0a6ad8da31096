"""The bytes of a photo as a release shows them: the original without metadata, or a rendition that says so."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from curation.decoding.colours import flatten, to_eight_bits, to_srgb
from curation.decoding.decode import UPRIGHT_BY, open_image
from curation.decoding.formats import sniff
from curation.decoding.refusal import DECODER_FAULTS
from curation.metadata_removal import LOSSLESS, cleaned
from curation.metadata_removal.orientation import orientation_of
from schemas.errors import BadInput

ORIGINAL = "original"
RENDITION = "rendition"
SUFFIXES = {"jpeg": "jpg", "png": "png", "webp": "webp"}
GPS_TAG = 0x8825


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


def published(data: bytes, name: str, promise: Promise, how: Rendering) -> bytes:
    """The published bytes of a photo, checked against what was promised.

    Parameters
    ----------
    data : bytes
        The original file.
    name : str
        Its file name, which tells camera RAW from TIFF; it is not published.

    Raises
    ------
    BadInput
        The file cannot be cleaned or decoded, or is not what its row says.
    """
    result = cleaned(data).data if promise.kind == ORIGINAL else _rendition(data, name, promise, how)
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
                found, size, exif = (image.format or "").lower(), image.size, image.getexif()
    except DECODER_FAULTS as error:
        raise BadInput("the published bytes do not open", got=f"{type(error).__name__}: {error}") from error
    if exif.get_ifd(GPS_TAG) or set(exif) - {0x0112}:
        raise BadInput("the published bytes hold metadata", got=", ".join(hex(tag) for tag in exif))
    if orientation_of(data) >= 5:
        size = (size[1], size[0])
    if found != promise.format or size != (promise.width, promise.height):
        raise BadInput(
            "the published bytes are not what the photo's row says",
            expected=f"{promise.format} of {promise.width} x {promise.height}",
            got=f"{found} of {size[0]} x {size[1]}",
        )

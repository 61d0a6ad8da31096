"""The picture that a rater sees: upright, sRGB, of bounded size, and without any metadata."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from curation.decoding.colours import flatten, to_eight_bits, to_srgb
from curation.decoding.decode import ORIENTATION_TAG, UPRIGHT_BY, open_image
from curation.decoding.formats import Format, sniff
from curation.decoding.refusal import DECODER_FAULTS, FileWarning, NotAPhoto, refusal_of
from schemas.codes import QuarantineReason

DRAFT_FACTOR = 2
"""A JPEG is decoded at twice the wanted size or more, so that the reduction is ours and looks the same for all."""


@dataclass(frozen=True)
class Rendition:
    """A JPEG file for display.

    Parameters
    ----------
    data : bytes
        The file: sRGB, 8 bits, no metadata.
    width, height : int
        Its pixels.
    """

    data: bytes
    width: int
    height: int


def render(data: bytes, longest_side: int, quality: int, name: str = "") -> Rendition:
    """Make the rendition of a photo.

    Parameters
    ----------
    data : bytes
        The whole file of the photo, in any format that Salon takes.
    longest_side : int
        Upper bound of width and height in pixels; smaller photos are not enlarged.
    quality : int
        JPEG quality, 50 to 100; colour is kept at full resolution.
    name : str
        The file's name, which tells camera RAW from TIFF.

    Raises
    ------
    NotAPhoto
        The bytes cannot be decoded; nothing else is raised on account of them.
    """
    kind = sniff(data, name)
    if kind is None:
        raise NotAPhoto(QuarantineReason.UNSUPPORTED, "its content is no picture format that Salon takes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata was reported when the photo was taken in
            picture = _decoded(data, kind, longest_side)
    except DECODER_FAULTS as error:
        raise refusal_of(error) from error
    stream = io.BytesIO()
    # A fresh picture: nothing but pixels comes over from the original.
    Image.frombytes("RGB", picture.size, picture.tobytes()).save(
        stream, "JPEG", quality=quality, subsampling=0, optimize=True
    )
    return Rendition(stream.getvalue(), picture.width, picture.height)


def _decoded(data: bytes, kind: Format, longest_side: int) -> Image.Image:
    odd: list[FileWarning] = []
    image = open_image(data, kind, odd)
    size = bounded(image.size, longest_side)
    if kind is Format.JPEG:
        image.draft(None, (size[0] * DRAFT_FACTOR, size[1] * DRAFT_FACTOR))
    image.load()
    orientation = image.getexif().get(ORIENTATION_TAG, 1)
    profile = image.info.get("icc_profile") or None
    picture = to_eight_bits(image, odd)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    picture = flatten(to_srgb(picture, profile, odd), odd)
    return picture.transpose(UPRIGHT_BY[orientation]) if orientation in UPRIGHT_BY else picture


def bounded(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Width and height within the bound, with the same aspect; unchanged where they fit."""
    longest = max(size)
    if longest <= longest_side:
        return size
    width, height = size
    return max(1, round(width * longest_side / longest)), max(1, round(height * longest_side / longest))

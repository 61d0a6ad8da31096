"""Decode a file once: upright, sRGB, 8 bits, at the smallest scale of which the canonical picture can be made."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from curation.decoding.area import reduce_by_area
from curation.decoding.colours import flatten_alpha, is_srgb, to_eight_bits, to_srgb
from curation.decoding.formats import PILLOW_NAMES, Format, sniff
from curation.decoding.raw import FULL_SIZE, open_raw
from curation.decoding.refusal import DECODER_FAULTS, FileWarning, NotAPhoto, refusal_of
from curation.jpeg_segments import header
from curation.resampling import luma
from schemas.codes import QuarantineReason

CANONICAL_SIDE = 512
"""Short side of the canonical picture in pixels."""

NATIVE_SIDE = 512
"""Sides in pixels of what is cut out at the file's own scale, where blur and noise are what the camera left."""

ORIENTATION_TAG = 0x0112
IPTC_RESOURCE = 0x0404
UPRIGHT_BY: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation: what has to be done to the stored pixels."""


@dataclass(frozen=True)
class DecodingLimits:
    """What a file may ask of the decoder.

    Parameters
    ----------
    max_pixels : int
        Largest width times height that a file may claim.
    min_side : int
        Shortest side in pixels below which nothing can be measured.
    animated : bool
        Take the first frame of an animation instead of refusing it.
    """

    max_pixels: int = 200_000_000
    min_side: int = 64
    animated: bool = False


@dataclass(frozen=True)
class Decoded:
    """One decoded picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The canonical picture: upright, sRGB, short side `CANONICAL_SIDE` or the original's if that is smaller.
    format : Format
        By content.
    width, height : int
        The upright original in pixels.
    mode : str
        Pillow's mode of the stored pixels.
    orientation : int
        EXIF orientation of the stored pixels, 1 to 8.
    native : ndarray of uint8, shape (up to NATIVE_SIDE, up to NATIVE_SIDE), or None
        ITU-R 601-2 luma of the middle of the picture at its own scale, as it is stored; None unless it was asked for.
    profile : bytes or None
        The embedded colour profile.
    exif : PIL.Image.Exif or None
        Read already, since the orientation stands there; None where there is none or it cannot be read.
    xmp, iptc : bytes or None
        As they stand in the file.
    converted : bool
        Colours were converted by the embedded profile.
    warnings : tuple of FileWarning
        What was odd.
    """

    pixels: npt.NDArray[np.uint8]
    format: Format
    width: int
    height: int
    mode: str
    orientation: int
    native: npt.NDArray[np.uint8] | None = None
    profile: bytes | None = None
    exif: Image.Exif | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    has_gain_map: bool = False
    converted: bool = False
    warnings: tuple[FileWarning, ...] = field(default=())

    @cached_property
    def picture(self) -> Image.Image:
        """The pixels as a picture of mode RGB."""
        return Image.fromarray(self.pixels)

    @cached_property
    def gray(self) -> npt.NDArray[np.uint8]:
        """ITU-R 601-2 luma, height by width."""
        return luma(np.ascontiguousarray(self.pixels))


def decode(data: bytes, name: str = "", limits: DecodingLimits | None = None, native: bool = False) -> Decoded:
    """Decode the bytes of a file.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        Its name: only tells camera RAW from TIFF, and whether the ending fits.
    limits : DecodingLimits, optional
        What is refused.
    native : bool
        Cut out the middle at the file's own scale as well; a large JPEG is decoded a second time for it.

    Raises
    ------
    NotAPhoto
        With the reason; nothing else is raised on account of the bytes.
    """
    limits = limits or DecodingLimits()
    if not data:
        raise NotAPhoto(QuarantineReason.EMPTY, "the file has no bytes")
    kind = sniff(data, name)
    if kind is None:
        raise NotAPhoto(QuarantineReason.UNSUPPORTED, "its content is no picture format that Salon takes")
    try:
        with warnings.catch_warnings(record=True) as heard:
            # Sizes are checked below; of what Pillow says, broken metadata alone is worth knowing.
            warnings.simplefilter("always")
            decoded = _decode(data, kind, limits, native)
    except DECODER_FAULTS as error:
        raise refusal_of(error) from error
    if any("corrupt exif" in str(warning.message).lower() for warning in heard):
        return replace(decoded, warnings=(*decoded.warnings, FileWarning.UNREADABLE_METADATA))
    return decoded


def _decode(data: bytes, kind: Format, limits: DecodingLimits, native: bool) -> Decoded:
    odd: list[FileWarning] = []
    image = open_image(data, kind, odd)
    full: tuple[int, int] = image.info.get(FULL_SIZE, image.size)
    _check_size(image.size, limits)
    _check_size(full, limits)
    _check_frames(image, kind, limits, odd)
    mode = image.mode
    pixels = None
    if kind in (Format.JPEG, Format.RAW):  # the preview of a RAW file is a JPEG
        image.draft(None, reduced_size(image.size))
    if kind is Format.JPEG:
        pixels = _jpeg_pixels(data, image)
    if pixels is None:
        image.load()
    middle = native_middle(data, kind, image) if native else None
    exif, orientation = _exif(image, kind, odd)
    profile = image.info.get("icc_profile") or None
    converted = bool(profile) and not is_srgb(profile or b"")
    if pixels is not None and not converted and orientation == 1:  # most photos: no picture object on the way
        pixels = reduce_by_area(pixels, *reduced_size(image.size))
    else:
        picture = Image.fromarray(pixels) if pixels is not None else flatten_alpha(to_eight_bits(image, odd), odd)
        picture = to_srgb(reduce(picture), profile, odd)
        if orientation in UPRIGHT_BY:
            picture = picture.transpose(UPRIGHT_BY[orientation])
        pixels = np.asarray(picture)
    turned = orientation >= 5
    return Decoded(
        pixels=pixels,
        format=kind,
        width=full[1] if turned else full[0],
        height=full[0] if turned else full[1],
        mode=mode,
        orientation=orientation,
        native=middle,
        profile=profile,
        exif=exif,
        xmp=_xmp(image),
        iptc=_iptc(image),
        has_gain_map=kind is Format.JPEG and _has_gain_map(data),
        converted=converted,
        warnings=tuple(dict.fromkeys(odd)),
    )


def open_image(data: bytes, kind: Format, odd: list[FileWarning]) -> Image.Image:
    """A lazily loaded picture, by the one decoder that is meant for its format."""
    if kind is Format.HEIF:
        import pillow_heif

        return pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True).to_pillow()
    if kind is Format.RAW:
        return open_raw(data, odd)
    return Image.open(io.BytesIO(data), formats=PILLOW_NAMES[kind])


def _jpeg_pixels(data: bytes, image: Image.Image) -> npt.NDArray[np.uint8] | None:
    """The pixels of a plain colour JPEG at the scale that `image` was set to; None where Pillow must have a look.

    The same decoder as Pillow's, but straight into an array: it spares two copies of the pixels.
    """
    if image.mode != "RGB":
        return None
    try:
        pixels = simplejpeg.decode_jpeg(data, min_height=image.height, min_width=image.width, min_factor=1)
    except ValueError:
        return None  # even what can be mended is refused here: Pillow knows what is worth mending
    return pixels if pixels.shape == (image.height, image.width, 3) else None


def native_middle(data: bytes, kind: Format, image: Image.Image) -> npt.NDArray[np.uint8]:
    """The middle of a picture in luma, at its own scale; `image` is the picture as it was loaded."""
    if kind is Format.JPEG and image.mode == "RGB":
        with contextlib.suppress(ValueError):  # what can be mended is left to Pillow
            return _middle_of(simplejpeg.decode_jpeg(data, colorspace="GRAY")[..., 0])  # as stored: without colours
    if kind in (Format.JPEG, Format.RAW):  # it was loaded at a reduced scale
        image = open_image(data, kind, [])
    left, top = max(0, image.width - NATIVE_SIDE) // 2, max(0, image.height - NATIVE_SIDE) // 2
    middle = image.crop((left, top, min(left + NATIVE_SIDE, image.width), min(top + NATIVE_SIDE, image.height)))
    return np.asarray(flatten_alpha(to_eight_bits(middle, []), []).convert("L"))


def _middle_of(luminance: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = luminance.shape
    left, top = max(0, width - NATIVE_SIDE) // 2, max(0, height - NATIVE_SIDE) // 2
    return np.ascontiguousarray(luminance[top : top + NATIVE_SIDE, left : left + NATIVE_SIDE])


def _check_size(size: tuple[int, int], limits: DecodingLimits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise NotAPhoto(
            QuarantineReason.BOMB, f"it claims {width} x {height} pixels; at most {limits.max_pixels:,} are allowed"
        )
    if min(width, height) < limits.min_side:
        raise NotAPhoto(
            QuarantineReason.TOO_SMALL,
            f"{width} x {height} pixels; the short side must have at least {limits.min_side}",
        )


def _check_frames(image: Image.Image, kind: Format, limits: DecodingLimits, odd: list[FileWarning]) -> None:
    if not getattr(image, "is_animated", False):
        return
    if kind in (Format.GIF, Format.PNG, Format.WEBP, Format.AVIF) and not limits.animated:
        raise NotAPhoto(QuarantineReason.ANIMATED, "it holds more than one frame, and a still is wanted")
    odd.append(FileWarning.MULTI_PICTURE)


def _exif(image: Image.Image, kind: Format, odd: list[FileWarning]) -> tuple[Image.Exif | None, int]:
    """The EXIF block, and the orientation in it or in XMP; 1 where there is none or it makes no sense."""
    try:
        exif = image.getexif()
        found = exif.get(ORIENTATION_TAG, 1)
    except DECODER_FAULTS as error:
        if kind is Format.PNG and isinstance(error, OSError):
            raise  # Pillow reads to the end of the file here: chunks behind the pixels are broken or cut
        odd.append(FileWarning.UNREADABLE_METADATA)
        return None, 1
    return exif or None, found if isinstance(found, int) and 1 <= found <= 8 else 1


def _xmp(image: Image.Image) -> bytes | None:
    """The XMP packet; formats keep it under different names."""
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if isinstance(found, str):
        found = found.encode("utf-8", errors="replace")
    return found if isinstance(found, bytes) and found.strip(b"\0 ") else None


def _iptc(image: Image.Image) -> bytes | None:
    """The IIM block among Photoshop's resources."""
    resources = image.info.get("photoshop")
    found = resources.get(IPTC_RESOURCE) if isinstance(resources, dict) else None
    return found if isinstance(found, bytes) and found else None


def reduced_size(full: tuple[int, int]) -> tuple[int, int]:
    """Width and height with a short side of `CANONICAL_SIDE`, or the same where it is not longer."""
    width, height = full
    short = min(width, height)
    if short <= CANONICAL_SIDE:
        return full
    return (
        max(1, round(width * CANONICAL_SIDE / short)),
        max(1, round(height * CANONICAL_SIDE / short)),
    )


def reduce(image: Image.Image) -> Image.Image:
    """The picture at `reduced_size`, by area averaging."""
    width, height = reduced_size(image.size)
    if (width, height) == image.size:
        return image
    if image.mode == "L":  # three equal planes cost less than another way of doing it
        return reduce(image.convert("RGB")).getchannel(0)
    if image.mode != "RGB":  # CMYK and Lab
        return image.resize((width, height), Image.Resampling.BOX)
    return Image.fromarray(reduce_by_area(np.asarray(image), width, height))


def _has_gain_map(data: bytes) -> bool:
    """Whether a JPEG's header names an HDR gain map (Adobe and Google's hdrgm, or ISO 21496-1)."""
    head = header(data)
    return b"hdrgm:Version" in head or b"urn:iso:std:iso:ts:21496:-1" in head

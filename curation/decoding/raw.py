"""Camera RAW: the preview that the camera embedded, for measuring; developed only where there is none.

The metadata are the RAW file's own: previews often come without any, and upright only by the file's word.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

from curation.decoding.refusal import DECODER_FAULTS, FileWarning, NotAPhoto
from schemas.codes import QuarantineReason

LEAST_PREVIEW_SIDE = 512
"""A smaller preview is a thumbnail: then the sensor's data are developed at half scale instead."""
FULL_SIZE = "full_size"
"""In `Image.info`: width and height of the sensor's picture as it is stored."""

ORIENTATION_OF_FLIP = {0: 1, 3: 3, 5: 8, 6: 6}
"""LibRaw's word for how a picture has to be turned, and EXIF's."""

_TIFF_IN_DISGUISE = {b"IIRO": b"II*\0", b"IIRS": b"II*\0", b"IIU\0": b"II*\0", b"MMOR": b"MM\0*"}
"""Olympus and Panasonic write TIFF files under marks of their own."""
_XMP = 700
_MAIN = (Base.Make, Base.Model, Base.Artist, Base.Copyright, Base.DateTime, Base.Rating)
_PHOTO = (
    *(Base.DateTimeOriginal, Base.DateTimeDigitized, Base.SubsecTime, Base.SubsecTimeOriginal, Base.OffsetTime),
    *(Base.OffsetTimeOriginal, Base.OffsetTimeDigitized, Base.ExposureTime, Base.FNumber, Base.ISOSpeedRatings),
    *(Base.FocalLength, Base.LensModel),
)


def open_raw(data: bytes, odd: list[FileWarning]) -> Image.Image:
    """The largest embedded preview as a lazily loaded picture, else the developed sensor data.

    Its EXIF block is what the RAW file says, `FULL_SIZE` in its `info` the sensor's size.

    Raises
    ------
    NotAPhoto
        LibRaw can make nothing of the file.
    """
    with _opened(data) as raw:
        image, flip, size = _picture(raw, odd)
        lens = raw.lens.model  # most makers keep it in blocks of their own, which LibRaw reads
    found = _own_metadata(data, odd) or image.getexif()
    carried = _carried(found, flip, lens)
    image.info["exif"] = carried
    image.getexif().load(carried)  # what stands in the preview may have been read already
    packet = found.get(_XMP)
    if packet:
        image.info["xmp"] = bytes(packet)
    image.info[FULL_SIZE] = size
    return image


def develop_raw(data: bytes) -> Image.Image:
    """The sensor's data at full size, upright, in sRGB; raises NotAPhoto like `open_raw`."""
    with _opened(data) as raw:
        return Image.fromarray(raw.postprocess(use_camera_wb=True, output_bps=8))


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    """LibRaw's view of the file, its faults said in our words."""
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            yield raw
    except rawpy.LibRawFileUnsupportedError as error:
        raise NotAPhoto(QuarantineReason.UNSUPPORTED, "a RAW file of a kind that LibRaw does not know") from error
    except rawpy.LibRawIOError as error:
        raise NotAPhoto(QuarantineReason.TRUNCATED, "the RAW file ends too early") from error
    except rawpy.LibRawError as error:
        what = f"the RAW data cannot be decoded ({type(error).__name__})"
        raise NotAPhoto(QuarantineReason.CORRUPT, what) from error


def _picture(raw: Any, odd: list[FileWarning]) -> tuple[Image.Image, int, tuple[int, int]]:
    """A picture, how it has to be turned (EXIF's orientation), and the sensor's size in the same position."""
    width, height = raw.sizes.width, raw.sizes.height
    image = _preview(raw)
    if image is not None:
        odd.append(FileWarning.EMBEDDED_PREVIEW)
        return image, ORIENTATION_OF_FLIP.get(raw.sizes.flip, 1), (width, height)
    developed = Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8))
    return developed, 1, (height, width) if raw.sizes.flip in (5, 6) else (width, height)


def _preview(raw: Any) -> Image.Image | None:
    """The embedded preview where it is a picture and not a thumbnail."""
    import rawpy

    try:
        preview = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if preview.format != rawpy.ThumbFormat.JPEG:
        return None
    image = Image.open(io.BytesIO(bytes(preview.data)), formats=("JPEG",))
    return image if min(image.size) >= LEAST_PREVIEW_SIDE else None


def _own_metadata(data: bytes, odd: list[FileWarning]) -> Image.Exif | None:
    """The directories of the RAW file itself; None where it is no TIFF inside."""
    mark = _TIFF_IN_DISGUISE.get(data[:4], data[:4])
    if mark not in (b"II*\0", b"MM\0*"):
        return None
    exif = Image.Exif()
    try:
        exif.load(mark + data[4:])
        return exif if exif.get(Base.Make) or exif.get_ifd(IFD.Exif) else None
    except DECODER_FAULTS:
        odd.append(FileWarning.UNREADABLE_METADATA)
        return None


def _carried(found: Image.Exif, orientation: int, lens: str) -> bytes:
    """An EXIF block with what is looked at later, and nothing that points into the RAW file."""
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    for tag in _MAIN:
        if found.get(tag) is not None:
            exif[tag] = found[tag]
    photo, gps = found.get_ifd(IFD.Exif), found.get_ifd(IFD.GPSInfo)
    if lens and not photo.get(Base.LensModel):
        photo = {**photo, Base.LensModel: lens}
    exif.get_ifd(IFD.Exif).update({tag: photo[tag] for tag in _PHOTO if tag in photo})
    exif.get_ifd(IFD.GPSInfo).update(gps)
    return exif.tobytes()

"""Camera RAW: the preview that the camera embedded, for measuring; developed only where there is none."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from curation.decoding.refusal import FileWarning, NotAPhoto
from schemas.codes import QuarantineReason

LEAST_PREVIEW_SIDE = 512
"""A smaller preview is a thumbnail: then the sensor's data are developed at half scale instead."""


def open_raw(data: bytes, odd: list[FileWarning]) -> Image.Image:
    """The largest embedded preview as a lazily loaded picture, else the developed sensor data.

    Raises
    ------
    NotAPhoto
        LibRaw can make nothing of the file.
    """
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return _preview(raw, odd) or Image.fromarray(
                raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
            )
    except rawpy.LibRawFileUnsupportedError as error:
        raise NotAPhoto(QuarantineReason.UNSUPPORTED, "a RAW file of a kind that LibRaw does not know") from error
    except rawpy.LibRawIOError as error:
        raise NotAPhoto(QuarantineReason.TRUNCATED, "the RAW file ends too early") from error
    except rawpy.LibRawError as error:
        what = f"the RAW data cannot be decoded ({type(error).__name__})"
        raise NotAPhoto(QuarantineReason.CORRUPT, what) from error


def _preview(raw: Any, odd: list[FileWarning]) -> Image.Image | None:
    """The embedded preview where it is a picture and not a thumbnail."""
    import rawpy

    try:
        preview = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if preview.format != rawpy.ThumbFormat.JPEG:
        return None
    image = Image.open(io.BytesIO(bytes(preview.data)), formats=("JPEG",))
    if min(image.size) < LEAST_PREVIEW_SIDE:
        return None
    odd.append(FileWarning.EMBEDDED_PREVIEW)
    return image

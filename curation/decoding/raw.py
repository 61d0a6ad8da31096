"""Camera RAW: the preview that the camera embedded, for measuring; developed only where there is none."""

from __future__ import annotations

import io

from PIL import Image

from curation.decoding.refusal import FileWarning

LEAST_PREVIEW_SIDE = 512
"""A smaller preview is a thumbnail: then the sensor's data are developed at half scale instead."""


def open_raw(data: bytes, odd: list[FileWarning]) -> Image.Image:
    """The largest embedded preview as a lazily loaded picture, else the developed sensor data."""
    import rawpy

    with rawpy.imread(io.BytesIO(data)) as raw:
        try:
            preview = raw.extract_thumb()
        except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
            preview = None
        if preview is not None and preview.format == rawpy.ThumbFormat.JPEG:
            image = Image.open(io.BytesIO(bytes(preview.data)), formats=("JPEG",))
            if min(image.size) >= LEAST_PREVIEW_SIDE:
                odd.append(FileWarning.EMBEDDED_PREVIEW)
                return image
        return Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8))

"""The canonical picture: what every later stage sees of a photo."""

from __future__ import annotations

import io

from PIL import Image

VERSION = "canonical@1"
QUALITY = 90


def encode(picture: Image.Image) -> bytes:
    """A JPEG file (quality 90, colour at full resolution, no metadata) of a canonical picture."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()

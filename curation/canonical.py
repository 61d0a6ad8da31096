"""The canonical picture: what every later stage sees of a photo."""

from __future__ import annotations

import io

from PIL import Image

from curation.decoding.decode import Decoded
from curation.decoding.formats import Format
from curation.jpeg_segments import without_metadata

VERSION = "canonical@1"
QUALITY = 90
MOST_BYTES_PER_PIXEL = 1.5
"""An original that is canonical already is taken as it is, unless its file is larger than this."""


def canonical_bytes(decoded: Decoded, data: bytes) -> bytes:
    """The canonical picture as a JPEG file without metadata.

    An original that is small, upright and sRGB already is taken as it is, less its metadata: nothing is lost,
    and nothing is compressed twice. Otherwise it is quality 90 with colour at full resolution.
    """
    if is_canonical(decoded):
        bare = without_metadata(data)
        if bare is not None and len(bare) <= MOST_BYTES_PER_PIXEL * decoded.width * decoded.height:
            return bare
    return encode(decoded.picture)


def is_canonical(decoded: Decoded) -> bool:
    """Whether the original's own pixels are the canonical picture."""
    return (
        decoded.format is Format.JPEG
        and decoded.mode == "RGB"
        and decoded.orientation == 1
        and not decoded.converted
        and decoded.pixels.shape[:2] == (decoded.height, decoded.width)
    )


def encode(picture: Image.Image) -> bytes:
    """A JPEG file (quality 90, colour at full resolution, no metadata) of a canonical picture."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()

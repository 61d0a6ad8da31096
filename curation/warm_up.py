"""Run everything once on a made picture: compiled code is loaded, tables are made, decoders are imported."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from curation.examination import Examined, Wanted, examine


def warm_up(wanted: Wanted) -> None:
    """Examine a small picture of smooth colours."""
    y, x = np.mgrid[0:96, 0:128]
    pixels = np.stack([2 * x, 2 * y, x + y], axis=-1).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    found = examine(stream.getvalue(), "warm_up.jpg", wanted)
    assert isinstance(found, Examined), found

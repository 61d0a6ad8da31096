"""Camera RAW: measured on its preview, developed where there is none, and refused in words where it is broken."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from curation.decoding.decode import decode
from curation.decoding.refusal import FileWarning, NotAPhoto
from tests.raw_files import dng


def scene() -> Image.Image:
    rng = np.random.default_rng(0)
    small = rng.integers(40, 215, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((800, 600), Image.Resampling.BICUBIC)


def test_the_preview_is_measured_and_the_file_says_so() -> None:
    decoded = decode(dng(scene()), "a.dng")
    assert FileWarning.EMBEDDED_PREVIEW in decoded.warnings
    assert (decoded.width, decoded.height) == (800, 600)


def test_without_a_preview_the_sensors_data_are_developed() -> None:
    decoded = decode(dng(scene(), preview=False), "a.dng")
    assert FileWarning.EMBEDDED_PREVIEW not in decoded.warnings
    found = np.asarray(Image.fromarray(decoded.pixels).resize((8, 6), Image.Resampling.BOX), np.float64)
    wanted = np.asarray(scene().resize((8, 6), Image.Resampling.BOX), np.float64)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("end", [100, 1000, 20_000])
def test_a_cut_file_is_refused_in_words(end: int) -> None:
    with pytest.raises(NotAPhoto):
        decode(dng(scene(), preview=False)[:end], "a.dng")

"""Gray pictures are made small as Pillow makes them, to the bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curation.resampling import lanczos, luma


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 900), st.integers(20, 900), st.sampled_from([32, 64]), st.sampled_from([None, 2.0, 3.0]))
def test_a_lanczos_reduction_is_pillow_s_in_every_pixel(width: int, height: int, side: int, gap: float | None) -> None:
    gray = np.random.default_rng(width * height).integers(0, 256, (height, width), dtype=np.uint8)
    wanted = Image.fromarray(gray).resize((side, side), Image.Resampling.LANCZOS, reducing_gap=gap)
    assert np.array_equal(lanczos(gray, side, side, gap), np.asarray(wanted))


def test_luma_is_pillow_s_in_every_pixel() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    assert np.array_equal(luma(pixels), np.asarray(Image.fromarray(pixels).convert("L")))

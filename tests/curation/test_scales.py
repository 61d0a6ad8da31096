"""What is measured does not depend on how many pixels the camera had."""

from __future__ import annotations

import io

import imagehash
import numpy as np
import pytest
from PIL import Image

from curation.decoding.decode import CANONICAL_SIDE, decode
from curation.fingerprints import fingerprints, frequencies
from curation.properties.measure import measure
from schemas.properties import Properties, PropertySet
from tests.conftest import real_data


def bits_apart(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def reference_hash(image: Image.Image) -> bytes:
    return bytes(np.packbits(imagehash.phash(image).hash).tobytes())


def test_hashes_of_half_scale_decodes_are_within_two_bits_of_the_full_picture_s() -> None:
    apart = []
    for path in sorted(real_data("oasis", "images").iterdir())[::4]:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            full = image.convert("RGB")
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (250, 200))
            image.load()
            assert image.size == (250, 200)
            apart.append(bits_apart(fingerprints(image).phash64, reference_hash(full)))
    assert len(apart) > 100
    assert np.mean(np.array(apart) <= 2) >= 0.99


def test_hashes_of_large_real_photos_are_within_two_bits_of_the_full_picture_s() -> None:
    large = [
        path
        for path in sorted(real_data("dups", "images").iterdir())
        if path.suffix == ".jpg" and path.name.startswith(("bridge__aaa", "bridge__bridge-1", "tuil"))
    ]
    assert large
    for path in large:
        decoded = decode(path.read_bytes())
        assert min(decoded.pixels.shape[:2]) == CANONICAL_SIDE
        with Image.open(path) as image:
            full = image.convert("RGB")
        assert bits_apart(fingerprints(decoded.picture).phash64, reference_hash(full)) <= 2


TOLERANCES = {
    "brightness": 0.005,
    "contrast": 0.01,
    "colorfulness": 0.02,
    "saturation": 0.06,
    "entropy": 0.06,
    "mean_red": 0.005,
    "mean_green": 0.005,
    "mean_blue": 0.005,
    "std_red": 0.005,
    "std_green": 0.005,
    "std_blue": 0.005,
    "mean_lightness": 0.005,
    "mean_b": 0.01,
    "std_a": 0.04,
    "std_b": 0.03,
    "mean_value": 0.005,
    "std_saturation": 0.05,
    "std_value": 0.01,
    "clipped_shadows": 0.1,
    "clipped_highlights": 0.1,
    "sharpness": 0.35,
    "noise": 0.35,
}
"""Relative; fine detail depends on the scale from which a decoder starts, so that it differs most."""


@pytest.mark.slow
def test_one_scene_gives_the_same_default_properties_at_1_3_12_and_48_megapixels() -> None:
    scene = Image.open(next(iter(sorted(real_data("dups", "images").glob("tuil*"))))).convert("RGB")
    rows: list[Properties] = []
    for width in (1155, 2000, 4000, 8000):
        stream = io.BytesIO()
        scene.resize((width, width * 3 // 4), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=92)
        decoded = decode(stream.getvalue())
        rows.append(measure("x", decoded.pixels, decoded.gray, (4, 3), PropertySet.DEFAULT))
    for name, tolerance in TOLERANCES.items():
        values = np.array([getattr(row, name) for row in rows])
        assert np.ptp(values) <= tolerance * np.abs(values).max(), (name, values)


def test_frequencies_are_those_of_a_plain_cosine_transform() -> None:
    scipy_fft = pytest.importorskip("scipy.fft")
    gray = Image.linear_gradient("L").resize((90, 70))
    small = np.asarray(gray.resize((32, 32), Image.Resampling.LANCZOS), dtype=np.float64)
    wanted = scipy_fft.dct(scipy_fft.dct(small, axis=0), axis=1)[:8, :8]
    assert np.allclose(frequencies(np.asarray(gray), 8), wanted)

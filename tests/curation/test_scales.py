"""What is measured does not depend on how many pixels the camera had."""

from __future__ import annotations

import io

import imagehash
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageOps

from curation.decoding.decode import CANONICAL_SIDE, decode
from curation.fingerprints import fingerprints, frequencies
from curation.properties.measure import measure
from schemas.columns import columns_of
from schemas.properties import Properties, PropertySet
from tests.conftest import real_data


def bits_apart(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def reference_hash(image: Image.Image) -> bytes:
    return bytes(np.packbits(imagehash.phash(image).hash).tobytes())


@pytest.mark.slow
def test_hashes_of_half_scale_decodes_are_within_two_bits_of_the_full_picture_s() -> None:
    apart = []
    for path in sorted(real_data("oasis", "images").iterdir()):
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            full = image.convert("RGB")
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (250, 200))
            image.load()
            assert image.size == (250, 200)
            apart.append(bits_apart(fingerprints(image).phash64, reference_hash(full)))
    assert len(apart) > 500
    print(f"OASIS at half scale: {np.mean(np.array(apart) <= 2):.4f} within 2 bits, {len(apart)} photos")
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


@pytest.mark.slow
def test_hashes_of_all_larger_pictures_are_within_two_bits_of_the_full_picture_s() -> None:
    apart = {}
    for path in sorted([*real_data("dups", "images").iterdir(), *real_data("avt_ai", "images").iterdir()]):
        with Image.open(path) as image:
            if image.mode != "RGB" or min(image.size) <= CANONICAL_SIDE:
                continue
            full = ImageOps.exif_transpose(image)
        decoded = decode(path.read_bytes())
        assert min(decoded.pixels.shape[:2]) == CANONICAL_SIDE
        apart[path.name] = bits_apart(fingerprints(decoded.picture).phash64, reference_hash(full))
    far = {name: bits for name, bits in apart.items() if bits > 2}
    print(f"larger pictures: {1 - len(far) / len(apart):.4f} of {len(apart)} within 2 bits; beyond: {far}")
    assert len(apart) > 100
    assert len(far) <= 0.01 * len(apart), far


TOLERANCES = {
    "brightness": 0.005,
    "contrast": 0.015,
    "colorfulness": 0.02,
    "saturation": 0.06,
    "entropy": 0.06,
    "mean_red": 0.005,
    "mean_green": 0.005,
    "mean_blue": 0.005,
    "std_red": 0.01,
    "std_green": 0.01,
    "std_blue": 0.01,
    "mean_lightness": 0.005,
    "mean_b": 0.01,
    "std_a": 0.04,
    "std_b": 0.03,
    "mean_value": 0.005,
    "std_saturation": 0.05,
    "std_value": 0.015,
    "sharpness": 0.10,
    "noise": 0.30,
}
"""Relative. Noise is what lies at the finest scale of a reduced picture, which depends most on the scale that it was
reduced from."""
ABSOLUTE = {"mean_a": 0.1, "clipped_shadows": 0.002, "clipped_highlights": 0.002, "aspect_ratio": 0.0}
"""Of what may be near zero."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tuil__hJV2gUr6_jpg_1.jpg", "bridge__aaa-orig.jpg", "Ambulance2.jpg", "Grass5.jpg"])
def test_one_scene_gives_the_same_default_properties_at_1_3_12_and_48_megapixels(name: str) -> None:
    path = real_data(*(("dups" if "__" in name else "oasis"), "images", name))
    scene = Image.open(path).convert("RGB")
    rows: list[Properties] = []
    for width in (1155, 2000, 4000, 8000):
        stream = io.BytesIO()
        scene.resize((width, width * 3 // 4), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=92)
        decoded = decode(stream.getvalue())
        rows.append(measure("x", decoded.pixels, decoded.gray, (4, 3), PropertySet.DEFAULT))
    measured = {spec.name for spec in columns_of(Properties) if not spec.nullable and spec.type == pa.float64()}
    assert {*TOLERANCES, *ABSOLUTE} == measured
    too_far = []
    for column in sorted(measured):
        values = np.array([getattr(row, column) for row in rows])
        far, most = np.ptp(values), np.abs(values).max()
        print(f"{column}: {np.round(values, 4)}, spread {far:.5f}, relative {far / max(most, 1e-9):.4f}")
        if far > (ABSOLUTE[column] if column in ABSOLUTE else TOLERANCES[column] * most):
            too_far.append((column, values))
    assert not too_far


def test_frequencies_are_those_of_a_plain_cosine_transform() -> None:
    scipy_fft = pytest.importorskip("scipy.fft")
    gray = Image.linear_gradient("L").resize((90, 70))
    small = np.asarray(gray.resize((32, 32), Image.Resampling.LANCZOS), dtype=np.float64)
    wanted = scipy_fft.dct(scipy_fft.dct(small, axis=0), axis=1)[:8, :8]
    assert np.allclose(frequencies(np.asarray(gray), 8), wanted)

"""The canonical picture holds the same pixels as the small upright original, and nothing but the picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from curation.canonical import canonical_bytes
from curation.decoding.area import reduce_by_area
from curation.decoding.decode import decode
from curation.jpeg_segments import without_metadata
from tests.conftest import real_data


def pixels_of(data: bytes) -> np.ndarray:  # type: ignore[type-arg]  # uint8
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def jpeg(size: tuple[int, int], **options: object) -> bytes:
    rng = np.random.default_rng(5)
    stream = io.BytesIO()
    small = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
    small.resize(size).save(stream, "JPEG", **options)
    return stream.getvalue()


def test_small_originals_are_taken_as_they_are_without_their_metadata() -> None:
    for path in sorted(real_data("oasis", "images").iterdir())[::25]:
        data = path.read_bytes()
        bare = canonical_bytes(decode(data), data)
        assert np.array_equal(pixels_of(bare), pixels_of(data))
        assert len(bare) < len(data)
        with Image.open(io.BytesIO(bare)) as image:
            assert not image.getexif()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"subsampling": 0}])
def test_every_way_of_coding_keeps_its_pixels(options: dict[str, object]) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    data = jpeg((300, 200), exif=exif.tobytes(), comment=b"a comment", **options)
    bare = without_metadata(data + b"something behind the picture")
    assert bare is not None
    assert b"maker" not in bare
    assert b"comment" not in bare
    assert b"behind" not in bare
    assert np.array_equal(pixels_of(bare), pixels_of(data))


@pytest.mark.parametrize("cut", [1, 3, 30, 400])
def test_a_file_that_ends_early_is_not_taken_apart(cut: int) -> None:
    assert without_metadata(jpeg((300, 200))[:-cut]) is None


def test_a_turned_original_is_compressed_anew_and_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = jpeg((300, 200), exif=exif.tobytes())
    decoded = decode(data)
    assert (decoded.width, decoded.height) == (200, 300)
    assert pixels_of(canonical_bytes(decoded, data)).shape == (300, 200, 3)


def test_a_large_original_is_reduced_to_a_short_side_of_512() -> None:
    data = jpeg((2000, 1500))
    assert pixels_of(canonical_bytes(decode(data), data)).shape == (512, 683, 3)


def test_area_averages_keep_the_mean_and_equal_whole_blocks() -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    thirds = pixels.reshape(20, 3, 30, 3, 3).mean(axis=(1, 3))
    assert np.abs(reduce_by_area(pixels, 30, 20) - thirds).max() <= 0.5001
    for width, height in ((71, 47), (90, 60), (1, 1), (89, 59)):
        reduced = reduce_by_area(pixels, width, height)
        assert reduced.shape == (height, width, 3)
        assert abs(reduced.mean() - pixels.mean()) < 0.6


def test_area_averages_weigh_pixels_by_their_overlap() -> None:
    line = np.array([[0, 90, 240]], dtype=np.uint8)[..., None].repeat(3, axis=2)
    # Each of two new pixels covers one and a half old ones.
    assert reduce_by_area(line, 2, 1)[0, :, 0].tolist() == [30, 190]

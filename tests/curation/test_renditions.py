from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from curation.decoding.refusal import NotAPhoto
from curation.renditions import bounded, render
from tests.conftest import real_data


def jpeg(picture: Image.Image, **how: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=95, **how)
    return stream.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def halves() -> Image.Image:
    """Left half red, right half blue."""
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, :100, 0] = 255
    pixels[:, 100:, 2] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("orientation", "size"), [(1, (200, 100)), (3, (200, 100)), (6, (100, 200)), (8, (100, 200))])
def test_a_rendition_is_upright(orientation: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = render(jpeg(halves(), exif=exif), 1024, 90)
    picture = opened(made.data)
    assert picture.size == (made.width, made.height) == size
    corner = picture.getpixel((5, 5))
    assert isinstance(corner, tuple)
    red_first = {1: True, 3: False, 6: True, 8: False}[orientation]
    assert (corner[0] > 200) is red_first


def test_no_metadata_is_left_of_a_photo_with_a_location() -> None:
    (path,) = real_data("gps_photo").glob("*.jp*g")
    data = path.read_bytes()
    assert opened(data).getexif()
    made = opened(render(data, 1024, 90).data)
    assert not made.getexif()
    assert set(made.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_another_colour_space_is_shown_in_its_colours() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    data = jpeg(halves(), icc_profile=lab.tobytes())
    made = opened(render(data, 1024, 95).data)
    assert "icc_profile" not in made.info
    pixel = made.getpixel((20, 50))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 240
    assert pixel[2] < 20


@given(st.integers(64, 5000), st.integers(64, 5000), st.integers(256, 4096))
def test_a_bound_is_kept_without_enlarging_or_bending(width: int, height: int, longest: int) -> None:
    made = bounded((width, height), longest)
    assert max(made) <= longest
    assert made[0] <= width
    assert made[1] <= height
    if max(width, height) > longest:
        assert max(made) == longest
        assert abs(made[0] / made[1] - width / height) <= (width / height) * (1 / min(made))


def test_the_same_bytes_give_the_same_rendition() -> None:
    data = jpeg(Image.effect_noise((700, 500), 60).convert("RGB"))
    assert render(data, 300, 90) == render(data, 300, 90)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(NotAPhoto):
        render(b"not a picture at all", 1024, 90)

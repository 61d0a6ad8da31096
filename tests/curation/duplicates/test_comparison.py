"""The second look: edits leave a photo the same; another place to stand, another sky and plain pictures do not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from curation.duplicates.borders import Box, find_box
from curation.duplicates.comparison import Comparison, compare
from curation.duplicates.looks import Look, in_form
from curation.fingerprints import Form
from flows.deduplication.second_look import is_same
from schemas.settings import DedupeSettings
from tests.conftest import real_data


def saved(picture: Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def photo(name: str = "Acorns1") -> Image.Image:
    return Image.open(real_data("oasis", "images", f"{name}.jpg")).convert("RGB")


def seen(a: Image.Image, b: Image.Image) -> Comparison:
    return compare(Look.of(saved(a)), Look.of(saved(b)))


def same(found: Comparison) -> bool:
    return is_same(found.measure, found.agreeing, DedupeSettings())


def test_a_rotated_crop_at_another_size_and_quality_is_the_same_photo() -> None:
    picture = photo()
    width, height = picture.size
    crop = picture.rotate(1.5, Image.Resampling.BICUBIC).crop((20, 20, width - 25, height - 30)).resize((300, 300))
    found = compare(Look.of(saved(picture)), Look.of(saved(crop, 30)))
    assert same(found)
    assert found.measure > 0.9


def test_the_two_crops_in_oasis_are_the_same_photo_and_two_sharks_are_not() -> None:
    assert same(seen(photo("Couple2"), photo("Couple9")))
    assert not same(seen(photo("Shark2"), photo("Shark10")))


def test_a_photo_seen_from_elsewhere_is_another_photo() -> None:
    pixels = np.asarray(photo(), np.float32)
    rng = np.random.default_rng(1)
    fields = [ndimage.gaussian_filter(rng.normal(size=pixels.shape[:2]), 60) for _ in range(2)]
    y, x = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]]
    moved = [axis + 6 * field / field.std() for axis, field in zip((y, x), fields, strict=True)]
    planes = [ndimage.map_coordinates(pixels[..., c], moved, order=1, mode="reflect") for c in range(3)]
    assert not same(seen(photo(), Image.fromarray(np.stack(planes, -1).astype(np.uint8))))


@pytest.mark.parametrize("level", [4, 140])
def test_plain_pictures_are_never_the_same_by_their_look(level: int) -> None:
    rng = np.random.default_rng(level)
    pictures = [
        Image.fromarray(np.clip(rng.normal(level, 3, (400, 600, 3)), 0, 255).astype(np.uint8)) for _ in range(2)
    ]
    assert not same(seen(*pictures))


@pytest.mark.parametrize("form", Form)
def test_a_look_in_a_form_is_the_look_of_the_picture_in_that_form(form: Form) -> None:
    transposed = {
        Form.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
        Form.FLIPPED: Image.Transpose.FLIP_TOP_BOTTOM,
        Form.HALF_TURN: Image.Transpose.ROTATE_180,
        Form.TRANSPOSED: Image.Transpose.TRANSPOSE,
        Form.TURNED_LEFT: Image.Transpose.ROTATE_90,
        Form.TURNED_RIGHT: Image.Transpose.ROTATE_270,
        Form.TRANSVERSED: Image.Transpose.TRANSVERSE,
    }
    picture = photo()
    turned = picture.transpose(transposed[form]) if form in transposed else picture
    assert compare(in_form(Look.of(saved(picture)), form), Look.of(saved(turned))).clear


def test_borders_are_found_to_the_pixel_and_a_plain_picture_has_none() -> None:
    rng = np.random.default_rng(0)
    framed = np.full((300, 400), 3, np.uint8)
    framed[40:260, 30:390] = rng.integers(0, 255, (220, 360))
    assert find_box(framed) == Box(30, 40, 390, 260)
    assert find_box(np.full((300, 400), 3, np.uint8)) == Box(0, 0, 400, 300)
    assert find_box(framed[40:260, 30:390]) == Box(0, 0, 360, 220)

"""Perceptual hashes mean what imagehash's mean, and know the eight forms of a picture."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image

from curation.decoding.decode import UPRIGHT_BY, decode
from curation.fingerprints import FingerprintMethod, Form, fingerprints
from tests.conftest import real_data

TO_FORM = {
    Form.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Form.FLIPPED: Image.Transpose.FLIP_TOP_BOTTOM,
    Form.HALF_TURN: Image.Transpose.ROTATE_180,
    Form.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Form.TURNED_LEFT: Image.Transpose.ROTATE_90,
    Form.TURNED_RIGHT: Image.Transpose.ROTATE_270,
    Form.TRANSVERSED: Image.Transpose.TRANSVERSE,
}
WHOLE = bytes.fromhex("00000000ffffffff")
"""The box of a picture without borders."""


def bits_apart(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def oasis(count: int) -> list[Image.Image]:
    files = sorted(real_data("oasis", "images").iterdir())[:: 500 // count][:count]
    return [decode(path.read_bytes()).picture for path in files]


def test_hashes_of_real_photos_are_imagehash_s_bit_by_bit() -> None:
    for picture in oasis(50):
        ours = fingerprints(picture)
        assert ours.phash64 == np.packbits(imagehash.phash(picture).hash).tobytes()
        assert bits_apart(ours.phash256, np.packbits(imagehash.phash(picture, hash_size=16).hash).tobytes()) <= 6


@pytest.mark.parametrize("form", TO_FORM)
def test_the_hash_of_a_form_is_the_hash_of_the_picture_in_that_form(form: Form) -> None:
    place = list(Form).index(form)
    for picture in oasis(20):
        derived = fingerprints(picture).phash64_forms[8 * place : 8 * place + 8]
        assert bits_apart(derived, fingerprints(picture.transpose(TO_FORM[form])).phash64) <= 2


def test_the_first_form_is_the_hash_itself_and_sizes_are_as_documented() -> None:
    bits = fingerprints(oasis(1)[0]).by_method()
    assert bits[FingerprintMethod.PHASH64_FORMS][:8] == bits[FingerprintMethod.PHASH64]
    assert [len(value) for value in bits.values()] == [8, 32, 64, 32, 16, 8]


def test_the_inner_part_of_a_photo_is_near_its_centred_crop_and_knows_borders() -> None:
    nearer, plain = 0, [picture for picture in oasis(24) if fingerprints(picture).trimmed64[8:] == WHOLE]
    assert len(plain) >= 16
    for picture in plain:
        across, down = round(0.04 * picture.width), round(0.04 * picture.height)
        crop = picture.crop((across, down, picture.width - across, picture.height - down))
        photo, copy = fingerprints(picture), fingerprints(crop)
        assert bits_apart(photo.inner64, copy.phash64) <= 4
        nearer += bits_apart(photo.phash64, copy.phash64) > bits_apart(photo.inner64, copy.phash64)
        framed = Image.new("RGB", (picture.width, picture.height + 100))
        framed.paste(picture, (0, 50))
        assert bits_apart(fingerprints(framed).inner64, photo.inner64) <= 4
    assert nearer >= 0.8 * len(plain)


def test_pixel_hashes_tell_pixels_and_sizes_apart() -> None:
    picture = oasis(1)[0]
    other = picture.copy()
    red, green, blue = other.getpixel((0, 0))  # type: ignore[misc]  # an RGB picture gives three numbers
    other.putpixel((0, 0), (red ^ 1, green, blue))
    same = fingerprints(picture.copy()).pixels
    assert fingerprints(picture).pixels == same
    assert fingerprints(other).pixels != same
    assert fingerprints(picture, (5000, 4000)).pixels != same


def test_every_orientation_is_undone_by_its_transposition() -> None:
    assert sorted(UPRIGHT_BY) == list(range(2, 9))

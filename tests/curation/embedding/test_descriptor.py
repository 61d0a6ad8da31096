"""descriptor@1: the same numbers everywhere, and numbers that say something."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage.color import rgb2lab

from curation.embedding.descriptor import DIMENSIONS, SIZES, Descriptor
from curation.embedding.descriptor_blocks import BLOCKS, Tables, views_of
from curation.embedding.fixedpoint import (
    HUE_BORDERS,
    LAB_UNIT,
    ORIENTATION_BORDERS,
    cube_root_table,
    full_sector,
    half_sector,
    linear_table,
    log2_linear,
    to_lab,
)
from schemas.errors import BadInput
from tests.conftest import real_data
from tests.curation.embedding.strangers import jpeg

Array = npt.NDArray[Any]


def gradient() -> Image.Image:
    """Every channel a ramp of its own, without noise: any codec gives nearly these pixels."""
    y, x = np.mgrid[0:96, 0:128]
    return Image.fromarray(np.stack([x * 2, y * 2, 255 - x - y], -1).clip(0, 255).astype(np.uint8))


def embed(*pictures: bytes) -> Array:
    descriptor = Descriptor()
    return descriptor.embed(descriptor.collate([descriptor.prepare(picture) for picture in pictures]))


def test_lab_in_integers_is_lab() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    ours = to_lab(pixels, linear_table(), cube_root_table()) / LAB_UNIT
    assert np.abs(ours - rgb2lab(pixels)).max() < 0.25


def test_sectors_are_those_of_the_angle() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(-5000, 5000, (2, 4000), dtype=np.int32)
    angle = np.degrees(np.arctan2(y, x)) % 360
    away = np.abs(angle / 22.5 - np.round(angle / 22.5)) > 0.01  # borders are rounded to 1/16384
    assert np.array_equal(half_sector(x, y, ORIENTATION_BORDERS)[away], (angle[away] % 180 // 22.5).astype(int))
    away = np.abs(angle / 30 - np.round(angle / 30)) > 0.01
    assert np.array_equal(full_sector(x, y, HUE_BORDERS)[away], (angle[away] // 30).astype(int))


def test_the_linear_logarithm_stays_near_the_logarithm_and_never_falls() -> None:
    values = np.linspace(0, 5000, 20001, dtype=np.float64)
    assert np.abs(log2_linear(values) - np.log2(1 + values)).max() < 0.09
    assert (np.diff(log2_linear(values)) > 0).all()


def test_blocks_have_the_sizes_that_the_vector_is_made_of() -> None:
    views = views_of(gradient(), Tables.make())
    assert tuple(len(block(views)) for block in BLOCKS) == SIZES
    assert sum(SIZES) + 1 == DIMENSIONS


def test_a_picture_has_the_same_vector_on_every_machine() -> None:
    # Made once with numpy 2.2 and Pillow 13 on x86-64; another value here is another descriptor.
    picture = io.BytesIO()
    gradient().save(picture, "PNG")  # lossless: no decoder has a say
    assert hashlib.sha256(embed(picture.getvalue()).tobytes()).hexdigest() == GOLDEN


GOLDEN = "473f0d60f7eb0d8dd4326421526d28938ed21f196cde2086f7b77b2a86c324dc"


def test_vectors_are_unit_vectors_and_equal_pictures_have_equal_ones() -> None:
    vectors = embed(jpeg(gradient()), jpeg(gradient()), jpeg(Image.new("RGB", (200, 100), (9, 90, 200))))
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors[0], vectors[1])
    assert vectors[0] @ vectors[2] < 0.9


def test_what_is_no_picture_is_said_to_be_none() -> None:
    with pytest.raises(BadInput, match="cannot be decoded"):
        Descriptor().prepare(b"no picture")


@pytest.mark.slow
def test_it_predicts_beauty() -> None:
    folder = real_data("oasis")
    with (folder / "images.csv").open(newline="") as stream:
        images = list(csv.DictReader(stream))
    with (folder / "published_means.csv").open(newline="") as stream:
        beauty = {row["image_id"]: float(row["published_beauty_mean"]) for row in csv.DictReader(stream)}
    vectors = embed(*((folder / row["file"]).read_bytes() for row in images))
    target = np.array([beauty[row["image_id"]] for row in images])
    assert ridge_correlation(vectors, target) >= 0.45


def ridge_correlation(vectors: Array, target: Array) -> float:
    """Best mean r over a grid of penalties, 3 x 10-fold cross-validated, as the figures of the data's README."""
    penalties = 10.0 ** np.arange(-2, 2.1, 0.25)
    found = np.zeros((3, len(penalties)))
    for repeat in range(3):
        order = np.random.default_rng(repeat).permutation(len(target))
        predicted = np.zeros((len(penalties), len(target)))
        for fold in range(10):
            test = order[fold::10]
            train = np.setdiff1d(order, test)
            mean = vectors[train].mean(0)
            u, s, v = np.linalg.svd((vectors[train] - mean).astype(float), full_matrices=False)
            projected = u.T @ (target[train] - target[train].mean())
            for k, penalty in enumerate(penalties):
                weights = v.T @ (s / (s**2 + penalty) * projected)
                predicted[k, test] = (vectors[test] - mean) @ weights + target[train].mean()
        found[repeat] = [np.corrcoef(row, target)[0, 1] for row in predicted]
    return float(found.mean(0).max())

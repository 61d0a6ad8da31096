"""Whole pictures: what a crop throws away counts, shapes share batches without harm, and other networks are refused."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curation.embedding.onnx_tower import PIXELS, VECTOR, tower_graph
from curation.embedding.open_clip import OpenClipEmbedder
from curation.embedding.preparation import GRID, MOST, Preparation
from flows.embedders import make_embedder, space_name
from schemas.codes import Framing, Precision
from schemas.errors import WrongUse
from schemas.settings.embed import EmbedSettings
from tests.conftest import real_data
from tests.curation.embedding.test_open_clip import embed, loaded, photos

WHOLE = Preparation(225, 225, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", "whole")


@given(st.integers(64, 5000), st.integers(64, 5000))
def test_sizes_stay_near_the_shape_of_the_picture_on_a_grid(height: int, width: int) -> None:
    tall, wide = WHOLE.whole_size(height, width)
    assert min(tall, wide) == 225 and (tall - 225) % GRID == 0 and (wide - 225) % GRID == 0
    wanted = max(1 / MOST, min(MOST, width / height))
    assert abs(np.log(wide / tall / wanted)) < 0.5 * GRID / 225 + 1e-9
    assert WHOLE.whole_size(width, height) == (wide, tall)


@pytest.fixture(scope="module")
def whole() -> OpenClipEmbedder:
    return loaded("mobilenet-v1-real", framing=Framing.WHOLE)


def test_the_edges_count_where_the_whole_is_seen_and_not_where_the_middle_is_cropped(whole: OpenClipEmbedder) -> None:
    pixels = np.full((300, 600, 3), 128, np.uint8)
    pixels[:, 200:400] = np.random.default_rng(0).integers(0, 255, (300, 200, 3))
    edged = pixels.copy()
    edged[:, :60] = (250, 30, 30)
    edged[:, -60:] = (30, 30, 250)
    files = []
    for array in (pixels, edged):
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, "PNG")
        files.append(stream.getvalue())
    a, b = embed(whole, files)
    assert a @ b < 0.98
    a, b = embed(loaded("mobilenet-v1-real"), files)
    assert a @ b > 0.9999


def test_a_batch_of_several_shapes_gives_each_picture_its_own_vector_in_order(whole: OpenClipEmbedder) -> None:
    pictures = photos()
    assert len({whole.prepare(picture).shape for picture in pictures}) > 1
    together = embed(whole, pictures)
    for picture, vector in zip(pictures, together, strict=True):
        np.testing.assert_allclose(embed(whole, [picture])[0], vector, atol=2e-6)


def test_it_is_a_space_of_its_own_under_the_name_that_the_settings_give_it(whole: OpenClipEmbedder) -> None:
    spec = f"open_clip:local-dir:{real_data('open_clip', 'mobilenet-v1-real')}"
    settings = EmbedSettings(embedder=spec, framing=Framing.WHOLE, device="cpu", precision=Precision.FLOAT32)
    plain = settings.model_copy(update={"framing": Framing.MODEL})
    assert space_name(settings) == whole.space.model == space_name(plain) + "+whole"
    assert make_embedder(settings).space == whole.space
    assert whole.space.preprocessing == "lean@2 225x225 whole bicubic"


def test_a_network_that_takes_one_size_only_is_refused_in_a_sentence() -> None:
    with pytest.raises(WrongUse, match="takes pictures of 64 × 64 only; it needs one that takes any size"):
        loaded("tiny-random", framing=Framing.WHOLE)


def test_the_onnx_tower_takes_any_of_these_shapes(whole: OpenClipEmbedder) -> None:
    session = onnxruntime.InferenceSession(tower_graph(whole).SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["n", "height", "width", 3]
    for picture in photos():
        pixels = whole.prepare(picture)[None].astype(np.uint8)
        (found,) = session.run([VECTOR], {PIXELS: pixels})
        np.testing.assert_allclose(found, embed(whole, [picture]), atol=2e-6)

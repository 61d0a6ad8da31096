"""Concepts by sentences: a text half that knows colours finds them, and one that knows nothing is found out."""

from __future__ import annotations

import io
from typing import cast

import numpy as np
import pytest
from PIL import Image

from curation.embedding.concepts import COLOURS, LEVEL, WithText, chance_of_colours, concept_scores, concepts_of
from curation.embedding.open_clip import Loading, load_open_clip
from curation.embedding.specs import FolderSpec
from schemas.codes import Precision
from tests.curation.embedding.colour_clip import colour_clip
from tests.curation.embedding.test_open_clip import loaded


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> WithText:
    folder = colour_clip(tmp_path_factory.mktemp("taught"))
    return cast("WithText", load_open_clip(FolderSpec(folder), Loading(device="cpu", precision=Precision.FLOAT32)))


def test_phrases_become_pairs_of_sentences() -> None:
    pair, single = concepts_of(["a sharp photo / a blurry photo", "water"])
    assert (pair.name, pair.nearer, pair.than) == ("a sharp photo", "a sharp photo", "a blurry photo")
    assert (single.name, single.nearer, single.than) == ("water", "a photo of water", "a photo")


@pytest.mark.parametrize("folder", ["tiny-random", "mobilenet-v1-real"])
def test_text_halves_that_were_never_trained_are_found_out(folder: str) -> None:
    assert chance_of_colours(cast("WithText", loaded(folder))) > 20 * LEVEL


def test_a_text_half_that_knows_colours_passes_and_gives_each_picture_its_own(taught: WithText) -> None:
    assert chance_of_colours(taught) <= LEVEL
    files = []
    for colour in COLOURS.values():
        stream = io.BytesIO()
        shade = tuple(min(255, value + 12) for value in colour)
        Image.new("RGB", (200, 150), shade).save(stream, "PNG")
        files.append(stream.getvalue())
    vectors = taught.embed(taught.collate([taught.prepare(file) for file in files]))
    found = concept_scores(vectors, concepts_of(list(COLOURS)), taught)
    nearest = np.array([found[name] for name in COLOURS]).argmax(axis=0)
    assert np.mean(nearest == np.arange(len(COLOURS))) >= 7 / 8

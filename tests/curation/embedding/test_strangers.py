"""The typicality rule on real photos: pictures from another world lie outside, whoever made them and however many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from curation.embedding.descriptor import Descriptor
from curation.embedding.loader import embed_pictures
from curation.embedding.open_clip import Loading, load_open_clip
from curation.embedding.protocol import Embedder
from curation.embedding.specs import FolderSpec
from curation.filtering.similarity import neighbour_distance
from schemas.codes import Precision
from tests.conftest import real_data
from tests.curation.embedding.strangers import other_strangers, plain_strangers
from tests.curation.embedding.strangers_drawn import drawn_strangers
from tests.curation.embedding.strangers_rendered import rendered_strangers
from tests.flows.labelstudio.chromium import need_chromium

Array = npt.NDArray[Any]


@pytest.fixture(scope="module", params=["descriptor", "tower"])
def space(request: pytest.FixtureRequest) -> tuple[Embedder, Array]:
    """An embedder, and its vectors of the OASIS photos."""
    tower = FolderSpec(real_data("open_clip", "mobilenet-v1-real"))
    embedder: Embedder = (
        Descriptor()
        if request.param == "descriptor"
        else load_open_clip(tower, Loading(device="cpu", precision=Precision.FLOAT32))
    )
    photos = sorted(real_data("oasis", "images").iterdir())
    return embedder, vectors_of(embedder, [photo.read_bytes() for photo in photos])


@pytest.mark.slow
def test_drawn_pictures_lie_outside(space: tuple[Embedder, Array]) -> None:
    embedder, photos = space
    drawn = drawn_strangers(101)
    for strangers in (plain_strangers(), flat(other_strangers(101)), flat(other_strangers(202)), flat(drawn)):
        assert outlier_area(photos, vectors_of(embedder, strangers)) >= 0.95
    many = vectors_of(embedder, drawn["login"][:1] * 100)  # a crowd of copies does not hide itself
    assert outlier_area(photos, many) >= 0.95


@pytest.mark.slow
@pytest.mark.browser
def test_screenshots_lie_outside(space: tuple[Embedder, Array]) -> None:
    need_chromium()
    embedder, photos = space
    assert outlier_area(photos, vectors_of(embedder, flat(rendered_strangers(101)))) >= 0.95


def flat(families: dict[str, list[bytes]]) -> list[bytes]:
    """All pictures of all families."""
    return [data for family in families.values() for data in family]


def vectors_of(embedder: Embedder, pictures: list[bytes]) -> Array:
    """Vectors of JPEG files, in order."""
    numbered = [(str(k), data) for k, data in enumerate(pictures)]
    return np.concatenate([batch.vectors for batch in embed_pictures(embedder, numbered, workers=2)])


def outlier_scores(photos: Array, planted: Array) -> Array:
    """The typicality rule's measure of the photos and, after them, of pictures planted among them."""
    everything = np.concatenate([photos, planted])
    return neighbour_distance(everything, everything, np.arange(len(everything)), 0)


def outlier_area(photos: Array, planted: Array) -> float:
    """How well the rule ranks planted pictures above the photos among which they lie."""
    scores = outlier_scores(photos, planted)
    return area_under_curve(scores[len(photos) :], scores[: len(photos)])


def area_under_curve(positive: Array, negative: Array) -> float:
    """Share of pairs in which the positive has the larger score."""
    return float((positive[:, None] > negative[None, :]).mean())

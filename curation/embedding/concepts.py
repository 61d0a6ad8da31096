"""Concepts by sentences: how near a photo is to a phrase rather than to its opposite, in a model with a text half.

A text half may be there and yet know nothing of pictures (one that was never trained, or trained for another image
half): then any concept would get a number that means nothing. So it is asked first whether it tells plain colours.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.embedding.protocol import Embedder, TextEmbedder, Vectors

Floats = npt.NDArray[np.float64]

OPPOSITE = " / "
"""Parts a phrase from its opposite."""
ANY_PHOTO = "a photo"
SIDE = 256
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 150, 50),
    "blue": (30, 70, 210),
    "yellow": (250, 220, 40),
    "black": (10, 10, 10),
    "white": (250, 250, 250),
    "orange": (250, 140, 20),
    "purple": (120, 40, 160),
}
ORDERS = 20_000
LEVEL = 0.001
"""A text half that knows nothing passes once in a thousand models."""


class WithText(Embedder, TextEmbedder, Protocol):
    """An embedder with a text half."""


@dataclass(frozen=True)
class Concept:
    """One concept.

    Attributes
    ----------
    name : str
        The phrase, which is what tables show.
    nearer, than : str
        The sentences whose cosines with a photo are subtracted.
    """

    name: str
    nearer: str
    than: str


def concepts_of(phrases: Sequence[str]) -> list[Concept]:
    """Concepts from phrases: `a sharp photo / a blurry photo` as it stands; `water` becomes `a photo of water`, and
    its opposite any photo."""
    found = []
    for phrase in phrases:
        name, parted, other = (part.strip() for part in phrase.partition(OPPOSITE))
        found.append(Concept(name, name, other) if parted else Concept(name, f"a photo of {name}", ANY_PHOTO))
    return found


def concept_scores(vectors: Vectors, concepts: Sequence[Concept], embedder: TextEmbedder) -> dict[str, Floats]:
    """How much nearer photos are to each concept than to its opposite.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        L2-normalised, in the embedder's space.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        Differences of cosines, by the concept's name.
    """
    texts = embedder.embed_text([text for concept in concepts for text in (concept.nearer, concept.than)])
    cosines = np.asarray(vectors @ texts.T, dtype=np.float64)
    return {concept.name: cosines[:, 2 * k] - cosines[:, 2 * k + 1] for k, concept in enumerate(concepts)}


def chance_of_colours(embedder: WithText) -> float:
    """How often names of colours dealt out at random would fit plain pictures as well as the text half's do.

    A permutation test on the cosines of eight plain pictures and eight names, both centred. Small where the text
    half knows what pictures show.
    """
    files = [_plain(colour) for colour in COLOURS.values()]
    pictures = embedder.embed(embedder.collate([embedder.prepare(file) for file in files]))
    names = embedder.embed_text([f"a plain {name} picture" for name in COLOURS])
    cosines = np.asarray(pictures @ names.T, dtype=np.float64)
    centred = cosines - cosines.mean(axis=0) - cosines.mean(axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile(np.arange(len(COLOURS)), (ORDERS, 1)), axis=1)
    dealt = centred[np.arange(len(COLOURS)), orders].sum(axis=1)
    return float((np.count_nonzero(dealt >= np.trace(centred) - 1e-12) + 1) / (ORDERS + 1))


def _plain(colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), colour).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()

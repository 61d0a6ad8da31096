"""Sentences for what is not wanted, and how much more a picture looks like them than like a photograph.

Every class is an ensemble of sentences whose vectors are averaged (as CLIP's zero-shot classifiers are), so
that no single wording decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PromptClass:
    """A kind of picture and sentences that describe it."""

    name: str
    sentences: tuple[str, ...]


CLASSES: tuple[PromptClass, ...] = (
    PromptClass(
        "screenshot",
        (
            "a screenshot of a website",
            "a screenshot of a phone app",
            "a screenshot of a computer desktop",
            "a screen capture of a chat conversation",
        ),
    ),
    PromptClass(
        "document",
        (
            "a scanned document",
            "a page of printed text",
            "a receipt",
            "a filled-in form",
            "a slide of a presentation",
        ),
    ),
    PromptClass(
        "meme",
        ("an internet meme", "a funny picture with large white caption text", "an image macro with a joke"),
    ),
    PromptClass(
        "collage",
        ("a collage of several photos", "a grid of pictures", "several photos put together in one image"),
    ),
    PromptClass(
        "illustration",
        (
            "an illustration",
            "a cartoon drawing",
            "a 3D computer render",
            "an anime picture",
            "a painting",
            "vector clip art",
        ),
    ),
    PromptClass("blank", ("a blank image", "an empty frame of one plain color", "a completely black picture")),
    PromptClass(
        "watermark",
        ("a stock photo with a watermark across it", "a picture with a large logo over it"),
    ),
    PromptClass(
        "product_shot",
        ("a product photo on a white background", "a catalog picture of an item for sale", "a packshot"),
    ),
    PromptClass(
        "nudity",
        ("a photo of a naked person", "a nude photo", "a pornographic picture", "an erotic photo"),
    ),
    PromptClass(
        "gore",
        (
            "a photo of a bloody wound",
            "a picture of a mutilated body",
            "a photo of a corpse",
            "a graphic picture of violence",
        ),
    ),
)

ORDINARY = PromptClass(
    "ordinary",
    (
        "a photo",
        "a photograph taken with a camera",
        "a snapshot of everyday life",
        "a landscape photo",
        "a portrait photo of a dressed person",
        "a photo of an animal",
        "a photo of food",
        "a photo of a building",
    ),
)


def known_classes() -> tuple[str, ...]:
    """Names of the ready classes."""
    return tuple(known.name for known in CLASSES)


def ensembles(
    classes: Sequence[str], prompts: Sequence[str], embed_text: Callable[[Sequence[str]], Vectors]
) -> Vectors:
    """One unit vector per class (the mean of its sentences) and per prompt.

    Parameters
    ----------
    classes : sequence of str
        Names out of `known_classes`.
    prompts : sequence of str
        Sentences that stand for themselves.
    embed_text : callable
        From sentences to unit vectors, shape (n, d).

    Returns
    -------
    ndarray of float32, shape (len(classes) + len(prompts), d)
    """
    groups = [known.sentences for name in classes for known in CLASSES if known.name == name]
    groups += [(prompt,) for prompt in prompts]
    means = np.stack([embed_text(group).astype(np.float64).mean(axis=0) for group in groups])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)


def margins(vectors: Vectors, wanted: Vectors, against: Vectors) -> npt.NDArray[np.float64]:
    """Largest cosine to what is looked for, less the largest to the opposite.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Pictures, L2-normalised.
    wanted, against : ndarray of float32, shape (k, d) and (m, d)

    Returns
    -------
    ndarray of float64, shape (n,)
        -2 to 2.
    """
    towards = (vectors @ wanted.T).max(axis=1)
    away = (vectors @ against.T).max(axis=1)
    return np.asarray(towards - away, dtype=np.float64)

"""Concepts of a release's photos by the settings' model, or the sentence that says why there are none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from flows.context import Run
from flows.embedders import make_embedder, space_name, why_no_text
from flows.learning.release import Published
from schemas.errors import MissingWeights

if TYPE_CHECKING:
    from curation.embedding.concepts import WithText


@dataclass(frozen=True)
class Concepts:
    """What a photo is near to.

    Attributes
    ----------
    scores : dict of str to ndarray of float64, shape (n,)
        Differences of cosines, by concept; empty where there are none.
    why_none : str
        Why there are none: a sentence; empty where there are some.
    """

    scores: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    why_none: str = ""


def concepts_of_photos(run: Run, published: Published) -> Concepts:
    """Concept scores of the photos of a release.

    They need the model of the release's vectors, with a text half that is here and knows what pictures show.
    """
    settings, phrases = run.settings.embed, run.settings.learn.concepts
    if not phrases:
        return Concepts(why_none="No concepts: learn.concepts names none.")
    try:
        space = space_name(settings)
        silent = why_no_text(settings)
    except MissingWeights as error:
        return Concepts(why_none=f"No concepts: {error}")
    if space != published.model:
        return Concepts(why_none=f"No concepts: vectors are of {published.model}, the settings' embedder is {space}.")
    if silent:
        return Concepts(why_none=f"No concepts: {silent}.")
    from curation.embedding.concepts import LEVEL, chance_of_colours, concept_scores, concepts_of

    embedder = cast("WithText", make_embedder(settings))
    if (chance := chance_of_colours(embedder)) > LEVEL:
        return Concepts(
            why_none=f"No concepts: the text half of {space} does not tell plain colours (p = {chance:.2g}), so what "
            "it says of photos would mean nothing."
        )
    return Concepts(concept_scores(published.vectors, concepts_of(phrases), embedder))

"""What is learnt from a release."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart

CONCEPTS = (
    "a sharp photo / a blurry photo",
    "a bright photo / a dark photo",
    "a colourful photo / a dull photo",
    "a black and white photo / a colour photo",
    "warm light / cold light",
    "a photo with a blurred background / a photo that is sharp everywhere",
    "a tidy composition / a cluttered composition",
    "a symmetrical composition / an asymmetrical composition",
    "a close-up / a wide view",
    "a professional photo / a snapshot",
    "a calm scene / a hectic scene",
    "a happy scene / a sad scene",
    "a landscape",
    "mountains",
    "water",
    "a sunset",
    "plants and flowers",
    "an animal",
    "a person",
    "a face",
    "a group of people",
    "food",
    "a building",
    "a street",
    "a vehicle",
    "a room",
    "litter and decay",
    "violence",
    "text and signs",
)


class LearnSettings(SettingsPart):
    """`[learn]`"""

    model: str = Field(
        "", description="Model whose vectors heads are trained on; empty: the one with vectors of most photos."
    )
    shots: tuple[int, ...] = Field(
        (0, 10, 50, 100), description="Ratings of a person that personal taste is learnt from, where there are enough."
    )
    draws: int = Field(1000, ge=100, le=100_000, description="Draws of every bootstrap interval.")
    clusters: int = Field(4, ge=2, le=20, description="Clusters of taste that are described, where raters suffice.")
    taste_dimensions: int = Field(
        40, ge=2, le=200, description="Directions of the embedding along which raters may differ from each other."
    )
    concepts: tuple[str, ...] = Field(
        CONCEPTS,
        description="Concepts that may go with the score, where the model has a text half: a phrase, or a phrase and "
        "its opposite parted by ' / '.",
    )
    seed: int = Field(0, ge=0, description="Start of every random draw.")

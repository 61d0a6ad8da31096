"""What is learnt from a release."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


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
    seed: int = Field(0, ge=0, description="Start of every random draw.")

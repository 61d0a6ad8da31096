"""What counts as the same photo."""

from __future__ import annotations

from pydantic import Field

from schemas.codes import SemanticPolicy
from schemas.settings.base import SettingsPart


class DedupeSettings(SettingsPart):
    """`[dedupe]`"""

    radius: int = Field(
        10, ge=0, le=16, description="Pairs whose 64-bit fingerprints differ in at most so many bits are looked at."
    )
    least_measure: float = Field(
        0.7,
        ge=0,
        le=1,
        description="From this figure of the second look on, two pictures may be the same photograph (0 to 1).",
    )
    least_agreeing: float = Field(
        0.65,
        ge=0,
        le=1,
        description="Share of a picture's blocks that must be alike and in their place as well; retouching costs some.",
    )
    mirrored_is_same: bool = Field(True, description="A mirrored copy is the same photo: one of the two is rated.")
    turned_is_same: bool = Field(True, description="A copy turned by 90, 180 or 270 degrees is the same photo.")
    semantic: SemanticPolicy = Field(
        SemanticPolicy.OFF,
        description="Photos alike in the [embed] model's space without being one picture: off, report (found and "
        "shown), or leave_out (one of each group is rated).",
    )
    semantic_distance: float = Field(
        0.03, ge=0, le=1, description="Largest 1 - cosine of two such photos; each model has its own scale, so look."
    )
    burst_seconds: float = Field(
        3.0, ge=0, description="Photos of one camera at most so far apart, and alike, are one burst; 0 finds none."
    )
    burst_radius: int = Field(20, ge=0, le=32, description="Bits by which neighbouring frames of a burst may differ.")
    shard: int = Field(2000, ge=1, le=100_000, description="Photos or pairs whose results one commit holds.")

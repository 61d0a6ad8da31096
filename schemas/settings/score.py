"""How ratings become scores."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.settings.base import SettingsPart


class ScoreSettings(SettingsPart):
    """`[score]`"""

    method: Literal["two_way", "p910", "mos"] = Field(
        "two_way", description="Score that a release carries: two_way, p910 or mos. All three are worked out."
    )
    question: str = Field(
        "beauty", description="Question of imported ratings where neither a column nor --question says it."
    )
    p910_interval: Literal["eq6", "residual"] = Field(
        "eq6",
        description="Interval of p910: eq6 (P.910 Annex E, equation 6) or residual (the reference demo's, "
        "from the residuals of each photo).",
    )
    half_splits: int = Field(200, ge=100, description="Random halves of the raters for split-half reliability.")
    bootstrap: int = Field(400, ge=100, description="Resamples of photos for the intervals of reliability figures.")
    seed: int = Field(0, description="Seed of every random draw of this stage.")

"""How ratings become scores."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.settings.base import SettingsPart


class ScreeningSettings(SettingsPart):
    """Checks of attention and self-consistency, fixed before the analysis. A limit of 0 is off."""

    name: str = Field(
        "",
        description="Name with a version, such as attention@1; empty: nobody is screened. New limits, new name.",
    )
    least_median_seconds: float = Field(0, ge=0, description="Raters whose median response is faster are left out.")
    longest_run: int = Field(0, ge=0, description="Raters with more equal votes in a row are left out.")
    modal_share: float = Field(
        0, ge=0, le=1, description="Raters who gave one value in a larger share of their votes are left out."
    )
    repeat_error: float = Field(
        0, ge=0, description="Raters whose repeated votes differ by more (SD of differences / sqrt 2, scale units)."
    )
    anchor_hits: float = Field(
        0, ge=0, le=1, description="Raters with a smaller share of anchor votes in the accepted range are left out."
    )
    least_votes: int = Field(20, ge=1, description="Votes below which modal_share rejects nobody.")
    least_repeats: int = Field(5, ge=2, description="Repeats below which repeat_error rejects nobody.")
    least_anchors: int = Field(5, ge=1, description="Anchors below which anchor_hits rejects nobody.")


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
    screening: ScreeningSettings = Field(
        ScreeningSettings(), description="Raters left out; scores are worked out with and without it."
    )
    ordinal: bool = Field(
        True, description="Compare the order of photos with that of a cumulative model (scales of up to 21 steps)."
    )
    rater_draws: int = Field(
        0,
        ge=0,
        description="Samples of whole raters for intervals that speak of new raters (panel_low, panel_high); 0: none. "
        "Each costs one fit of the release default.",
    )
    half_splits: int = Field(200, ge=100, description="Random halves of the raters for split-half reliability.")
    bootstrap: int = Field(400, ge=100, description="Resamples of photos for the intervals of reliability figures.")
    seed: int = Field(0, description="Seed of every random draw of this stage.")

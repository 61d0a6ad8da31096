"""What is asked, of whom, how often."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import Field, field_validator

from schemas.protocols import NAME_PATTERN, Protocol
from schemas.settings.base import SettingsPart


class Queue(StrEnum):
    """How pictures reach raters."""

    SHARED = "shared_queue"
    """One project; Label Studio hands every picture to `overlap` raters."""
    PER_RATER = "project_per_rater"
    """A project per rater with an order of its own: what a study needs."""


class StudySettings(SettingsPart):
    """`[study]`"""

    protocol: str = Field("acr-5", description="Name of the protocol that select and send use.")
    protocols: dict[str, Protocol] = Field(
        {}, description="Protocols of your own, one table [study.protocols.NAME] each; docs/protocols.md."
    )
    batch_size: int = Field(500, ge=1, description="Photos of a batch where none are asked for with --n.")
    queue: Queue = Field(
        Queue.SHARED,
        description="shared_queue: one project for all; project_per_rater: an order of its own for each rater.",
    )
    overlap: int = Field(15, ge=1, le=1000, description="Votes wanted per photo; docs/study.md says how many to want.")
    raters: int = Field(0, ge=0, le=5000, description="Raters of a project_per_rater design; at least the overlap.")
    random_share: float = Field(
        0.18, ge=0, le=1, description="Share of a batch that is a simple random sample of what the rest leaves over."
    )
    audit_share: float = Field(
        0.02,
        ge=0,
        le=0.5,
        description="Share of a batch taken at random from what the filter rejected, in equal parts by rule.",
    )
    audit_never: tuple[str, ...] = Field(
        ("unsafe", "nudity", "gore", "nsfw"),
        description="Photos rejected by a rule whose name holds one of these words are never shown to anyone.",
    )
    strata: tuple[str, ...] = Field(
        ("brightness", "colorfulness", "sharpness"),
        description="Image properties whose joint bins are the strata of a selection.",
    )
    strata_bins: int = Field(3, ge=1, le=10, description="Bins of equal width per property of `strata`.")
    flatten: tuple[str, ...] = Field(
        ("brightness", "contrast", "colorfulness", "saturation", "sharpness", "entropy"),
        description="Image properties whose histograms a selection makes flat, so that the tails are filled.",
    )
    head: str = Field(
        "",
        description="A head that `salon learn` wrote (heads/.../kernel.npz): part of a batch is then what would teach "
        "it most; docs/learning.md.",
    )
    informed_share: float = Field(
        0.4, ge=0, le=0.8, description="Share of a batch that `head` chooses; never in a test split."
    )
    max_per_photographer: int = Field(50, ge=0, description="Most photos of one photographer; 0 is no limit.")
    max_per_burst: int = Field(1, ge=0, description="Most photos of one burst; 0 is no limit.")
    repeats: float = Field(
        0.08,
        ge=0,
        le=0.5,
        description="Hidden repeats as a share of a rater's photos; none in lists too short.",
    )
    repeat_gap: int = Field(20, ge=1, description="Least distance in tasks between a photo and its hidden repeat.")
    stabilising: int = Field(5, ge=0, description="First tasks of a rater that are not analysed (project_per_rater).")
    anchors: tuple[str, ...] = Field(
        (), description="Photos that every rater sees (photo_id, URI or file name): they link scales and show drift."
    )
    training: tuple[str, ...] = Field(
        (), description="Photos that every rater sees first and that are never analysed; none of the study's own."
    )
    pairs_per_photo: int = Field(6, ge=2, description="Pairwise: pairs that a photo is part of; an even number.")
    seed: str = Field("salon", min_length=1, description="Word that every random choice of the study starts from.")
    seconds_per_vote: float = Field(8.0, gt=0, description="Time of one vote, until ratings tell it.")
    sd: float = Field(0.9, gt=0, description="Standard deviation of votes on one photo, until ratings tell it.")
    hourly_pay: float = Field(15.0, ge=0, description="Pay per rater and hour, for the estimate of costs.")
    currency: str = Field("EUR", description="Currency of `hourly_pay`.")

    @field_validator("protocols")
    @classmethod
    def _names(cls, value: dict[str, Protocol]) -> dict[str, Protocol]:
        for name in value:
            if not re.fullmatch(NAME_PATTERN, name):
                raise ValueError(f"'{name}' is no name: lower-case letters, digits, '-', '_' and '.'")
        return value

    @field_validator("pairs_per_photo")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("an even number is expected, so that every photo is as often left as right")
        return value

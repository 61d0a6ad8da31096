"""What raters are asked: the definition of a protocol, as declared in `salon.toml`, and its version.

A protocol is data. `labeling.protocols` turns it into a Label Studio configuration and reads answers back.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MARKUP_VERSION = 2
"""Raised when the generated configuration changes what raters see or what their answers mean."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
MOST_STEPS = 10
"""Every step of a scale has a key of its own: 1 to 9, and 0 for the tenth."""

STAR_STEPS = 5


class ProtocolKind(StrEnum):
    """How the question is put."""

    STEPS = "steps"
    """A category scale, such as ACR-5 or 1 to 10."""
    SLIDER = "slider"
    """A continuous scale."""
    PAIRWISE = "pairwise"
    """Two photos side by side: left, right, or a tie."""
    BEST_FRAME = "best_frame"
    """The best of several frames of a burst."""


class Problem(StrEnum):
    """The way out: why a task has no score."""

    CANNOT_RATE = "cannot_rate"
    NOT_A_PHOTO = "not_a_photo"
    REPORT = "report"
    """Something that nobody should have to see."""


class Attribute(StrEnum):
    """Qualities that may be asked for beside the overall score, in stars from 1 to 5."""

    COMPOSITION = "composition"
    LIGHT = "light"
    COLOR = "color"
    SUBJECT = "subject"
    TECHNICAL_QUALITY = "technical_quality"


@dataclass(frozen=True)
class Scale:
    """A scale: its id in the tables, its ends, and the distance of its steps (0 for none)."""

    id: str
    low: float
    high: float
    step: float

    def accepts(self, value: float) -> bool:
        """Whether a vote can have this value."""
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return False
        return self.step == 0 or ((value - self.low) / self.step).is_integer()


@dataclass(frozen=True)
class Question:
    """One thing that a protocol asks; `name` stands in the column `question`."""

    name: str
    wording: str
    scale: Scale
    required: bool


STARS = Scale("stars-5", 1, STAR_STEPS, 1)


class Protocol(BaseModel):
    """`[study.protocols.NAME]`"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    like: str = Field("", description="Name of a protocol whose fields count where this one says nothing.")
    kind: ProtocolKind = Field(ProtocolKind.STEPS, description="steps, slider, pairwise or best_frame.")
    question: str = Field("beauty", pattern=r"^[a-z][a-z0-9_]{0,62}$", description="Name of the question in tables.")
    wording: str = Field("How beautiful is this photo?", min_length=3, description="The question as raters read it.")
    language: str = Field("en", description="Language of all texts, as a BCP 47 tag.")
    low: int = Field(1, description="Lowest step, or lower end of the slider.")
    high: int = Field(5, description="Highest step, or upper end of the slider.")
    labels: tuple[str, ...] = Field((), description="A word per step, lowest first; or two, for the ends; or none.")
    attributes: tuple[Attribute, ...] = Field(
        (), description="Asked in stars beside the score: composition, light, color, subject, technical_quality."
    )
    attributes_required: bool = Field(True, description="A vote without all attributes cannot be submitted.")
    reasons: tuple[str, ...] = Field((), description="Short reasons that a rater may tick beside the score.")
    tie: bool = Field(True, description="Pairwise: 'equally good' is an answer.")
    frames: int = Field(3, ge=2, le=6, description="Best frame: photos shown at once; longer bursts are thinned to it.")
    instructions: str = Field(
        "Look at the photo as a whole and answer spontaneously: there are no wrong answers, and nobody sees "
        "the answers of others.",
        description="What raters read first.",
    )
    consent: str = Field(
        "I take part of my own will and may stop at any time without giving a reason. My answers are stored under "
        "a pseudonym, are used for research, and may be published in that form. I may ask for them to be deleted.",
        description="What raters agree to; its version is stored with every profile.",
    )
    allow_predictions: bool = Field(
        False, description="Scores of a model may be shown as suggestions; they bias raters, and are recorded."
    )

    @field_validator("attributes", "reasons", "labels")
    @classmethod
    def _no_doubles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value) or any(not part.strip() for part in value):
            raise ValueError("entries must differ and must not be empty")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Protocol:
        if self.like:  # checked once the other protocol's fields are in
            return self
        if self.low >= self.high:
            raise ValueError(f"'low' must be below 'high', got {self.low} and {self.high}")
        steps = self.high - self.low + 1
        if self.kind is ProtocolKind.STEPS and steps > MOST_STEPS:
            raise ValueError(f"a scale in steps has at most {MOST_STEPS}, got {steps}; use kind = 'slider'")
        if self.labels and len(self.labels) not in (2, steps):
            raise ValueError(f"'labels' needs {steps} words (one per step) or 2 (the ends), got {len(self.labels)}")
        if self.question in set(self.attributes) | RESERVED_CONTROLS:
            raise ValueError(f"'question' cannot be '{self.question}': that name is taken by another control")
        return self

    @property
    def version(self) -> str:
        """Hash of all that raters see and that answers mean: 16 hex digits."""
        content = self.model_dump(mode="json", exclude={"like"})
        text = json.dumps({"markup": MARKUP_VERSION, **content}, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def consent_version(self) -> str:
        """Hash of the consent text: 16 hex digits."""
        return hashlib.sha256(self.consent.encode()).hexdigest()[:16]

    @property
    def is_comparison(self) -> bool:
        """Answers go to the table comparisons, not to ratings."""
        return self.kind in (ProtocolKind.PAIRWISE, ProtocolKind.BEST_FRAME)

    @property
    def scale(self) -> Scale:
        """The scale of the overall score; only where the protocol is no comparison."""
        if self.kind is ProtocolKind.SLIDER:
            return Scale(f"slider-{self.low}-{self.high}", self.low, self.high, 1)
        is_acr = (self.low, self.high) == (1, 5) and len(self.labels) == 5
        return Scale("acr-5" if is_acr else f"{self.low}-{self.high}", self.low, self.high, 1)

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions that end as ratings: the overall score first, then the attributes."""
        if self.is_comparison:
            return ()
        overall = Question(self.question, self.wording, self.scale, required=True)
        more = (
            Question(name.value, name.value.replace("_", " ").capitalize(), STARS, self.attributes_required)
            for name in self.attributes
        )
        return (overall, *more)

    @property
    def picture_keys(self) -> tuple[str, ...]:
        """The keys of a task's data that hold picture addresses, in the order of the task's photos."""
        if self.kind is ProtocolKind.PAIRWISE:
            return ("left", "right")
        if self.kind is ProtocolKind.BEST_FRAME:
            return tuple(f"frame{number}" for number in range(1, self.frames + 1))
        return ("image",)


PROBLEM_CONTROL = "problem"
REASONS_CONTROL = "reasons"
RESERVED_CONTROLS = frozenset({PROBLEM_CONTROL, REASONS_CONTROL, "image", "left", "right", "key"})

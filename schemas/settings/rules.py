"""Filter rules as they stand in `salon.toml`, one model per kind.

Every rule that measures something is held against `at_least` and `at_most`; a rule without a name of its own
kind would be a second way to say the same, so there is none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.settings.base import SettingsPart


class Missing(StrEnum):
    """What becomes of a photo for which a rule has nothing to look at."""

    KEEP = "keep"
    DROP = "drop"


class RuleBase(SettingsPart):
    """What all rules share."""

    enabled: bool = Field(True, description="False: the rule is not applied.")
    if_possible: bool = Field(
        False, description="Where the rule cannot be evaluated (no text half, ...), say so and go on without it."
    )
    missing: Missing = Field(Missing.KEEP, description="keep or drop photos that the rule has nothing to look at for.")


class ScoredRule(RuleBase):
    """A rule that measures a score and holds it against limits."""

    at_least: float | None = Field(None, description="Photos with a smaller score are dropped.")
    at_most: float | None = Field(None, description="Photos with a larger score are dropped.")

    @model_validator(mode="after")
    def _has_a_limit(self) -> ScoredRule:
        if self.enabled and self.at_least is None and self.at_most is None:
            raise ValueError("a rule needs at_least or at_most")
        return self


class RangeRule(ScoredRule):
    """A number that is known of the photo lies in a range."""

    kind: Literal["range"] = "range"
    measure: str = Field(
        description="A numeric column of properties or photos, or short_side, long_side, megapixels, elongation."
    )


class ValuesRule(RuleBase):
    """A text that is known of the photo is allowed, such as its licence."""

    kind: Literal["values"] = "values"
    column: str = Field(description="A text column of photos, such as license, camera_model, digital_source_type.")
    allow: tuple[str, ...] = Field((), description="Only these values pass (* stands for anything); empty: all.")
    refuse: tuple[str, ...] = Field((), description="These values do not pass (* stands for anything).")


class PromptRule(ScoredRule):
    """The picture looks more like some sentences than like others (needs a model with a text half)."""

    kind: Literal["prompt"] = "prompt"
    classes: tuple[str, ...] = Field((), description="Ready ensembles of sentences; docs/filter.md lists them.")
    prompts: tuple[str, ...] = Field((), description="Sentences of your own for what is looked for.")
    against: tuple[str, ...] = Field((), description="Sentences for the opposite; empty: ordinary photographs.")

    @model_validator(mode="after")
    def _has_prompts(self) -> PromptRule:
        if self.enabled and not self.classes and not self.prompts:
            raise ValueError("a prompt rule needs classes or prompts")
        return self


class ExemplarRule(ScoredRule):
    """The picture is like one of these: at_most drops what is like them, at_least keeps only what is."""

    kind: Literal["exemplars"] = "exemplars"
    like: tuple[str, ...] = Field(min_length=1, description="Photos, by photo_id, URI, file name, or name without end.")


class TypicalityRule(ScoredRule):
    """Distance to the crowd or the k-th neighbour, in robust deviations from the median: at_most drops outliers."""

    kind: Literal["typicality"] = "typicality"
    neighbours: int = Field(
        0, ge=0, description="0: distance to what most are; k: to the k-th nearest (finds photos that stand alone)."
    )
    reference: int = Field(20000, ge=100, description="Photos, chosen by hash, among which neighbours are looked for.")


class HeadRule(ScoredRule):
    """A head on the embedding predicts a score, such as LAION's aesthetic predictors."""

    kind: Literal["head"] = "head"
    file: str = Field(description="The head's arrays, an .npz or .safetensors file.")
    model: str = Field("", description="The model it was trained on; empty: known from the file's name.")


class FacesRule(ScoredRule):
    """Number of faces found on the canonical picture (for privacy; not every face is found)."""

    kind: Literal["faces"] = "faces"


class CapRule(RuleBase):
    """No more than so many photos of one photographer, camera, burst or scene; which ones stay is drawn by hash."""

    kind: Literal["cap"] = "cap"
    per: Literal["photographer", "camera", "burst", "scene"] = Field(description="What photos are counted by.")
    most: int = Field(ge=1, description="Photos that may stay of each.")
    similarity: float = Field(0.9, ge=-1, le=1, description="Cosine from which photos are one scene.")


Rule = Annotated[
    RangeRule | ValuesRule | PromptRule | ExemplarRule | TypicalityRule | HeadRule | FacesRule | CapRule,
    Field(discriminator="kind"),
]

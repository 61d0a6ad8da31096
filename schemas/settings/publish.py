"""What a release holds, and its gates."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from schemas.settings.base import SettingsPart


class Images(StrEnum):
    """Which bytes of a photo are published."""

    ORIGINAL = "original"
    """The original file with its metadata removed; a rendition where readers may not open the format."""
    RENDITION = "rendition"
    """Upright, sRGB, JPEG, no larger than the settings say."""


class Pseudonyms(StrEnum):
    """Whether raters can be followed from one dataset to another."""

    RELEASE = "release"
    """A rater has another pseudonym in every dataset (and the same in all versions of one)."""
    WAREHOUSE = "warehouse"
    """The warehouse's own pseudonyms."""


class Config(StrEnum):
    """Configurations beside `default`, which is always there."""

    SCORES = "scores"
    RATINGS = "ratings"
    RATERS = "raters"
    PAIRS = "pairs"
    EMBEDDINGS = "embeddings"
    FEWSHOT = "fewshot"


class GateSettings(SettingsPart):
    """`gates` of `[publish]`; 0 switches a gate off. No leak, no location, no secret: always on."""

    least_n: int = Field(0, ge=0, description="Least number of counted ratings of every photo.")
    widest_interval: float = Field(0.0, ge=0, description="Widest 95 % interval of any score, in scale units.")
    least_reliability: float = Field(0.0, ge=0, le=1, description="Least reliability ICC(1,k) of the mean score.")
    least_stratum_reliability: float = Field(0.0, ge=0, le=1, description="The same within every stratum.")
    licences_known: float = Field(0.0, ge=0, le=1, description="Least share of photos whose licence is known.")
    unreadable: int = Field(0, ge=0, description="Most photos whose original can no longer be read.")


class PublishSettings(SettingsPart):
    """`[publish]`"""

    seed: str = Field("salon", description="Word that the hash of groups into splits starts from.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the groups in the validation split.")
    test: float = Field(0.1, ge=0, lt=1, description="Share of the groups in the test split.")
    session_gap_minutes: float = Field(
        10.0, ge=0, description="Photos of one camera this close in time stay together; 0: time links nothing."
    )
    large_group: float = Field(0.2, gt=0, le=1, description="A group with more than this share is named.")
    question: str = Field("", description="Question of the plain columns; empty: the one with most ratings.")
    configs: tuple[Config, ...] = Field(tuple(Config), description="Configurations beside default.")
    images: Images = Field(Images.ORIGINAL, description="original (metadata removed) or rendition.")
    rendition_short_side: int = Field(
        0, ge=0, description="Short side of renditions in pixels; 0 keeps the original's size."
    )
    rendition_quality: int = Field(95, ge=50, le=100, description="JPEG quality of renditions.")
    row_group_mb: int = Field(64, ge=1, le=100, description="Most megabytes of pictures in a row group.")
    shard_mb: int = Field(480, ge=1, le=5000, description="Megabytes of pictures after which a new file begins.")
    pseudonyms: Pseudonyms = Field(Pseudonyms.RELEASE, description="release or warehouse.")
    k_anonymity: int = Field(5, ge=2, description="Demographics stand only in groups of at least this many raters.")
    fewshot_shots: tuple[int, ...] = Field((10, 100), description="Support ratings of a few-shot episode.")
    fewshot_least_query: int = Field(5, ge=1, description="Least query ratings of a few-shot episode.")
    known_licences: tuple[str, ...] = Field(
        (), description="Licence texts, word for word, that you vouch for beside those that Salon knows."
    )
    opted_out_because: str = Field(
        "", description="Why photos with an opt-out signal may be published all the same; empty: they stay out."
    )
    folder: str = Field("", description="Folder of releases; empty: releases/ under the warehouse.")
    title: str = Field("", description="Title on the card; empty: the dataset's name.")
    description: str = Field("", description="What the dataset is about, in a few sentences.")
    authors: tuple[str, ...] = Field((), description="People to cite, as 'Family, Given'.")
    homepage: str = Field("", description="Address of the dataset's page.")
    contact: str = Field("", description="Whom to write to, for questions and takedown.")
    license: str = Field("", description="Licence of the compilation, as an SPDX id; photos keep their own.")
    wordings: dict[str, str] = Field(
        {}, description="Wording of questions whose ratings were imported, by question, as raters read it."
    )
    language: str = Field("en", description="Language of the questions, as an ISO 639-1 code.")
    gates: GateSettings = Field(GateSettings(), description="What a release must reach.")

    @model_validator(mode="after")
    def _shares_leave_room_for_training(self) -> PublishSettings:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave room for training: expected a sum below 1")
        return self

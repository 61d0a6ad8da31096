"""Settings: one `salon.toml`, read once into frozen models, passed down in parts.

Each part lives in a file of its own and is one table of the file. Every field has a default and a
description; `salon init` writes the file from them, and `docs/settings.md` lists them.
Secrets are never settings: they come from the environment alone.
"""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart
from schemas.settings.dedupe import DedupeSettings
from schemas.settings.embed import EmbedSettings
from schemas.settings.filter import FilterSettings
from schemas.settings.ingest import IngestSettings
from schemas.settings.labelstudio import LabelStudioSettings
from schemas.settings.learn import LearnSettings
from schemas.settings.publish import PublishSettings
from schemas.settings.run import RunSettings
from schemas.settings.schedule import ScheduleSettings
from schemas.settings.score import ScoreSettings
from schemas.settings.study import StudySettings

__all__ = [
    "DedupeSettings",
    "EmbedSettings",
    "FilterSettings",
    "IngestSettings",
    "LabelStudioSettings",
    "LearnSettings",
    "PublishSettings",
    "RunSettings",
    "ScheduleSettings",
    "ScoreSettings",
    "Settings",
    "SettingsPart",
    "StudySettings",
]


class Settings(SettingsPart):
    """All of `salon.toml`."""

    run: RunSettings = Field(RunSettings(), description="Where the work of a stage is done.")
    ingest: IngestSettings = Field(IngestSettings(), description="How photos are taken in.")
    dedupe: DedupeSettings = Field(DedupeSettings(), description="What counts as the same photo.")
    embed: EmbedSettings = Field(EmbedSettings(), description="The model whose space is used.")
    filter: FilterSettings = Field(FilterSettings(), description="What people will not be asked about.")
    study: StudySettings = Field(StudySettings(), description="What is asked, of whom, how often.")
    labelstudio: LabelStudioSettings = Field(LabelStudioSettings(), description="Where people rate.")
    score: ScoreSettings = Field(ScoreSettings(), description="How ratings become scores.")
    publish: PublishSettings = Field(PublishSettings(), description="What a release holds, and its gates.")
    learn: LearnSettings = Field(LearnSettings(), description="What is learnt from a release.")
    schedule: ScheduleSettings = Field(ScheduleSettings(), description="When `salon serve` runs what.")

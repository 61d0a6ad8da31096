"""When `salon serve` runs what, and who is told."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.settings.base import SettingsPart

CRON_FIELDS = 5


def _cron(text: str) -> str:
    """Five fields, or nothing at all."""
    if text and len(text.split()) != CRON_FIELDS:
        raise ValueError(f"expected five fields such as '0 2 * * *', or nothing, got '{text}'")
    return text


Cron = Annotated[str, AfterValidator(_cron)]


class ScheduleSettings(SettingsPart):
    """`[schedule]`"""

    sources: tuple[str, ...] = Field((), description="Sources that the scheduled curate takes photos from.")
    releases: tuple[str, ...] = Field((), description="Names of the datasets that the scheduled publish makes.")
    timezone: str = Field("UTC", description="Time zone of all schedules.")
    curate: Cron = Field("0 2 * * *", description="Cron of curate: nightly; empty: never. Needs sources.")
    collect: Cron = Field("*/10 * * * *", description="Cron of collect: every ten minutes; empty: never.")
    score: Cron = Field("0 4 * * 1", description="Cron of score: weekly; empty: never.")
    publish: Cron = Field("0 5 * * 1", description="Cron of publish: weekly, as a draft; empty: never. Needs releases.")
    maintain: Cron = Field("0 3 * * 0", description="Cron of maintain (compaction, vacuum): weekly; empty: never.")
    longest_hours: float = Field(
        24.0, ge=0, description="A scheduled run that takes longer is ended, and the next one goes on; 0: never."
    )
    team: bool = Field(
        False, description="Several machines share one Prefect server: one that keeps its records in SQLite is refused."
    )
    notify: str = Field(
        "", description="Command that is told of failed and refused runs: it gets one JSON object on standard input."
    )
    retention_hours: int = Field(
        168, ge=0, description="Maintain keeps unneeded table files this long, for readers and writers at work."
    )
    compact_from: int = Field(16, ge=2, description="Maintain puts a table's files together from this many on.")

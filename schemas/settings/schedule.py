"""When `salon serve` runs what."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class ScheduleSettings(SettingsPart):
    """`[schedule]`"""

    curate: str = Field("0 2 * * *", description="Cron of curate; empty: never.")

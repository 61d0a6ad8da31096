"""How ratings become scores."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class ScoreSettings(SettingsPart):
    """`[score]`"""

    method: str = Field("two_way", description="Score that a release carries: two_way, p910 or mos.")

"""Where people rate."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class LabelStudioSettings(SettingsPart):
    """`[labelstudio]`"""

    url: str = Field(
        "", description="Address of an existing Label Studio; empty: the one that `salon labelstudio up` starts."
    )

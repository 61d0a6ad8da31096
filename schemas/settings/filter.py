"""What people will not be asked about."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class FilterSettings(SettingsPart):
    """`[filter]`"""

    min_short_side: int = Field(256, ge=64, description="Least short side in pixels of a photo that people rate.")

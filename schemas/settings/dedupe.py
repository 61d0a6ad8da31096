"""What counts as the same photo."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class DedupeSettings(SettingsPart):
    """`[dedupe]`"""

    radius: int = Field(7, ge=0, le=16, description="Hamming radius in bits within which pairs are looked at.")

"""What a release holds, and its gates."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class PublishSettings(SettingsPart):
    """`[publish]`"""

    seed: str = Field("salon", description="Word that the hash of groups into splits starts from.")

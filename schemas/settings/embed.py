"""The model whose space is used."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class EmbedSettings(SettingsPart):
    """`[embed]`"""

    embedder: str = Field(
        "descriptor", description="descriptor, open_clip:MODEL/TAG, open_clip:MODEL@FILE or open_clip:local-dir:FOLDER."
    )

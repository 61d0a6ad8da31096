"""How photos are taken in."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class IngestSettings(SettingsPart):
    """`[ingest]`"""

    properties: str = Field("default", description="Image properties to measure: default or full.")
    shard: int = Field(2000, ge=1, description="Photos per shard: what one commit holds, and one kill can cost.")
    workers: int = Field(0, ge=0, description="Decoding processes; 0 is one per core.")

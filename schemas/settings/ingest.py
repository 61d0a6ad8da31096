"""How photos are taken in."""

from __future__ import annotations

from pydantic import Field

from schemas.properties import PropertySet
from schemas.settings.base import SettingsPart


class IngestSettings(SettingsPart):
    """`[ingest]`"""

    properties: PropertySet = Field(PropertySet.DEFAULT, description="Image properties to measure: default or full.")
    shard: int = Field(
        2000, ge=1, le=100_000, description="Most photos per shard: what one commit holds, and one kill can cost."
    )
    workers: int = Field(0, ge=0, le=1024, description="Decoding processes; 0 is one per core.")
    timeout_s: float = Field(60.0, gt=0, description="Seconds that one file may take; then it is `timeout`.")
    memory_mb: int = Field(2000, ge=256, description="Megabytes that one decoding process may add while decoding.")
    max_megapixels: int = Field(200, ge=1, description="Files that claim more are `bomb`.")
    max_megabytes: int = Field(500, ge=1, description="Larger files are `too_large` and are not read.")
    min_side: int = Field(64, ge=64, description="Pictures with a shorter side are `too_small`.")
    animated: bool = Field(False, description="Take the first frame of animations instead of refusing them.")
    keep_locations: bool = Field(False, description="Keep latitude and longitude, not only whether there are any.")

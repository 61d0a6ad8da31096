"""How photos are taken in."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.properties import PropertySet
from schemas.settings.base import SettingsPart


class CopyRule(StrEnum):
    """When the bytes of a photo are copied into the warehouse."""

    NEEDED = "needed"
    ALWAYS = "always"
    NEVER = "never"


class IngestSettings(SettingsPart):
    """`[ingest]`"""

    properties: PropertySet = Field(PropertySet.DEFAULT, description="Image properties to measure: default or full.")
    shard: int = Field(
        2000, ge=1, le=100_000, description="Most photos per shard: what one commit holds, and one kill can cost."
    )
    workers: int = Field(0, ge=0, le=1024, description="Decoding processes; 0 is one per core.")
    distant_workers: int = Field(
        0,
        ge=0,
        le=1024,
        description="Processes that read and decode what comes over a network, which is mostly waiting; "
        "0 is eight per core, 64 at most.",
    )
    timeout_s: float = Field(60.0, gt=0, description="Seconds that one file may take; then it is `timeout`.")
    memory_mb: int = Field(2000, ge=256, description="Megabytes that one decoding process may add while decoding.")
    max_megapixels: int = Field(200, ge=1, description="Files that claim more are `bomb`.")
    max_megabytes: int = Field(500, ge=1, description="Larger files are `too_large` and are not read.")
    min_side: int = Field(64, ge=64, description="Pictures with a shorter side are `too_small`.")
    animated: bool = Field(False, description="Take the first frame of animations instead of refusing them.")
    copies: CopyRule = Field(
        CopyRule.NEEDED,
        description="Copy originals into the warehouse: needed (from archives, tables and the web), always or never.",
    )
    web_timeout_s: float = Field(30.0, gt=0, description="Seconds that one try at an address of the web may take.")
    web_tries: int = Field(3, ge=1, le=20, description="Tries at an address, with growing pauses.")
    web_private_addresses: bool = Field(False, description="Also read addresses of this machine and private networks.")
    web_opt_out: tuple[str, ...] = Field(
        ("noai", "noimageai"), description="Words in X-Robots-Tag that keep a file out; TDM-Reservation always does."
    )
    respect_opt_out: bool = Field(
        False, description="Refuse files that say inside that mining is not allowed; else photos.opt_out says so."
    )
    keep_locations: bool = Field(False, description="Keep latitude and longitude, not only whether there are any.")

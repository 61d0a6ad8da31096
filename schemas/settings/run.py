"""Where the work of a stage is done."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.settings.base import SettingsPart


class EngineKind(StrEnum):
    """What runs the shards of a stage."""

    LOCAL = "local"
    """Processes and threads of this machine."""
    RAY = "ray"
    """A Ray cluster, through Prefect's task runner."""


class RunSettings(SettingsPart):
    """`[run]`"""

    engine: EngineKind = Field(
        EngineKind.LOCAL,
        description="local: processes of this machine; ray: a Ray cluster (extra ray), for ingest, dedupe and embed.",
    )
    ray_address: str = Field(
        "",
        description="Address of the cluster's head, such as ray://head:10001; empty: RAY_ADDRESS, else the cluster of "
        "this machine, else one for this run alone.",
    )
    ray_cpus: float = Field(1.0, gt=0, description="Cores that one shard asks Ray for.")
    ray_gpus: float = Field(
        1.0, ge=0, description="GPUs that one shard of embed asks Ray for, where the model can use one and Ray has any."
    )
    ray_restarts: int = Field(4, ge=0, description="Times that a shard is begun again because its node was lost.")

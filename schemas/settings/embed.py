"""The model whose space is used."""

from __future__ import annotations

from pydantic import Field

from schemas.codes import Framing, Precision
from schemas.settings.base import SettingsPart


class EmbedSettings(SettingsPart):
    """`[embed]`"""

    embedder: str = Field(
        "descriptor", description="descriptor, open_clip:MODEL/TAG, open_clip:MODEL@FILE or open_clip:local-dir:FOLDER."
    )
    device: str = Field("auto", description="Where open_clip runs: auto, cpu, cuda, cuda:1, mps, ...")
    precision: Precision = Field(
        Precision.AUTO, description="auto (fastest at cosine .999 to float32), float32, bfloat16 or autocast."
    )
    framing: Framing = Field(
        Framing.MODEL,
        description="What the model sees: model (its own preparation, mostly a crop) or whole (all of the picture, for "
        "networks that take any size; another space).",
    )
    weights_sha256: str = Field(
        "", pattern="^([0-9a-f]{64})?$", description="Checksum that the weights must have; empty: not checked."
    )
    download: bool = Field(
        False, description="Weights named by a tag may be fetched from a model hub; else only what is on this machine."
    )
    batch: int = Field(0, ge=0, description="Pictures per forward pass; 0 suits the device.")
    workers: int = Field(0, ge=0, description="Threads that decode ahead of the model; 0 is one per core.")
    shard: int = Field(2000, ge=1, description="Photos per commit: what one kill can cost.")

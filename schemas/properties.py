"""Quantitative image properties: one row per photo and version of the set.

The measures live in `curation.properties`; names that the Aesthetics Toolbox uses mean what they mean there.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.columns import TableSpec, column


@dataclass(frozen=True, kw_only=True)
class Properties:
    """What was measured on one photo's canonical picture; the full set's columns are null by default."""

    photo_id: str = column("the photo")
    version: str = column("set and version, such as default@1 or full@1")
    brightness: float = column("mean luminance L* / 100, 0 to 1")
    contrast: float = column("standard deviation of L* (RMS contrast)")
    colorfulness: float = column("Hasler and Suesstrunk 2003, about 0 to 150")
    saturation: float = column("mean saturation of HSV, 0 to 1")
    sharpness: float = column("variance of the Laplacian at canonical scale, 0 and up")
    entropy: float = column("Shannon entropy of the luminance histogram, bits, 0 to 8")


PROPERTIES = TableSpec("properties", Properties, ("photo_id", "version"), "Quantitative image properties.")

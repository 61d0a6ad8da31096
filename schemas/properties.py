"""Quantitative image properties: one row per photo and version of the set.

The measures live in `curation.properties`; names that the Aesthetics Toolbox uses mean what they mean there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.columns import TableSpec, column


class PropertySet(StrEnum):
    """Which properties are measured."""

    DEFAULT = "default"
    FULL = "full"

    @property
    def version(self) -> str:
        """What stands in ``properties.version``; the number grows when a value would change."""
        return f"{self.value}@1"


@dataclass(frozen=True, kw_only=True)
class Properties:
    """What was measured on one photo's canonical picture; the full set's columns are null by default."""

    photo_id: str = column("the photo")
    version: str = column("set and version, such as default@1 or full@1")
    brightness: float = column("mean luminance L* / 100, 0 to 1")
    contrast: float = column("standard deviation of L* (RMS contrast), 0 to 50")
    colorfulness: float = column("Hasler and Suesstrunk 2003, about 0 to 150")
    saturation: float = column("mean saturation of HSV, 0 to 1")
    sharpness: float = column("variance of the Laplacian of 8-bit luma at canonical scale, 0 and up")
    entropy: float = column("Shannon entropy of L* in 256 steps up to its maximum, bits, 0 to 8")
    image_size: int = column("width plus height of the upright original, pixels")
    aspect_ratio: float = column("width / height of the upright original")
    clipped_shadows: float = column("share of pixels whose 8-bit luma is 2 or less, 0 to 1")
    clipped_highlights: float = column("share of pixels whose 8-bit luma is 253 or more, 0 to 1")
    mean_a: float = column("mean of CIELAB a* (green to red), about -86 to 98")
    mean_b: float = column("mean of CIELAB b* (blue to yellow), about -108 to 95")
    std_a: float = column("standard deviation of CIELAB a*")
    std_b: float = column("standard deviation of CIELAB b*")


PROPERTIES = TableSpec("properties", Properties, ("photo_id", "version"), "Quantitative image properties.")

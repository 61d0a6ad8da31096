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
        return f"{self.value}@2"


@dataclass(frozen=True, kw_only=True)
class Properties:
    """What was measured on one photo's canonical picture; the full set's columns are null by default."""

    photo_id: str = column("the photo")
    version: str = column("set and version, such as default@2 or full@2")
    brightness: float = column("mean luminance L* / 100, 0 to 1")
    contrast: float = column("standard deviation of L* (RMS contrast), 0 to 50")
    colorfulness: float = column("Hasler and Suesstrunk 2003, about 0 to 150")
    saturation: float = column("mean saturation of HSV, 0 to 1")
    sharpness: float = column(
        "variance of the Laplacian of 8-bit luma at canonical scale, smoothed by a Gaussian of 1 pixel, 0 and up"
    )
    entropy: float = column("Shannon entropy of L* in 256 steps up to its maximum, bits, 0 to 8")
    image_size: int = column("width plus height of the upright original, pixels")
    aspect_ratio: float = column("width / height of the upright original")
    clipped_shadows: float = column("share of pixels whose 8-bit luma is 2 or less, 0 to 1")
    clipped_highlights: float = column("share of pixels whose 8-bit luma is 253 or more, 0 to 1")
    noise: float = column("standard deviation of noise in 8-bit luma at canonical scale, Immerkaer 1996, 0 and up")
    mean_red: float = column("mean of red, 0 to 255")
    mean_green: float = column("mean of green, 0 to 255")
    mean_blue: float = column("mean of blue, 0 to 255")
    std_red: float = column("standard deviation of red, 0 to 128")
    std_green: float = column("standard deviation of green, 0 to 128")
    std_blue: float = column("standard deviation of blue, 0 to 128")
    mean_lightness: float = column("mean of CIELAB L*, 0 to 100")
    mean_a: float = column("mean of CIELAB a* (green to red), about -86 to 98")
    mean_b: float = column("mean of CIELAB b* (blue to yellow), about -108 to 95")
    std_a: float = column("standard deviation of CIELAB a*")
    std_b: float = column("standard deviation of CIELAB b*")
    mean_value: float = column("mean of HSV's value, 0 to 1")
    std_saturation: float = column("standard deviation of HSV's saturation, 0 to 0.5")
    std_value: float = column("standard deviation of HSV's value, 0 to 0.5")
    mean_hue: float | None = column("circular mean of HSV's hue in turns, 0 to 1", optional=True)
    std_hue: float | None = column("circular standard deviation of hue in turns", optional=True)
    color_entropy: float | None = column("Shannon entropy of hue in 256 steps up to its maximum, bits", optional=True)
    blur: float | None = column("share of edges that blurring again leaves, Crete 2007, 0 (sharp) to 1", optional=True)
    native_sharpness: float | None = column(
        "variance of the Laplacian of 8-bit luma, middle 512 x 512 pixels at the file's own scale, 0 and up",
        optional=True,
    )
    native_noise: float | None = column(
        "standard deviation of noise in 8-bit luma there, Immerkaer 1996, 0 and up", optional=True
    )
    native_blur: float | None = column("Crete's blur there, 0 (sharp) to 1", optional=True)
    depth_of_field: float | None = column(
        "share of fine detail in the inner half of width and height, 0 to 1", optional=True
    )
    inner_lightness: float | None = column("mean L* of the inner third, Datta 2006, 0 to 100", optional=True)
    edge_density: float | None = column("mean response of the strongest of 24 Gabor filters, 0 and up", optional=True)
    edge_orientation_entropy: float | None = column(
        "first-order entropy of edge orientations, Redies 2017, bits, 0 to 4.585", optional=True
    )
    edge_orientation_entropy_2nd: float | None = column(
        "second-order (pairwise) entropy of edge orientations, Redies 2017, bits, 0 to 4.585", optional=True
    )
    complexity: float | None = column("mean strength of gradients in L*a*b* of 8 bits (PHOG), 0 and up", optional=True)
    anisotropy: float | None = column("spread over the bins of PHOG's finest level, Redies 2012", optional=True)
    self_similarity: float | None = column("PHOG self-similarity, Braun 2013, 0 to 1", optional=True)
    mirror_symmetry: float | None = column("mirrored dark pixels, Huebner 2016, per cent", optional=True)
    balance: float | None = column("mean imbalance of eight axes, Huebner 2016, per cent; 0 is balanced", optional=True)
    homogeneity: float | None = column("evenness of mass over rows and columns, Huebner 2016, per cent", optional=True)
    dcm_distance: float | None = column(
        "deviation of the centre of mass from the middle, per cent of half a side", optional=True
    )
    dcm_x: float | None = column("centre of mass to the left of the middle, share of the width", optional=True)
    dcm_y: float | None = column("centre of mass above the middle, share of the height", optional=True)
    fourier_slope: float | None = column("slope of log power over log frequency, Redies 2007", optional=True)
    fourier_sigma: float | None = column("mean squared deviation from that slope, log10 units", optional=True)
    fourier_slope_spehar: float | None = column("slope of log amplitude, Isherwood 2021", optional=True)
    fourier_slope_mather: float | None = column("slope of log amplitude of lightness, Mather 2018", optional=True)
    fractal_dimension_2d: float | None = column("box counting of the outline of dark parts, Spehar 2003", optional=True)
    fractal_dimension_3d: float | None = column("box counting of brightness, Mather 2018, 2 to 3", optional=True)


PROPERTIES = TableSpec("properties", Properties, ("photo_id", "version"), "Quantitative image properties.")

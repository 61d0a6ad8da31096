"""What if the photo were brighter, warmer, tighter: one property moved at a time, and the picture predicted anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

LUMA = np.array([0.2126, 0.7152, 0.0722])


def exposure(picture: Picture, stops: float) -> Picture:
    """Light times 2 to the power of `stops`, in linear light."""
    return _encoded(_linear(picture) * 2.0**stops)


def contrast(picture: Picture, factor: float) -> Picture:
    """Distances from the mean, in sRGB codes, times a factor."""
    values = picture.astype(np.float64)
    mean = float((values @ LUMA).mean())
    return _rounded(mean + (values - mean) * factor)


def saturation(picture: Picture, factor: float) -> Picture:
    """Distances from grey of the same luma times a factor; 0 is monochrome."""
    values = picture.astype(np.float64)
    grey = (values @ LUMA)[..., None]
    return _rounded(grey + (values - grey) * factor)


def warmth(picture: Picture, stops: float) -> Picture:
    """Red up and blue down by so many stops in linear light, at equal luminance; below 0 is cooler."""
    light = _linear(picture)
    moved = light * 2.0 ** (np.array([0.5, 0.0, -0.5]) * stops)
    before, after = (light @ LUMA).mean(), (moved @ LUMA).mean()
    return _encoded(moved * (before / after if after > 0 else 1.0))


def crop(picture: Picture, share: float) -> Picture:
    """The middle of the picture: `share` of each side."""
    height, width = picture.shape[:2]
    tall, wide = max(1, round(height * share)), max(1, round(width * share))
    top, left = (height - tall) // 2, (width - wide) // 2
    return picture[top : top + tall, left : left + wide]


@dataclass(frozen=True)
class Knob:
    """One property that can be moved.

    Attributes
    ----------
    name, unit : str
    apply : callable
    settings : tuple of float
        Values tried, ascending.
    neutral : float
        The value that leaves the picture as it is.
    """

    name: str
    unit: str
    apply: Callable[[Picture, float], Picture]
    settings: tuple[float, ...]
    neutral: float


KNOBS = (
    Knob("exposure", "stops", exposure, (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5), 0.0),
    Knob("contrast", "times", contrast, (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7), 1.0),
    Knob("saturation", "times", saturation, (0.0, 0.4, 0.7, 1.0, 1.3, 1.6, 2.0), 1.0),
    Knob("warmth", "stops", warmth, (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9), 0.0),
    Knob("crop", "share of each side", crop, (0.5, 0.6, 0.7, 0.8, 0.9, 1.0), 1.0),
)


def variants(picture: Picture, knob: Knob) -> list[Picture]:
    """The picture at every setting of a knob; the neutral one is the picture itself."""
    return [picture if value == knob.neutral else knob.apply(picture, value) for value in knob.settings]


def _linear(picture: Picture) -> Floats:
    code = picture.astype(np.float64) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _encoded(light: Floats) -> Picture:
    light = np.clip(light, 0, 1)
    return _rounded(255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055))


def _rounded(values: Floats) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

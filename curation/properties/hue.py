"""Statistics of hue, which is an angle: circular mean, circular spread, entropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.compiled import compiled
from curation.properties.colour import Pixels, Singles, entropy_of

STEPS = 12288
"""Steps of the circle in the table of sines: a hue is off by 1/24576 of a turn at most."""

CIRCLE = np.stack([np.cos(2 * np.pi * np.arange(STEPS + 1) / STEPS), np.sin(2 * np.pi * np.arange(STEPS + 1) / STEPS)])


@dataclass(frozen=True)
class HueStatistics:
    """Mean and spread in turns (0 to 1), entropy in bits (0 to 8)."""

    mean: float
    std: float
    entropy: float


def hue_statistics(pixels: Pixels) -> HueStatistics:
    """Statistics of HSV's hue over all pixels; gray pixels have hue 0.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    References
    ----------
    K. V. Mardia and P. E. Jupp, Directional statistics, 2000: the mean is the direction of the mean vector, the
    spread sqrt(-2 ln R) with R its length, here in turns.
    """
    flat = np.ascontiguousarray(pixels).reshape(-1, 3)
    hues = np.empty(len(flat), np.float32)
    x, y = _hues(flat, CIRCLE, hues)
    length = min(float(np.hypot(x, y)) / len(flat), 1.0)
    return HueStatistics(
        mean=float(np.arctan2(y, x) / (2 * np.pi) % 1.0),
        std=float(np.sqrt(-2 * np.log(max(length, 1e-300))) / (2 * np.pi)),
        entropy=entropy_of(hues),
    )


@compiled
def _hues(pixels: Pixels, circle: npt.NDArray[np.float64], hues: Singles) -> tuple[float, float]:
    """Fill `hues` (0 to 1) and return the sum of their unit vectors."""
    x = y = 0.0
    for i in range(len(pixels)):
        r, g, b = np.int32(pixels[i, 0]), np.int32(pixels[i, 1]), np.int32(pixels[i, 2])
        top, low = max(r, g, b), min(r, g, b)
        hue = np.float32(0)
        if top > low:
            spread = np.float32(top - low)
            if top == b:
                hue = np.float32(4) + np.float32(r - g) / spread
            elif top == g:
                hue = np.float32(2) + np.float32(b - r) / spread
            else:
                hue = np.float32(g - b) / spread
            hue /= np.float32(6)
            if hue < 0:
                hue += np.float32(1)
        hues[i] = hue
        step = int(hue * np.float32(STEPS) + np.float32(0.5))
        x += circle[0, step]
        y += circle[1, step]
    return x, y

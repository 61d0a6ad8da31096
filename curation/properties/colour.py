"""Colour and lightness statistics, in one pass over the pixels.

CIELAB is that of the sRGB standard with the D65 white of the 2 degree observer, as scikit-image has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

STEPS = 8192
"""Pieces of the table from which CIELAB's cube root is interpolated: the error of L* stays below 3e-4."""

# Rows X, Y, Z of linear sRGB, each divided by the white's X, Y, Z (0.95047, 1, 1.08883).
XYZ_OF_RGB = np.array(
    [
        [0.412453 / 0.95047, 0.357580 / 0.95047, 0.180423 / 0.95047],
        [0.212671, 0.715160, 0.072169],
        [0.019334 / 1.08883, 0.119193 / 1.08883, 0.950227 / 1.08883],
    ]
)


def _linear_tables() -> Singles:
    """What each 8-bit value of red, green and blue adds to X, Y and Z (float32, 3 by 256 by 3), in table steps."""
    value = np.arange(256) / 255.0
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    return (linear[None, :, None] * XYZ_OF_RGB.T[:, None, :] * STEPS).astype(np.float32)


def _root_table() -> Singles:
    """CIELAB's f at 0, 1 / STEPS, ... 1 and one more step (float32)."""
    t = np.arange(STEPS + 2) / STEPS
    return np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16.0 / 116.0).astype(np.float32)


LINEAR = _linear_tables()
ROOT = _root_table()


@dataclass(frozen=True)
class ColourStatistics:
    """Means and spreads over all pixels.

    Parameters
    ----------
    lightness, a, b : (float, float)
        Mean and standard deviation of CIELAB's L* (0 to 100), a* and b*.
    red, green, blue : (float, float)
        Mean and standard deviation, 0 to 255.
    saturation, value : (float, float)
        Mean and standard deviation of HSV's S and V, 0 to 1.
    colorfulness : float
        Hasler and Suesstrunk's M3, about 0 to 150.
    """

    lightness: tuple[float, float]
    a: tuple[float, float]
    b: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    colorfulness: float


def colour_statistics(pixels: Pixels) -> tuple[ColourStatistics, Singles]:
    """Statistics of an sRGB picture, and its L*.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ColourStatistics
    ndarray of float32, shape (height, width)
        L*, 0 to 100.

    References
    ----------
    D. Hasler and S. Suesstrunk, Measuring colourfulness in natural images, 2003: sqrt(var rg + var yb) +
    0.3 sqrt(mean rg ^ 2 + mean yb ^ 2), with rg = R - G and yb = (R + G) / 2 - B.
    """
    lightness = np.empty(pixels.shape[:2], np.float32)
    sums = _sums(np.ascontiguousarray(pixels), LINEAR, ROOT, lightness)
    count = pixels.shape[0] * pixels.shape[1]
    mean = sums[0] / count
    spread = np.sqrt(np.maximum(sums[1] / count - mean**2, 0.0))
    pairs = [(float(m), float(s)) for m, s in zip(mean, spread, strict=True)]
    colorfulness = float(np.hypot(spread[8], spread[9]) + 0.3 * np.hypot(mean[8], mean[9]))
    return ColourStatistics(*pairs[:8], colorfulness=colorfulness), lightness


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba has no types
def _sums(pixels: Pixels, linear: Singles, root: Singles, lightness: Singles) -> Floats:
    """Sums and sums of squares of L, a, b, R, G, B, S, V, R - G, (R + G) / 2 - B; fills `lightness`."""
    height, width, _ = pixels.shape
    total = np.zeros((2, 10))
    for y in range(height):
        row = np.zeros((2, 10), np.float64)
        for x in range(width):
            r, g, b = pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2]
            tx = linear[0, r, 0] + linear[1, g, 0] + linear[2, b, 0]
            ty = linear[0, r, 1] + linear[1, g, 1] + linear[2, b, 1]
            tz = linear[0, r, 2] + linear[1, g, 2] + linear[2, b, 2]
            ix, iy, iz = int(tx), int(ty), int(tz)
            fx = root[ix] + (root[ix + 1] - root[ix]) * (tx - ix)
            fy = root[iy] + (root[iy + 1] - root[iy]) * (ty - iy)
            fz = root[iz] + (root[iz + 1] - root[iz]) * (tz - iz)
            light = np.float32(116.0) * fy - np.float32(16.0)
            lightness[y, x] = light
            top, low = max(r, g, b), min(r, g, b)
            values = (
                np.float64(light),
                500.0 * (fx - fy),
                200.0 * (fy - fz),
                np.float64(r),
                np.float64(g),
                np.float64(b),
                (top - low) / top if top else 0.0,
                top / 255.0,
                np.float64(r) - g,
                (np.float64(r) + g) * 0.5 - b,
            )
            for k in range(10):
                row[0, k] += values[k]
                row[1, k] += values[k] * values[k]
        total += row
    return total


def entropy_of(values: Singles) -> float:
    """Shannon entropy in bits (0 to 8) of values in 256 steps from 0 to their maximum.

    As the Aesthetics Toolbox has it for lightness and for hue: values are divided by their maximum, multiplied
    by 255 and rounded.
    """
    top = float(values.max())
    if top <= 0:
        return 0.0
    counts = _histogram(values.ravel(), np.float32(255.0 / top))
    shares = counts[counts > 0] / values.size
    return float(-(shares * np.log2(shares)).sum())


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba has no types
def _histogram(values: Singles, scale: np.float32) -> npt.NDArray[np.int64]:
    counts = np.zeros(256, np.int64)
    for value in values:
        counts[int(value * scale + np.float32(0.5))] += 1
    return counts

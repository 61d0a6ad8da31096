"""Colour and lightness statistics, in one pass over the pixels.

CIELAB is that of the sRGB standard with the D65 white of the 2 degree observer, as scikit-image has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.compiled import compiled, vectorised

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

BLOCK = 4096
"""Pixels worked on at once: their planes stay in the fastest cache, and 32-bit sums of squares cannot overflow."""

# Rows X, Y, Z of linear sRGB, each divided by the white's X, Y, Z (0.95047, 1, 1.08883).
XYZ_OF_RGB = np.array(
    [
        [0.412453 / 0.95047, 0.357580 / 0.95047, 0.180423 / 0.95047],
        [0.212671, 0.715160, 0.072169],
        [0.019334 / 1.08883, 0.119193 / 1.08883, 0.950227 / 1.08883],
    ],
    dtype=np.float32,
)


def _linear_light() -> Singles:
    """Linear light, 0 to 1, of each 8-bit value (float32, 256)."""
    value = np.arange(256) / 255.0
    return np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92).astype(np.float32)


LINEAR = _linear_light()


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
    flat = np.ascontiguousarray(pixels).reshape(-1)
    count = len(flat) // 3
    lightness = np.empty(count, np.float32)
    sums = np.zeros((2, 10))
    _add_all(flat, LINEAR, XYZ_OF_RGB, lightness, sums)
    mean = sums[0] / count
    spread = np.sqrt(np.maximum(sums[1] / count - mean**2, 0.0))
    light, a, b, red, green, blue, saturation, value, *_ = [
        (float(m), float(s)) for m, s in zip(mean, spread, strict=True)
    ]
    colorfulness = float(np.hypot(spread[8], spread[9]) + 0.3 * np.hypot(mean[8], mean[9]))
    return ColourStatistics(light, a, b, red, green, blue, saturation, value, colorfulness), lightness.reshape(
        pixels.shape[:2]
    )


# Written so that the compiler can work on many pixels at once: planes, no branches, no tables in the inner loops.
@compiled
def _add_all(flat: Pixels, linear: Singles, xyz: Singles, lightness: Singles, sums: Floats) -> None:
    """Add sums (row 0) and sums of squares (row 1) of all pixels, block by block; fills `lightness`."""
    red, green, blue = np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8)
    red_light, green_light, blue_light = _plane(), _plane(), _plane()
    for start in range(0, len(lightness), BLOCK):
        size = min(BLOCK, len(lightness) - start)
        for i in range(size):
            at = np.uintp(3 * (start + i))
            red[i], green[i], blue[i] = flat[at], flat[at + np.uintp(1)], flat[at + np.uintp(2)]
        for i in range(size):
            red_light[i] = linear[red[i]]
        for i in range(size):
            green_light[i] = linear[green[i]]
        for i in range(size):
            blue_light[i] = linear[blue[i]]
        part = lightness[start : start + size]
        _add_lab(red_light, green_light, blue_light, xyz, part, sums)
        _add_rgb(red[:size], green[:size], blue[:size], sums)


@compiled
def _plane() -> Singles:
    return np.empty(BLOCK, np.float32)


@vectorised
def _add_lab(red: Singles, green: Singles, blue: Singles, xyz: Singles, lightness: Singles, sums: Floats) -> None:
    """Add sums and sums of squares of L, a, b (columns 0 to 2) of linear light; fills `lightness`."""
    x0, x1, x2 = xyz[0, 0], xyz[0, 1], xyz[0, 2]
    y0, y1, y2 = xyz[1, 0], xyz[1, 1], xyz[1, 2]
    z0, z1, z2 = xyz[2, 0], xyz[2, 1], xyz[2, 2]
    light_sum = light_squares = a_sum = a_squares = b_sum = b_squares = np.float32(0)
    for i in range(len(lightness)):
        r, g, b = red[i], green[i], blue[i]
        fx = lab_root(x0 * r + x1 * g + x2 * b)
        fy = lab_root(y0 * r + y1 * g + y2 * b)
        fz = lab_root(z0 * r + z1 * g + z2 * b)
        light = np.float32(116) * fy - np.float32(16)
        green_red = np.float32(500) * (fx - fy)
        blue_yellow = np.float32(200) * (fy - fz)
        lightness[i] = light
        light_sum += light
        light_squares += light * light
        a_sum += green_red
        a_squares += green_red * green_red
        b_sum += blue_yellow
        b_squares += blue_yellow * blue_yellow
    sums[0, 0] += light_sum
    sums[1, 0] += light_squares
    sums[0, 1] += a_sum
    sums[1, 1] += a_squares
    sums[0, 2] += b_sum
    sums[1, 2] += b_squares


@vectorised
def lab_root(t: np.float32) -> np.float32:
    """CIELAB's f: the cube root above 0.008856, else a line.

    The root by a guess from the bits of the number (a third of the exponent) and two steps of Halley's method:
    within 3e-7 of the true one.
    """
    guess = np.int32(np.float32(t).view(np.int32) // 3 + 709921077).view(np.float32)
    cube = guess * guess * guess
    better = guess * (cube + np.float32(2) * t) / (np.float32(2) * cube + t)
    cube = better * better * better
    root = better * (cube + np.float32(2) * t) / (np.float32(2) * cube + t)
    return root if t > np.float32(0.008856) else np.float32(7.787) * t + np.float32(16 / 116)


@vectorised
def _add_rgb(reds: Pixels, greens: Pixels, blues: Pixels, sums: Floats) -> None:
    """Add sums and sums of squares of R, G, B, S, V, R - G and (R + G) / 2 - B (columns 3 to 9)."""
    red = green = blue = red2 = green2 = blue2 = tops = tops2 = rg2 = yb2 = np.int32(0)
    saturation = saturation2 = np.float32(0)
    for i in range(len(reds)):
        r, g, b = np.int32(reds[i]), np.int32(greens[i]), np.int32(blues[i])
        rg, yb = r - g, r + g - np.int32(2) * b
        top, low = max(r, max(g, b)), min(r, min(g, b))
        share = np.float32(top - low) / np.float32(max(top, np.int32(1)))
        red += r
        green += g
        blue += b
        red2 += r * r
        green2 += g * g
        blue2 += b * b
        rg2 += rg * rg
        yb2 += yb * yb
        tops += top
        tops2 += top * top
        saturation += share
        saturation2 += share * share
    sums[0, 3] += red
    sums[1, 3] += red2
    sums[0, 4] += green
    sums[1, 4] += green2
    sums[0, 5] += blue
    sums[1, 5] += blue2
    sums[0, 6] += saturation
    sums[1, 6] += saturation2
    sums[0, 7] += tops / 255.0
    sums[1, 7] += tops2 / 65025.0
    sums[0, 8] += red - green
    sums[1, 8] += rg2
    sums[0, 9] += (red + green) * 0.5 - blue
    sums[1, 9] += yb2 * 0.25


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


@compiled
def _histogram(values: Singles, scale: np.float32) -> npt.NDArray[np.int64]:
    # Four counters for each value in turn: one would wait for itself where neighbours are alike.
    counts = np.zeros((4, 256), np.int64)
    steps = np.empty(BLOCK, np.uint8)
    for start in range(0, len(values), BLOCK):
        part = values[start : start + BLOCK]
        for i in range(len(part)):
            steps[i] = np.uint8(np.int32(part[i] * scale + np.float32(0.5)))
        fours = len(part) // 4 * 4
        for i in range(0, fours, 4):
            counts[0, steps[i]] += 1
            counts[1, steps[i + 1]] += 1
            counts[2, steps[i + 2]] += 1
            counts[3, steps[i + 3]] += 1
        for i in range(fours, len(part)):
            counts[0, steps[i]] += 1
    return np.asarray(counts.sum(axis=0))

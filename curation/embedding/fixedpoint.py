"""Arithmetic that gives the same numbers on every machine: integers, exact square roots, no libm.

The descriptor's vectors are compared between machines and over years, so nothing here may depend on a
processor's or a library's rounding of powers, logarithms or angles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]

LAB_UNIT = 64
"""CIELAB coordinates are integers in 1/64."""
F_UNIT = 1 << 14
LINEAR_UNIT = (1 << 16) - 1

# Linear sRGB to XYZ over the D65 white, rows X, Y, Z, in 1/65536; each row sums to 65536 (IEC 61966-2-1).
XYZ_OVER_WHITE = ((28439, 24657, 12440), (13933, 46871, 4732), (1164, 7173, 57199))

# cos and sin of multiples of 15 degrees up to 165, in 1/16384: borders of sectors.
_BORDERS = {
    15: (15826, 4240),
    22.5: (15137, 6270),
    30: (14189, 8192),
    45: (11585, 11585),
    60: (8192, 14189),
    67.5: (6270, 15137),
    90: (0, 16384),
    112.5: (-6270, 15137),
    120: (-8192, 14189),
    135: (-11585, 11585),
    150: (-14189, 8192),
    157.5: (-15137, 6270),
}
HUE_BORDERS = tuple(_BORDERS[angle] for angle in (30, 60, 90, 120, 150))
ORIENTATION_BORDERS = tuple(_BORDERS[angle] for angle in (22.5, 45, 67.5, 90, 112.5, 135, 157.5))


def linear_table() -> Small:
    """Linear light of the 256 sRGB codes, 0 to 65535, rounded (no entry lies near a tie)."""
    code = np.arange(256) / 255
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.round(light * LINEAR_UNIT).astype(np.int32)


def cube_root_table() -> Small:
    """CIELAB's f over 0 to 65535, in 1/16384: an exact integer cube root, and the straight line below it."""
    t = np.arange(LINEAR_UNIT + 1, dtype=np.int64)
    cubes = np.arange(F_UNIT + 1, dtype=np.int64) ** 3
    # f = y / F_UNIT with y^3 / F_UNIT^3 <= t / LINEAR_UNIT; the product stays below 2^63 with one shift.
    wanted = (t << 42) // LINEAR_UNIT
    curve = np.searchsorted(cubes, wanted, side="right") - 1
    line = (t * 841 * F_UNIT // 108 + 4 * F_UNIT * LINEAR_UNIT // 29) // LINEAR_UNIT
    return np.where(t * 24389 > 216 * LINEAR_UNIT, curve, line).astype(np.int32)


def to_lab(pixels: npt.NDArray[np.uint8], linear: Small, cube_root: Small) -> Small:
    """CIELAB of sRGB pixels.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (..., 3)
    linear, cube_root : ndarray of int32
        `linear_table` and `cube_root_table`.

    Returns
    -------
    ndarray of int32, shape (..., 3)
        L*, a*, b* in 1/64.
    """
    light = linear[pixels].astype(np.int64)
    f = [
        cube_root[np.minimum((light[..., 0] * r + light[..., 1] * g + light[..., 2] * b) >> 16, LINEAR_UNIT)]
        for r, g, b in XYZ_OVER_WHITE
    ]
    return np.stack(
        [
            np.maximum(116 * f[1] - 16 * F_UNIT, 0) * LAB_UNIT // F_UNIT,
            500 * (f[0] - f[1]) * LAB_UNIT // F_UNIT,
            200 * (f[1] - f[2]) * LAB_UNIT // F_UNIT,
        ],
        axis=-1,
    ).astype(np.int32)


def half_sector(x: Small, y: Small, borders: tuple[tuple[int, int], ...]) -> Small:
    """Which sector of the half turn a direction lies in, opposite directions being one; 0 to len(borders)."""
    under = (y < 0) | ((y == 0) & (x < 0))
    x, y = np.where(under, -x, x), np.where(under, -y, y)
    found = np.zeros(x.shape, np.int32)
    for cosine, sine in borders:
        found += cosine * y.astype(np.int64) - sine * x >= 0
    return found


def full_sector(x: Small, y: Small, borders: tuple[tuple[int, int], ...]) -> Small:
    """Which sector of the full turn a direction lies in; 0 to 2 * len(borders) + 1."""
    under = (y < 0) | ((y == 0) & (x < 0))
    return half_sector(x, y, borders) + np.where(under, len(borders) + 1, 0).astype(np.int32)


def log2_linear(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log2(1 + x), linear between powers of two: monotone, exact, within 0.09 of the logarithm."""
    mantissa, exponent = np.frexp(values + 1.0)
    return np.asarray(exponent + 2.0 * mantissa - 2.0)

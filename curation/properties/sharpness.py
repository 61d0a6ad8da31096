"""Sharpness and noise at canonical scale, and clipped shadows and highlights: from 8-bit luma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.compiled import compiled

Gray = npt.NDArray[np.uint8]

SHADOW, HIGHLIGHT = 2, 253
"""8-bit luma up to which, and from which on, a pixel counts as clipped."""


@dataclass(frozen=True)
class LumaStatistics:
    """Shares of clipped pixels (0 to 1), the variance of the Laplacian, and the noise's deviation (0 and up)."""

    clipped_shadows: float
    clipped_highlights: float
    sharpness: float
    noise: float


def luma_statistics(gray: Gray) -> LumaStatistics:
    """Clipping, sharpness and noise.

    Parameters
    ----------
    gray : ndarray of uint8, shape (height, width)
        ITU-R 601-2 luma; both sides at least 7 pixels.

    Notes
    -----
    The Laplacian is that of the picture smoothed by a Gaussian of 1 pixel (as binomial weights 1 4 6 4 1): the very
    finest detail of a reduced picture depends on the size that it was reduced from. One scene at 1 to 48 megapixels
    differs by up to 27 % without the smoothing, by up to 10 % with it.

    References
    ----------
    J. L. Pech-Pacheco and others, Diatom autofocusing in brightfield microscopy, 2000: the variance of the
    Laplacian (kernel 0 1 0, 1 -4 1, 0 1 0). D. Marr and E. Hildreth, Theory of edge detection, 1980: the Laplacian
    of a Gaussian. J. Immerkaer, Fast noise variance estimation, 1996: the mean size of the response to 1 -2 1,
    -2 4 -2, 1 -2 1, here without smoothing. All over the pixels that their kernels do not take beyond the border.
    """
    gray = np.ascontiguousarray(gray)
    shadows, highlights, noise = _luma(gray)
    return LumaStatistics(shadows / gray.size, highlights / gray.size, _variance_of_smooth_laplacian(gray), noise)


def noise_of(gray: Gray) -> float:
    """Immerkaer's estimate of the noise's standard deviation in 8-bit luma."""
    return float(_luma(np.ascontiguousarray(gray))[2])


def variance_of_laplacian(gray: Gray) -> float:
    """The variance of the Laplacian of 8-bit luma without smoothing, all but the outermost pixels."""
    values = gray.astype(np.int32)
    sides = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]
    return float((sides - 4 * values[1:-1, 1:-1]).var())


@compiled
def _luma(gray: Gray) -> tuple[int, int, float]:
    height, width = gray.shape
    shadows = highlights = 0
    for y in range(height):
        for x in range(width):
            shadows += gray[y, x] <= SHADOW
            highlights += gray[y, x] >= HIGHLIGHT
    rough = np.int64(0)
    line = np.empty(width, np.int32)
    for y in range(1, height - 1):
        above, here, below = gray[y - 1], gray[y], gray[y + 1]
        for x in range(width):
            line[x] = np.int32(above[x]) + np.int32(below[x]) - 2 * np.int32(here[x])
        for x in range(1, width - 1):
            rough += abs(line[x - 1] + line[x + 1] - 2 * line[x])
    return shadows, highlights, float(np.sqrt(np.pi / 2) * rough / (6 * (height - 2) * (width - 2)))


@compiled
def _variance_of_smooth_laplacian(gray: Gray) -> float:
    height, width = gray.shape
    down = np.empty(width, np.int32)
    smooth = np.zeros((3, width), np.int32)  # the last three rows, 256 times too large
    total = squares = np.int64(0)
    for y in range(2, height - 2):
        first, second, here, fourth, fifth = gray[y - 2], gray[y - 1], gray[y], gray[y + 1], gray[y + 2]
        for x in range(width):
            middle = 4 * (np.int32(second[x]) + np.int32(fourth[x])) + 6 * np.int32(here[x])
            down[x] = np.int32(first[x]) + np.int32(fifth[x]) + middle
        row = smooth[y % 3]
        for x in range(2, width - 2):
            row[x] = down[x - 2] + down[x + 2] + 4 * (down[x - 1] + down[x + 1]) + 6 * down[x]
        if y >= 4:
            above, centre = smooth[(y - 2) % 3], smooth[(y - 1) % 3]
            for x in range(3, width - 3):
                value = np.int64(above[x] + row[x] + centre[x - 1] + centre[x + 1] - 4 * centre[x])
                total += value
                squares += value * value
    count = (height - 6) * (width - 6)
    mean = total / count
    return float((squares / count - mean * mean) / 65536.0)

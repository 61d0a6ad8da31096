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
    """Clipping and sharpness.

    Parameters
    ----------
    gray : ndarray of uint8, shape (height, width)
        ITU-R 601-2 luma.

    References
    ----------
    J. L. Pech-Pacheco and others, Diatom autofocusing in brightfield microscopy, 2000: the variance of the
    Laplacian (kernel 0 1 0, 1 -4 1, 0 1 0), here over all pixels but the outermost. J. Immerkaer, Fast noise
    variance estimation, 1996: the mean size of the response to 1 -2 1, -2 4 -2, 1 -2 1.
    """
    shadows, highlights, variance, noise = _luma(np.ascontiguousarray(gray))
    return LumaStatistics(shadows / gray.size, highlights / gray.size, variance, noise)


@compiled
def _luma(gray: Gray) -> tuple[int, int, float, float]:
    height, width = gray.shape
    shadows = highlights = 0
    for y in range(height):
        for x in range(width):
            shadows += gray[y, x] <= SHADOW
            highlights += gray[y, x] >= HIGHLIGHT
    total = squares = rough = np.int64(0)
    line = np.empty(width, np.int32)
    for y in range(1, height - 1):
        above, here, below = gray[y - 1], gray[y], gray[y + 1]
        for x in range(width):
            line[x] = np.int32(above[x]) + np.int32(below[x]) - 2 * np.int32(here[x])
        for x in range(1, width - 1):
            value = line[x] + np.int32(here[x - 1]) + np.int32(here[x + 1]) - 2 * np.int32(here[x])
            total += value
            squares += value * value
            rough += abs(line[x - 1] + line[x + 1] - 2 * line[x])
    count = (height - 2) * (width - 2)
    mean = total / count
    noise = np.sqrt(np.pi / 2) * rough / (6 * count)
    return shadows, highlights, float(squares / count - mean * mean), float(noise)

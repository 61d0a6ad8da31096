"""Sharpness and noise at canonical scale, and clipped shadows and highlights: from 8-bit luma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Gray = npt.NDArray[np.uint8]

SHADOW, HIGHLIGHT = 2, 253
"""8-bit luma up to which, and from which on, a pixel counts as clipped."""


@dataclass(frozen=True)
class LumaStatistics:
    """Shares of clipped pixels (0 to 1), and the variance of the Laplacian (0 and up)."""

    clipped_shadows: float
    clipped_highlights: float
    sharpness: float


def luma_statistics(gray: Gray) -> LumaStatistics:
    """Clipping and sharpness.

    Parameters
    ----------
    gray : ndarray of uint8, shape (height, width)
        ITU-R 601-2 luma.

    References
    ----------
    J. L. Pech-Pacheco and others, Diatom autofocusing in brightfield microscopy, 2000: the variance of the
    Laplacian (kernel 0 1 0, 1 -4 1, 0 1 0), here over all pixels but the outermost.
    """
    shadows, highlights, variance = _luma(np.ascontiguousarray(gray))
    return LumaStatistics(shadows / gray.size, highlights / gray.size, variance)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba has no types
def _luma(gray: Gray) -> tuple[int, int, float]:
    height, width = gray.shape
    shadows = highlights = 0
    for y in range(height):
        for x in range(width):
            shadows += gray[y, x] <= SHADOW
            highlights += gray[y, x] >= HIGHLIGHT
    total = squares = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            value = (
                np.int32(gray[y - 1, x])
                + np.int32(gray[y + 1, x])
                + np.int32(gray[y, x - 1])
                + np.int32(gray[y, x + 1])
                - 4 * np.int32(gray[y, x])
            )
            total += value
            squares += value * value
    count = (height - 2) * (width - 2)
    mean = total / count
    return shadows, highlights, squares / count - mean * mean

"""Blur by blurring again, the inner third, and where the fine detail lies: cues of focus and placement.

References
----------
F. Crete, T. Dolmiere, P. Ladret and M. Nicolas, The blur effect, SPIE 6492, 2007. R. Datta, D. Joshi, J. Li and
J. Z. Wang, Studying aesthetics in photographic images using a computational approach, ECCV 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Singles = npt.NDArray[np.float32]
Gray = npt.NDArray[np.uint8]

WINDOW = 11
"""Pixels of the box that blurs again."""


@dataclass(frozen=True)
class CompositionStatistics:
    """Focus and placement.

    Parameters
    ----------
    blur : float
        0 (sharp) to 1 (nothing changes when it is blurred again).
    inner_lightness : float
        Mean L* of the inner third of width and height, 0 to 100.
    depth_of_field : float
        Share of the squared Laplacian that lies in the inner half of width and height, 0 to 1; about a quarter
        where all is equally sharp.
    """

    blur: float
    inner_lightness: float
    depth_of_field: float


def composition_statistics(gray: Gray, lightness: Singles) -> CompositionStatistics:
    """Measures of 8-bit luma and of L* (float32, 0 to 100), both height by width."""
    height, width = gray.shape
    values = gray.astype(np.float32)
    detail = _laplacian(values) ** 2
    total = float(detail.sum())
    inner = float(detail[height // 4 : height - height // 4, width // 4 : width - width // 4].sum())
    third = lightness[height // 3 : height - height // 3, width // 3 : width - width // 3]
    return CompositionStatistics(
        blur=max(_blur(values), _blur(np.ascontiguousarray(values.T))),
        inner_lightness=float(third.mean(dtype=np.float64)),
        depth_of_field=inner / total if total else 0.25,
    )


def _laplacian(values: Singles) -> Singles:
    result = np.zeros_like(values)
    middle = values[1:-1, 1:-1]
    result[1:-1, 1:-1] = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * middle
    return result


def _blur(values: Singles) -> float:
    """Share of the variation down the columns that is left when the picture is blurred down the columns."""
    sharp = _edges(values)
    lost = np.maximum(0, sharp - _edges(_box(values)))
    whole = float(sharp.sum(dtype=np.float64))
    return 1.0 - float(lost.sum(dtype=np.float64)) / whole if whole else 1.0


def _box(values: Singles) -> Singles:
    """Mean of `WINDOW` rows around each row; beyond the border rows are mirrored."""
    half = WINDOW // 2
    padded = np.pad(values, ((half + 1, half), (0, 0)), mode="symmetric")
    padded[0] = 0  # sums begin with nothing
    sums = np.cumsum(padded, axis=0, dtype=np.float64)
    return np.asarray((sums[WINDOW:] - sums[:-WINDOW]) / WINDOW, dtype=np.float32)


def _edges(values: Singles) -> Singles:
    """Size of Sobel's response down the columns, without the border."""
    difference = values[2:] - values[:-2]
    smooth = difference[:, :-2] + 2 * difference[:, 1:-1] + difference[:, 2:]
    return np.asarray(np.abs(smooth)[1:-1, 1:-1])

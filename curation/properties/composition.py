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

from curation.compiled import vectorised

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
        blur=blur_of(gray),
        inner_lightness=float(third.mean(dtype=np.float64)),
        depth_of_field=inner / total if total else 0.25,
    )


def blur_of(gray: Gray) -> float:
    """Crete's blur, 0 (sharp) to 1, of 8-bit luma."""
    values = gray.astype(np.float32)
    return max(_blur(values), _blur(np.ascontiguousarray(values.T)))


def _laplacian(values: Singles) -> Singles:
    result = np.zeros_like(values)
    middle = values[1:-1, 1:-1]
    result[1:-1, 1:-1] = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * middle
    return result


def _blur(values: Singles) -> float:
    """Share of the variation down the columns that is left when the picture is blurred down the columns."""
    whole, lost = _variation(values, _box(values))
    return 1.0 - lost / whole if whole else 1.0


@vectorised
def _box(values: Singles) -> Singles:
    """Mean of `WINDOW` rows around each row; beyond the border rows are mirrored."""
    height, width = values.shape
    half = WINDOW // 2
    result = np.empty((height, width), np.float32)
    sums = np.zeros(width, np.float32)
    for y in range(-half, half + 1):
        row = values[_inside(y, height)]
        for x in range(width):
            sums[x] += row[x]
    for y in range(height):
        out, coming, going = result[y], values[_inside(y + half + 1, height)], values[_inside(y - half, height)]
        for x in range(width):
            out[x] = sums[x] / np.float32(WINDOW)
            sums[x] += coming[x] - going[x]
    return result


@vectorised
def _inside(y: int, height: int) -> int:
    """The row that stands for a row beyond the border."""
    mirrored = -y - 1 if y < 0 else y
    return 2 * height - 1 - mirrored if mirrored >= height else mirrored


@vectorised
def _variation(values: Singles, blurred: Singles) -> tuple[float, float]:
    """Sum of Sobel's responses down the columns, two pixels inside the border, and how much blurring takes of it."""
    height, width = values.shape
    whole = lost = 0.0
    for y in range(2, height - 2):
        above, below = values[y - 1], values[y + 1]
        blurred_above, blurred_below = blurred[y - 1], blurred[y + 1]
        row_whole = row_lost = np.float32(0)
        for x in range(2, width - 2):
            sharp = abs(
                below[x - 1] - above[x - 1] + np.float32(2) * (below[x] - above[x]) + below[x + 1] - above[x + 1]
            )
            soft = abs(
                blurred_below[x - 1]
                - blurred_above[x - 1]
                + np.float32(2) * (blurred_below[x] - blurred_above[x])
                + blurred_below[x + 1]
                - blurred_above[x + 1]
            )
            row_whole += sharp
            row_lost += max(np.float32(0), sharp - soft)
        whole += float(row_whole)
        lost += float(row_lost)
    return whole, lost

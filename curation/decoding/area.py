"""Reduction by exact area averaging: each new pixel is the mean of the old ones under it, weighted by overlap.

Pillow's box filter takes whole pixels only, which at ratios between 1 and 2 leaves an uneven picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from curation.compiled import vectorised

Pixels = npt.NDArray[np.uint8]
Weights = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


def reduce_by_area(pixels: Pixels, width: int, height: int) -> Pixels:
    """Reduce a picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (old height, old width, 3)
    width, height : int
        New size in pixels; neither larger than the old.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Rounded to the nearest.
    """
    old_height, old_width, _ = pixels.shape
    if width > old_width or height > old_height:
        raise ValueError(f"area averaging only reduces: {old_width} x {old_height} to {width} x {height}")
    if (width, height) == (old_width, old_height):
        return pixels
    rows, row_weights = overlaps(old_height, height)
    columns, column_weights = overlaps(old_width, width)
    return np.asarray(_reduce(np.ascontiguousarray(pixels), rows, row_weights, columns, column_weights))


@lru_cache(maxsize=64)
def overlaps(old: int, new: int) -> tuple[Places, Weights]:
    """Which old pixels lie under each new one along an axis.

    Returns
    -------
    ndarray of int64, shape (new,)
        The first old pixel under each new one.
    ndarray of float32, shape (new, most)
        Shares of the old pixels from there on; each row sums to 1.
    """
    step = old / new
    edges = np.arange(new + 1) * step
    edges[-1] = old
    most = min(int(np.ceil(step)) + 1, old)
    first = np.minimum(np.floor(edges[:-1]).astype(np.int64), old - 1)
    pixel = first[:, None] + np.arange(most)
    shares = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    shares = np.clip(shares, 0.0, 1.0)
    shares[pixel >= old] = 0.0
    # A window that would reach over the end is moved back, so that every index is valid.
    back = np.maximum(first + most - old, 0)
    for row in np.flatnonzero(back):
        shares[row] = np.roll(shares[row], back[row])
    return first - back, (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


@vectorised
def _reduce(pixels: Pixels, rows: Places, row_weights: Weights, columns: Places, column_weights: Weights) -> Pixels:
    height, width = len(rows), len(columns)
    old_row = pixels.shape[1] * 3
    result = np.empty((height, width, 3), np.uint8)
    line = np.empty(old_row, np.float32)
    for y in range(height):
        line[:] = np.float32(0.5)  # so that cutting off rounds
        for k in range(row_weights.shape[1]):
            weight = row_weights[y, k]
            if weight > 0:
                source = pixels[rows[y] + k].reshape(old_row)
                for i in range(old_row):
                    line[i] += weight * source[i]
        for x in range(width):
            red = green = blue = np.float32(0)
            at = columns[x] * 3
            for k in range(column_weights.shape[1]):
                weight = column_weights[x, k]
                red += weight * line[at]
                green += weight * line[at + 1]
                blue += weight * line[at + 2]
                at += 3
            result[y, x, 0] = np.uint8(red)
            result[y, x, 1] = np.uint8(green)
            result[y, x, 2] = np.uint8(blue)
    return result

"""Gray pictures made small exactly as Pillow makes them, to the bit, in a sixth of its time.

Perceptual hashes are defined by what Pillow's `resize` gives; these functions give the same bytes. Pillow works
with weights of 22 bits after the point, and rounds to 8 bits after each direction.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.compiled import compiled

Gray = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Weights = npt.NDArray[np.int32]

LOBES = 3
"""Half width of the Lanczos window."""
PRECISION = 22
"""Bits after the point of a weight."""

# ITU-R 601-2 luma, in 1/65536.
RED, GREEN, BLUE, HALF = np.uint32(19595), np.uint32(38470), np.uint32(7471), np.uint32(32768)


@compiled
def luma(pixels: Gray) -> Gray:
    """ITU-R 601-2 luma of sRGB pixels, as Pillow's ``convert("L")`` has it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        In one piece.

    Returns
    -------
    ndarray of uint8, shape (height, width)
    """
    gray = np.empty(pixels.shape[:2], np.uint8)
    values, result = pixels.reshape(-1), gray.reshape(-1)
    for n in range(len(result)):
        at = np.uintp(3 * n)  # unsigned: no check for negative places keeps it from many pixels at once
        red, green, blue = values[at], values[at + np.uintp(1)], values[at + np.uintp(2)]
        total = np.uint32(red) * RED + np.uint32(green) * GREEN + np.uint32(blue) * BLUE + HALF
        result[n] = np.uint8(total >> np.uint32(16))
    return gray


def lanczos(gray: Gray, width: int, height: int, gap: float | None = None) -> Gray:
    """A gray picture at another size, through a Lanczos window.

    Parameters
    ----------
    gray : ndarray of uint8, shape (old height, old width)
    width, height : int
        New size in pixels.
    gap : float, optional
        First average whole boxes of pixels, down to at least that many times the new size: Pillow's `reducing_gap`.
    """
    old_height, old_width = gray.shape
    if width >= old_width or height >= old_height:  # rare, and no matter of speed
        small = Image.fromarray(gray).resize((width, height), Image.Resampling.LANCZOS, reducing_gap=gap)
        return np.asarray(small)
    across = down = 1
    if gap is not None:
        across, down = int(old_width / width / gap) or 1, int(old_height / height / gap) or 1
        if across > 1 or down > 1:
            gray = _boxes(np.ascontiguousarray(gray), across, down)
    columns = _window(gray.shape[1], old_width / across, width)
    rows = _window(gray.shape[0], old_height / down, height)
    # Pillow counts a step down twice, and takes the cheaper direction first: the order shows in the rounding.
    if 2 * gray.shape[1] * height + width * height < gray.shape[0] * width + 2 * width * height:
        return np.asarray(_down(_across(np.ascontiguousarray(gray.T), *rows), *columns).T)
    return np.asarray(_down(_across(gray, *columns), *rows))


@lru_cache(maxsize=256)
def _window(size: int, used: float, new: int) -> tuple[Places, Weights]:
    """Which old pixels each new one is made of along an axis.

    Parameters
    ----------
    size : int
        Old pixels.
    used : float
        Old pixels that count: with boxes before, the last one may be there in part only.
    new : int
        New pixels.

    Returns
    -------
    ndarray of int64, shape (new, 2)
        First old pixel, and their number.
    ndarray of int32, shape (new, most)
        Their weights, times two to the power of `PRECISION`.
    """
    scale = float(np.float32(used)) / new  # Pillow keeps the box in single precision
    stretch = max(scale, 1.0)
    support = LOBES * stretch
    places = np.empty((new, 2), np.int64)
    weights = np.zeros((new, int(np.ceil(support)) * 2 + 1), np.int32)
    for n in range(new):
        centre = (n + 0.5) * scale
        first, end = max(int(centre - support + 0.5), 0), min(int(centre + support + 0.5), size)
        at = (np.arange(first, end) - centre + 0.5) * (1.0 / stretch)
        values = np.where(np.abs(at) < LOBES, np.sinc(at) * np.sinc(at / LOBES), 0.0)
        values = values / values.sum() * (1 << PRECISION)
        places[n] = first, end - first
        weights[n, : end - first] = np.trunc(values + np.where(values < 0, -0.5, 0.5))
    return places, weights


@compiled
def _across(gray: Gray, places: Places, weights: Weights) -> Gray:
    """Rows made shorter; the result is transposed, so that columns are next."""
    height, new = gray.shape[0], len(places)
    result = np.empty((new, height), np.uint8)
    line = np.empty(gray.shape[1], np.int32)
    for y in range(height):
        for x in range(gray.shape[1]):
            line[x] = gray[y, x]
        for n in range(new):
            first = np.uintp(places[n, 0])
            total = np.int32(1 << (PRECISION - 1))
            for k in range(np.uintp(places[n, 1])):
                total += line[first + k] * weights[n, k]
            result[n, y] = np.uint8(min(max(total >> PRECISION, 0), 255))
    return result


@compiled
def _down(lines: Gray, places: Places, weights: Weights) -> Gray:
    """Columns (given as rows) made shorter; the result is upright again."""
    width, new = lines.shape[0], len(places)
    result = np.empty((new, width), np.uint8)
    for x in range(width):
        for n in range(new):
            first = np.uintp(places[n, 0])
            total = np.int32(1 << (PRECISION - 1))
            for k in range(np.uintp(places[n, 1])):
                total += np.int32(lines[x, first + k]) * weights[n, k]
            result[n, x] = np.uint8(min(max(total >> PRECISION, 0), 255))
    return result


@compiled
def _boxes(gray: Gray, across: int, down: int) -> Gray:
    """Means of boxes of pixels, rounded; boxes at the right and lower border may be smaller."""
    height, width = gray.shape
    rows, columns = (height + down - 1) // down, (width + across - 1) // across
    result = np.empty((rows, columns), np.uint8)
    sums = np.empty(width, np.uint32)
    for y in range(rows):
        top, bottom = y * down, min((y + 1) * down, height)
        sums[:] = 0
        for v in range(top, bottom):
            for u in range(width):
                sums[u] += gray[v, u]
        whole = width // across
        number = (bottom - top) * across
        inverse = _inverse(number)
        for x in range(whole):
            total = np.uint32(number // 2)
            for u in range(across):
                total += sums[np.uintp(x * across + u)]
            result[y, x] = np.uint8((np.uint64(total) * inverse) >> np.uint64(24))
        if whole < columns:
            number = (bottom - top) * (width - whole * across)
            total = np.uint32(number // 2)
            for u in range(whole * across, width):
                total += sums[u]
            result[y, whole] = np.uint8((np.uint64(total) * _inverse(number)) >> np.uint64(24))
    return result


@compiled
def _inverse(number: int) -> np.uint64:
    """Pillow divides by multiplying with the rounded inverse, in 24 bits."""
    return np.uint64((1 << 32) // (256 * number))

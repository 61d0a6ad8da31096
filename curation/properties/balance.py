"""Balance, deviation of the centre of mass, mirror symmetry, homogeneity: of 8-bit luma taken as weight.

Definitions, and the published programs' habits with them, as the Aesthetics Toolbox has them.

References
----------
R. Hübner and M. G. Fillinger, Comparison of objective measures for predicting perceptual balance and visual
aesthetic preference, Frontiers in Psychology 7:335, 2016. N. Otsu, A threshold selection method from
gray-level histograms, 1979.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.compiled import compiled

Gray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

MIDDLE = 128
CELLS = 10
"""Homogeneity: cells across and down."""


@dataclass(frozen=True)
class BalanceStatistics:
    """Mass and symmetry.

    Parameters
    ----------
    balance : float
        Mean of eight differences between halves, and between inner and outer parts, in per cent; 0 is balanced.
    distance, x, y : float
        Deviation of the centre of mass: its distance from the middle in per cent of half a side, and its
        place to the left and above the middle (-0.5 to 0.5).
    symmetry : float
        Mirrored dark pixels, weighted towards the axis, per cent.
    homogeneity : float
        Evenness of the spread of pixels of weight over rows and columns of cells, per cent.
    """

    balance: float
    distance: float
    x: float
    y: float
    symmetry: float
    homogeneity: float


def balance_statistics(gray: Gray) -> BalanceStatistics:
    """All of it from 8-bit luma (uint8, height by width)."""
    gray = np.ascontiguousarray(gray)
    counts = np.bincount(gray.ravel(), minlength=256)
    dark, light = int(counts[:MIDDLE].sum()), int(counts[MIDDLE:].sum())
    # Two of the three measures count the value 127 on both sides, as the published programs do.
    twice = light + int(counts[MIDDLE - 1])
    weight = 255 - gray if dark <= twice else gray
    distance, x, y = _centre_of_mass(255 - gray if dark <= light else gray)
    return BalanceStatistics(
        balance=_balance(weight),
        distance=distance,
        x=x,
        y=y,
        symmetry=_symmetry(gray <= otsu(counts)),
        homogeneity=_homogeneity(weight, counts if weight is gray else counts[::-1]),
    )


def otsu(counts: Counts) -> int:
    """Otsu's threshold of a histogram of 256 values: the last value of the darker class."""
    held = np.flatnonzero(counts)
    first, last = int(held[0]), int(held[-1])
    if first == last:
        return first
    share, values = counts[first : last + 1].astype(np.float64), np.arange(first, last + 1)
    below, above = np.cumsum(share), np.cumsum(share[::-1])[::-1]
    mean_below = np.cumsum(share * values) / below
    mean_above = (np.cumsum((share * values)[::-1]) / np.cumsum(share[::-1]))[::-1]
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return int(values[int(np.argmax(between))])


def _difference(one: float, other: float, total: float) -> float:
    return abs(one - other) / total * 100.0


def _balance(weight: Gray) -> float:
    height, width = weight.shape
    columns = weight.sum(axis=0, dtype=np.int64)
    rows = weight.sum(axis=1, dtype=np.int64)
    total = float(rows.sum()) or 1.0
    share = 1 / np.sqrt(2)
    off_rows, off_columns = height - int(height * share), width - int(width * share)
    parts = []
    for line, size in ((columns, width), (rows, height)):
        half, quarter = size // 2, size // 4
        parts.append(_difference(line[:half].sum(), line[size - half :].sum(), total))
        outer = float(line[:quarter].sum() + line[size - quarter :].sum())
        parts.append(_difference(total - outer, outer, total))
    for picture, below, above in (
        (weight, off_rows, off_columns),
        (np.ascontiguousarray(np.rot90(weight)), off_columns, off_rows),
    ):
        upper, lower, outer_sum = _diagonal(picture, below, above)
        parts.append(_difference(upper, lower, total))
        parts.append(_difference(total - outer_sum, outer_sum, total))
    return float(np.mean(parts))


@compiled
def _diagonal(weight: Gray, below: int, above: int) -> tuple[float, float, float]:
    """Sums above and below the diagonal, and of the two far corners."""
    upper = lower = outer = np.int64(0)
    for y in range(weight.shape[0]):
        for x in range(weight.shape[1]):
            value = np.int64(weight[y, x])
            if x > y:
                upper += value
            elif x < y:
                lower += value
            if x - y >= above or x - y <= -below:
                outer += value
    return float(upper), float(lower), float(outer)


def _centre_of_mass(weight: Gray) -> tuple[float, float, float]:
    height, width = weight.shape
    columns = weight.sum(axis=0, dtype=np.float64)
    rows = weight.sum(axis=1, dtype=np.float64)
    total = float(rows.sum())
    if total == 0:
        return 0.0, 0.0, 0.0
    x = 0.5 - (np.round((columns * np.arange(width)).sum() / total) + 1) / width
    y = 0.5 - (np.round((rows * np.arange(height)).sum() / total) + 1) / height
    return float(np.hypot(x, y) / 0.5 * 100), float(x), float(y)


def _symmetry(dark: Mask) -> float:
    height, width = dark.shape
    parts = [_mirrored(dark), _mirrored(np.ascontiguousarray(dark.T))]
    if height == width:
        parts += [_across_diagonal(dark), _across_diagonal(np.ascontiguousarray(np.rot90(dark)))]
    return float(np.mean(parts)) * 100.0


@compiled
def _mirrored(dark: Mask) -> float:
    """Dark pixels that have a dark partner above and below the middle line; weights grow towards it to 2."""
    height, width = dark.shape
    half = height // 2
    total = 0.0
    for y in range(half):
        pairs = 0
        for x in range(width):
            pairs += dark[y, x] & dark[height - 1 - y, x]
        total += pairs * (1.0 + y / (half - 1))
    return total * 2.0 / (3.0 * width * half)


@compiled
def _across_diagonal(dark: Mask) -> float:
    side = dark.shape[0]
    total = 0.0
    for y in range(1, side):
        for x in range(y):
            if dark[y, x] & dark[x, y]:
                total += 1.0 + (x + 1.0) / y
    return total * 2.0 / (3.0 * side * (side - 1) / 2.0)


def _homogeneity(weight: Gray, counts: Counts) -> float:
    heavy = weight > otsu(counts)
    height, width = heavy.shape
    row_cell = np.minimum(np.arange(height) // (height // CELLS), CELLS - 1)
    column_cell = np.minimum(np.arange(width) // (width // CELLS), CELLS - 1)
    down = np.bincount(row_cell, weights=heavy.sum(axis=1), minlength=CELLS).astype(np.float64)
    across = np.bincount(column_cell, weights=heavy.sum(axis=0), minlength=CELLS).astype(np.float64)
    if not down.sum():
        return 0.0
    return float(np.mean([_evenness(down), _evenness(across)]))


def _evenness(parts: npt.NDArray[np.float64]) -> float:
    """Entropy of shares in per cent of the largest possible."""
    shares = parts[parts > 0] / parts.sum()
    return float(-(shares * np.log2(shares)).sum() / np.log2(len(parts)) * 100.0)

"""Flat histograms: weights under which every image property is spread evenly, and strata of joint bins.

KonIQ-10k (Hosu et al. 2020) chose its photos so that quality indicators are uniform. Here each photo gets a
weight by iterative proportional fitting (raking, Deming and Stephan 1940) of all margins to uniform; photos are
then drawn in proportion to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labeling.selection.pool import Codes, Floats, Ints

FINE_BINS = 10
TAILS = (0.5, 99.5)
"""Percentiles between which bins have equal width; what lies beyond goes into the outermost bins."""

SWEEPS = 20
LARGEST_WEIGHT = 50.0
"""No photo counts more than this many times, and none less than this fraction, of an average one."""

SAMPLE_FOR_EDGES = 200_000
AT_ONCE = 1 << 20
"""Photos that are put into bins at one time."""


def bins(values: Floats, count: int) -> npt.NDArray[np.int8]:
    """Bins of equal width between the tails of a distribution.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        NaN where not measured.
    count : int
        Number of bins, at most 100.

    Returns
    -------
    ndarray of int8, shape (n,)
        0 to count - 1; `count` for what was not measured.
    """
    known = np.isfinite(values)
    codes = np.full(len(values), count, dtype=np.int8)
    if not known.any():
        return codes
    # The pool is in the order of hashes, so that every k-th photo is a random sample.
    sample = values[np.flatnonzero(known)[:: max(1, int(known.sum()) // SAMPLE_FOR_EDGES)]]
    low, high = np.percentile(sample, TAILS)
    if high <= low:
        codes[known] = 0
        return codes
    for start in range(0, len(values), AT_ONCE):
        here = known[start : start + AT_ONCE]
        scaled = (values[start : start + AT_ONCE][here] - low) / (high - low) * count
        codes[start : start + AT_ONCE][here] = np.clip(np.floor(scaled), 0, count - 1).astype(np.int8)
    return codes


def raked(margins: Sequence[Codes]) -> Floats:
    """Weights under which each margin is as flat as its supply allows.

    Parameters
    ----------
    margins : sequence of ndarray of integers, shape (n,)
        A bin per photo and property.

    Returns
    -------
    ndarray of float64, shape (n,)
        Weights with mean 1, between 1/50 and 50.
    """
    n = len(margins[0]) if margins else 0
    weights = np.ones(n)
    for _ in range(SWEEPS if n else 0):
        before = weights.copy()
        for codes in margins:
            mass = np.bincount(codes, weights)
            filled = mass > 0
            factor = np.zeros(len(mass))
            factor[filled] = mass.sum() / filled.sum() / mass[filled]
            weights *= factor[codes]
        weights /= weights.mean()
        np.clip(weights, 1 / LARGEST_WEIGHT, LARGEST_WEIGHT, out=weights)
        if np.abs(weights - before).max() < 1e-3:
            break
    return np.asarray(weights / weights.mean() if n else weights)


def expected_counts(weights: Floats, wanted: int) -> Floats:
    """Expected number of times each photo is taken: in proportion to weight, at most 1, `wanted` in all."""
    if wanted >= len(weights):
        return np.ones(len(weights))
    share = np.minimum(1.0, weights * wanted / weights.sum())
    while (missing := wanted - share.sum()) > 1e-9:
        free = share < 1.0
        share[free] = np.minimum(1.0, share[free] * (1 + missing / share[free].sum()))
    return np.asarray(share)


def strata(properties: Sequence[tuple[str, Floats]], count: int) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Joint bins of several properties.

    Returns
    -------
    codes : ndarray of int32, shape (n,)
        Stratum of each photo, from 0, without gaps.
    names : list of str
        Name of each stratum, such as ``brightness 1/3, sharpness 3/3``.
    """
    codes = np.zeros(len(properties[0][1]), dtype=np.int32)
    cells: list[tuple[int, ...]] = [()]
    for _, values in properties:
        joint = codes * np.int32(count + 1) + bins(values, count)
        there = np.bincount(joint) > 0
        codes = (np.cumsum(there, dtype=np.int32) - 1)[joint]
        cells = [(*cells[cell // (count + 1)], cell % (count + 1)) for cell in np.flatnonzero(there).tolist()]
    names = [
        ", ".join(
            f"{name} {part + 1}/{count}" if part < count else f"{name} unknown"
            for (name, _), part in zip(properties, cell, strict=True)
        )
        for cell in cells
    ]
    return codes, names


def apportioned(expected: Floats, available: Ints, wanted: int) -> Ints:
    """Whole numbers near `expected` that sum to `wanted`, by largest remainder, none above `available`."""
    expected = np.minimum(expected, available.astype(np.float64))
    counts = np.floor(expected + 1e-9).astype(np.int64)
    order = np.lexsort((np.arange(len(expected)), -(expected - counts)))
    short = min(wanted, int(available.sum())) - int(counts.sum())
    while short > 0:
        for stratum in order:
            if short > 0 and counts[stratum] < available[stratum]:
                counts[stratum] += 1
                short -= 1
    return counts


def flatness(codes: Codes, count: int) -> float:
    """Evenness of a histogram: its entropy over that of a flat one, 0 to 1; unmeasured photos are left out."""
    shares: npt.NDArray[np.float64] = np.bincount(codes[codes < count], minlength=count).astype(np.float64)
    if count < 2 or not shares.sum():
        return 1.0
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(count))

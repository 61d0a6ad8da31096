"""Ranking predictions of any origin: intervals over photos and raters at once, a ceiling, and slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from labeling.learning.figures import Figure, pearson, spearman

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SPLITS = 200
LEAST_OF_SLICE = 10


@dataclass(frozen=True)
class Ballots:
    """Single votes behind the scores: photo row, rater number, value."""

    photo: Ints
    rater: Ints
    value: Floats


@dataclass(frozen=True)
class Standing:
    """One prediction's place.

    Attributes
    ----------
    name : str
    srcc, plcc : Figure
        Intervals over photos and raters drawn anew together.
    behind : Figure
        Rank correlation less that of the best, drawn in pairs; 0 for the best itself.
    slices : dict of str to (float, int)
        Rank correlation and photos of each slice.
    """

    name: str
    srcc: Figure
    plcc: Figure
    behind: Figure
    slices: dict[str, tuple[float, int]]


@dataclass(frozen=True)
class Ceiling:
    """How well the scores agree with themselves.

    Attributes
    ----------
    split_half : float
        Mean rank correlation of two halves of the raters, stepped up to all of them (Spearman and Brown).
    pearson : float
        The same with Pearson's correlation: the share of the scores' variance that is not noise.
    best_possible : float
        Root of `pearson`: what a perfect model's linear correlation with these scores could be.
    """

    split_half: float
    pearson: float
    best_possible: float


def ceiling(ballots: Ballots, photos: int, seed: int = 0, splits: int = SPLITS) -> Ceiling:
    """Split-half reliability over random halves of the raters."""
    rng = np.random.default_rng(seed)
    raters = int(ballots.rater.max()) + 1
    ranks, lines = [], []
    for _ in range(splits):
        half = rng.permutation(raters) < raters // 2
        one, two = _means(ballots, photos, half.astype(float)), _means(ballots, photos, (~half).astype(float))
        both = np.isfinite(one) & np.isfinite(two)
        if both.sum() >= 3:
            ranks.append(spearman(one[both], two[both]))
            lines.append(pearson(one[both], two[both]))
    if not ranks:
        return Ceiling(float("nan"), float("nan"), float("nan"))
    stepped = [2 * r / (1 + r) for r in (float(np.nanmean(ranks)), float(np.nanmean(lines)))]
    return Ceiling(stepped[0], stepped[1], float(np.sqrt(max(stepped[1], 0.0))))


def compare(
    predictions: Mapping[str, Floats],
    score: Floats,
    ballots: Ballots | None,
    slices: Mapping[str, Flags],
    seed: int = 0,
    draws: int = 1000,
) -> list[Standing]:
    """Rank predictions, the best first.

    Parameters
    ----------
    predictions : mapping of name to ndarray, shape (n,)
    score : ndarray, shape (n,)
    ballots : Ballots, optional
        Votes behind the scores. With them each draw also draws raters anew: the score moves by the change of the
        plain mean that the drawn raters make, so that any scoring method keeps its own scores.
    slices : mapping of name to ndarray of bool, shape (n,)
    """
    names = list(predictions)
    table = np.stack([predictions[name] for name in names])
    n = len(score)
    rng = np.random.default_rng(seed)
    plain = _means(ballots, n, None) if ballots else None
    raters = int(ballots.rater.max()) + 1 if ballots else 0
    orders, lines = np.empty((draws, len(names))), np.empty((draws, len(names)))
    for draw in range(draws):
        rows = rng.integers(0, n, n)
        drawn = score
        if ballots is not None and plain is not None:
            weight = np.bincount(rng.integers(0, raters, raters), minlength=raters).astype(np.float64)
            moved = _means(ballots, n, weight) - plain
            drawn = score + np.where(np.isfinite(moved), moved, 0)
        orders[draw], lines[draw] = _correlations(table[:, rows], drawn[rows])
    real_order, real_line = _correlations(table, score)
    best = int(np.nanargmax(real_order)) if np.isfinite(real_order).any() else 0
    found = [
        Standing(
            name,
            _figure("srcc", real_order[k], orders[:, k]),
            _figure("plcc", real_line[k], lines[:, k]),
            _figure("behind", real_order[k] - real_order[best], orders[:, k] - orders[:, best]),
            {
                s: (spearman(table[k, f], score[f]), int(f.sum()))
                for s, f in slices.items()
                if f.sum() >= LEAST_OF_SLICE
            },
        )
        for k, name in enumerate(names)
    ]
    return sorted(found, key=lambda s: (-s.srcc.value if np.isfinite(s.srcc.value) else 2.0, s.name))


def _correlations(table: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Spearman's and Pearson's correlation of every row of a table with the score."""
    ranked = np.stack([rankdata(row) for row in table])
    return _rows_with(ranked, rankdata(score)), _rows_with(table, score)


def _rows_with(rows: Floats, target: Floats) -> Floats:
    x, y = rows - rows.mean(axis=1, keepdims=True), target - target.mean()
    scale = np.sqrt(np.sum(x * x, axis=1) * float(y @ y))
    return np.where(scale > 0, x @ y / np.where(scale > 0, scale, 1), np.nan)


def _means(ballots: Ballots, photos: int, weight: Floats | None) -> Floats:
    """Mean vote of every photo with raters counted so many times; NaN where nobody is left."""
    own = np.ones(len(ballots.value)) if weight is None else weight[ballots.rater]
    total = np.bincount(ballots.photo, own, minlength=photos)
    summed = np.bincount(ballots.photo, own * ballots.value, minlength=photos)
    return np.where(total > 0, summed / np.where(total > 0, total, 1), np.nan)


def _figure(name: str, value: float, drawn: Floats) -> Figure:
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Figure(name, float(value), float(low), float(high))

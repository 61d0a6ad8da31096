"""How good predictions are: correlations, distances and coverage, each with an interval over photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from labeling.learning.distribution import earth_mover

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Measure = Callable[[Ints], float]

DRAWS = 1000


@dataclass(frozen=True)
class Figure:
    """One figure with its 95 % bootstrap interval."""

    name: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def pearson(a: Floats, b: Floats) -> float:
    """Correlation of Pearson (PLCC); NaN where one side does not vary."""
    x, y = a - a.mean(), b - b.mean()
    scale = np.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y / scale) if scale > 0 else float("nan")


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation of Spearman (SRCC) with mean ranks for ties; NaN where one side does not vary."""
    return pearson(rankdata(a), rankdata(b))


def bootstrapped(name: str, measure: Measure, n: int, seed: int = 0, draws: int = DRAWS) -> Figure:
    """A measure of rows with a percentile interval over rows drawn with replacement.

    Parameters
    ----------
    name : str
    measure : callable
        Takes row numbers (some of them several times) and gives the figure.
    n : int
        Number of rows.
    """
    rng = np.random.default_rng(seed)
    found = np.array([measure(rng.integers(0, n, n)) for _ in range(draws)])
    found = found[np.isfinite(found)]
    value = measure(np.arange(n))
    low, high = np.quantile(found, [0.025, 0.975]) if len(found) else (np.nan, np.nan)
    return Figure(name, value, float(low), float(high))


def mean_figure(name: str, values: Floats, seed: int = 0, draws: int = DRAWS) -> Figure:
    """The mean of values with its bootstrap interval."""
    return bootstrapped(name, lambda rows: float(values[rows].mean()), len(values), seed, draws)


def figures_of(
    predicted: Floats,
    sd: Floats | None,
    histogram: Floats | None,
    score: Floats,
    share: Floats | None,
    seed: int = 0,
    draws: int = DRAWS,
) -> list[Figure]:
    """SRCC, PLCC, RMSE, and where there is something to work them out from, EMD and coverage of 95 % intervals.

    Parameters
    ----------
    predicted, score : ndarray of float64, shape (n,)
        At least three photos.
    sd : ndarray of float64, shape (n,), optional
        Standard deviations of the predictions.
    histogram, share : ndarray of float64, shape (n, k), optional
        Predicted and real shares of the votes.
    """
    n = len(score)
    found = [
        bootstrapped("srcc", lambda rows: spearman(predicted[rows], score[rows]), n, seed, draws),
        bootstrapped("plcc", lambda rows: pearson(predicted[rows], score[rows]), n, seed, draws),
        bootstrapped("rmse", lambda rows: float(np.sqrt(np.mean((predicted - score)[rows] ** 2))), n, seed, draws),
    ]
    if histogram is not None and share is not None:
        for order in (1, 2):
            distance = earth_mover(histogram, share, order)
            found.append(mean_figure(f"emd{order}", distance, seed, draws))
    if sd is not None:
        inside = (np.abs(predicted - score) <= 1.959963984540054 * sd).astype(np.float64)
        found.append(Figure("coverage", float(inside.mean()), *wilson(float(inside.sum()), n)))
    return found


def wilson(hits: float, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(hits * (n - hits) / n + z * z / 4)
    return float(centre - half), float(centre + half)

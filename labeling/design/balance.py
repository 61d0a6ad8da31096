"""How even a design is, the bound on that, and whether it holds together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Balance:
    """How even a design is.

    Parameters
    ----------
    replication : tuple of int
        Fewest and most raters of a stimulus.
    load : tuple of int
        Fewest and most stimuli of a rater.
    concurrence_mean, concurrence_sd : float
        Over all pairs of stimuli: number of raters who see both.
    least_sd : float
        No design of these sizes has a smaller standard deviation of concurrence.
    connected : bool
        Any two stimuli are linked by raters who saw both, over others if need be.
    """

    replication: tuple[int, int]
    load: tuple[int, int]
    concurrence_mean: float
    concurrence_sd: float
    least_sd: float
    connected: bool


def balance(seen: Bools) -> Balance:
    """How even a design is, and the bound on it."""
    stimuli = len(seen)
    replication = seen.sum(axis=1)
    load = seen.sum(axis=0)
    pairs = stimuli * (stimuli - 1) / 2
    total = float((load * (load - 1) / 2).sum())
    mean = total / pairs if pairs else 0.0
    variance = _concurrence_squares(overlaps_of(seen), replication) / pairs - mean**2 if pairs else 0.0
    return Balance(
        replication=(int(replication.min()), int(replication.max())),
        load=(int(load.min()), int(load.max())),
        concurrence_mean=mean,
        concurrence_sd=float(np.sqrt(max(variance, 0.0))),
        least_sd=least_concurrence_sd(replication, load),
        connected=is_connected(seen),
    )


def least_concurrence_sd(replication: npt.NDArray[np.int64], load: npt.NDArray[np.int64]) -> float:
    """The smallest standard deviation of concurrence that any design of these margins can have.

    The larger of two bounds: concurrences of stimuli that differ by at most one, and overlaps of raters that
    differ by at most one, carried over by the equality of traces.
    """
    pairs = len(replication) * (len(replication) - 1) / 2
    if not pairs:
        return 0.0
    total = float((load * (load - 1) / 2).sum())
    direct = _even_squares(total, pairs)
    raters = len(load) * (len(load) - 1) / 2
    overlap_total = float((replication * (replication - 1) / 2).sum())
    squares = _even_squares(overlap_total, raters) if raters else 0.0
    dual = (float((load**2).sum()) + 2 * squares - float((replication**2).sum())) / 2
    variance = max(direct, dual) / pairs - (total / pairs) ** 2
    return float(np.sqrt(max(variance, 0.0)))


def is_connected(seen: Bools) -> bool:
    """Whether stimuli and raters form one connected graph."""
    stimuli, raters = seen.shape
    if not stimuli or not raters:
        return True
    reached: Bools = np.arange(raters) == 0
    while True:
        wider = np.asarray(seen[seen[:, reached].any(axis=1)].any(axis=0) | reached)
        if wider.sum() == reached.sum():
            return bool(reached.all() and seen[:, reached].any(axis=1).all())
        reached = wider


def overlaps_of(seen: Bools) -> npt.NDArray[np.int64]:
    """Number of stimuli that two raters share, shape (raters, raters); loads on the diagonal."""
    counts = seen.astype(np.float32)
    return np.asarray(np.rint(counts.T @ counts), dtype=np.int64)


def _concurrence_squares(overlaps: npt.NDArray[np.int64], replication: npt.NDArray[np.int64]) -> float:
    """Sum of squared concurrences over unordered pairs of stimuli, from the overlaps of raters."""
    return float((overlaps.astype(np.float64) ** 2).sum() - (replication.astype(np.float64) ** 2).sum()) / 2


def _even_squares(total: float, parts: float) -> float:
    """Least sum of squares of whole numbers with this sum: they differ by at most one."""
    low = total // parts
    above = total - low * parts
    return float(above * (low + 1) ** 2 + (parts - above) * low**2)


def least_overlap_squares(stimuli: int, raters: int, votes: int) -> int:
    """The sum of squared overlaps of rater pairs below which no design can come."""
    return int(_even_squares(stimuli * votes * (votes - 1) / 2, raters * (raters - 1) / 2))

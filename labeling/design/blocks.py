"""Which rater sees which stimulus: an incomplete block design, as balanced as can be, and connected.

Every stimulus has exactly r raters, and raters' loads differ by at most one. Two stimuli are compared the better
the more raters see both; how evenly that concurrence is spread is what a design is judged by.

Let N be the incidence matrix, so that concurrences are the off-diagonal of N Nᵀ, and overlaps of raters that of
Nᵀ N. Both have the same trace of the square: the spread over the many pairs of stimuli can be made small on the
few pairs of raters. The search exchanges two raters between two stimuli while that helps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from schemas.errors import WrongUse

Bools = npt.NDArray[np.bool_]

TRIES = 3_000_000
LARGEST_SEARCHED = 200_000_000
"""Cells of the incidence matrix up to which exchanges are searched; above, the balanced start stands."""


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


def incomplete_blocks(stimuli: int, raters: int, votes: int, seed: str, *, common: int = 0) -> Bools:
    """A design.

    Parameters
    ----------
    stimuli, raters, votes : int
        How many of each; `votes` per stimulus.
    seed : str
        Word that the draw starts from.
    common : int
        Stimuli outside the design that all raters see (anchors); they connect what the design does not.

    Returns
    -------
    ndarray of bool, shape (stimuli, raters)
        True where the rater sees the stimulus.

    Raises
    ------
    WrongUse
        There are fewer raters than votes, or what comes out is not connected.
    """
    if votes > raters:
        raise WrongUse(f"{votes} votes per photo need at least {votes} raters, got {raters}; lower 'overlap'.")
    rng = np.random.default_rng(list(f"{seed}/blocks".encode()))
    seen = _start(stimuli, raters, votes, rng)
    if votes < raters and stimuli * raters <= LARGEST_SEARCHED:
        target = _least_overlap_squares(stimuli, raters, votes)
        _exchange(seen, _overlaps(seen), target, TRIES, rng)
    if not common and not is_connected(seen):
        raise WrongUse(
            f"a design of {stimuli} photos, {raters} raters and {votes} votes per photo falls apart: some raters "
            "share no photo with the others, so that their scores could not be compared. "
            "Raise 'overlap', or name 'anchors'."
        )
    return seen


def balance(seen: Bools) -> Balance:
    """How even a design is, and the bound on it."""
    stimuli = len(seen)
    replication = seen.sum(axis=1)
    load = seen.sum(axis=0)
    pairs = stimuli * (stimuli - 1) / 2
    total = float((load * (load - 1) / 2).sum())
    mean = total / pairs if pairs else 0.0
    variance = _concurrence_squares(_overlaps(seen), replication) / pairs - mean**2 if pairs else 0.0
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


def _start(stimuli: int, raters: int, votes: int, rng: np.random.Generator) -> Bools:
    """Each stimulus in turn goes to the raters with the least to do; ties at random."""
    seen = np.zeros((stimuli, raters), dtype=np.bool_)
    load = np.zeros(raters, dtype=np.int64)
    for row in range(stimuli):
        chosen = np.lexsort((rng.random(raters), load))[:votes]
        seen[row, chosen] = True
        load[chosen] += 1
    return seen


def _overlaps(seen: Bools) -> npt.NDArray[np.int64]:
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


def _least_overlap_squares(stimuli: int, raters: int, votes: int) -> int:
    """The sum of squared overlaps of rater pairs below which no design can come."""
    return int(_even_squares(stimuli * votes * (votes - 1) / 2, raters * (raters - 1) / 2))


@numba.njit(cache=True)
def _exchange(seen: Bools, overlaps: npt.NDArray[np.int64], target: int, tries: int, rng: np.random.Generator) -> int:
    """Exchange raters a and b between stimuli i and j while the sum of squared overlaps does not grow.

    Changes `seen` and `overlaps` in place; returns the sum of squares reached.
    """
    stimuli, raters = seen.shape
    squares = 0
    for a in range(raters):
        for b in range(a):
            squares += overlaps[a, b] ** 2
    for _ in range(tries):
        if squares <= target:
            break
        a, b = int(rng.integers(0, raters)), int(rng.integers(0, raters))
        i, j = int(rng.integers(0, stimuli)), int(rng.integers(0, stimuli))
        if not (seen[i, a] and not seen[i, b] and seen[j, b] and not seen[j, a]):
            continue
        change = 0
        for c in range(raters):
            if c != a and c != b:
                step = int(seen[j, c]) - int(seen[i, c])
                change += 2 * step * (overlaps[a, c] - overlaps[b, c]) + 2 * step * step
        if change > 0:
            continue
        for c in range(raters):
            if c != a and c != b:
                step = int(seen[j, c]) - int(seen[i, c])
                overlaps[a, c] += step
                overlaps[c, a] += step
                overlaps[b, c] -= step
                overlaps[c, b] -= step
        seen[i, a], seen[i, b], seen[j, b], seen[j, a] = False, True, False, True
        squares += change
    return squares

"""Which rater sees which stimulus: an incomplete block design, as balanced as can be, and connected.

Every stimulus has exactly r raters, and raters' loads differ by at most one. Two stimuli are compared the better
the more raters see both; how evenly that concurrence is spread is what a design is judged by.

Let N be the incidence matrix, so that concurrences are the off-diagonal of N Nᵀ, and overlaps of raters that of
Nᵀ N. Both have the same trace of the square: the spread over the many pairs of stimuli can be made small on the
few pairs of raters. The start is cyclic: raters stand in a circle, and a few base blocks are turned round it, so
that overlaps depend on the distance on the circle alone, and a small search makes them even. What does not fit
into whole turns is improved by exchanging raters between stimuli.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from labeling.design.balance import Bools, is_connected, least_overlap_squares, overlaps_of
from schemas.errors import WrongUse

TRIES = 3_000_000
PATIENCE = 300_000
"""Exchanges without a gain after which the search ends."""

BASE_TRIES = 300_000
RESTARTS = 12
LARGEST_RESTARTED = 500
STEP_BACK = 6
STEPS_BACK = 0.02
LARGEST_SEARCHED = 200_000_000
"""Cells of the incidence matrix up to which exchanges are searched; above, the balanced start stands."""


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
    target = least_overlap_squares(stimuli, raters, votes)
    seen = _cyclic(stimuli, raters, votes, target, rng)
    if 1 < votes < raters and stimuli * raters <= LARGEST_SEARCHED:
        _exchange(seen, overlaps_of(seen), target, TRIES, PATIENCE, rng)
    if not common and not is_connected(seen):
        raise WrongUse(
            f"a design of {stimuli} photos, {raters} raters and {votes} votes per photo falls apart: some raters "
            "share no photo with the others, so that their scores could not be compared. "
            "Raise 'overlap', or name 'anchors'."
        )
    return seen


def _cyclic(stimuli: int, raters: int, votes: int, target: int, rng: np.random.Generator) -> Bools:
    """Base blocks turned round a circle of raters; what is left over goes to those with the least to do."""
    orders = _orbits(stimuli, raters, votes)
    rows = []
    if orders and votes < raters:
        periods = np.array([raters // order for order in orders], dtype=np.int64)
        blocks = _base_blocks(orders, periods, raters, votes, target, rng)
        rows = [np.roll(block, turn) for block, period in zip(blocks, periods, strict=True) for turn in range(period)]
    seen = np.zeros((stimuli, raters), dtype=np.bool_)
    if rows:
        seen[: len(rows)] = rows
    load = seen.sum(axis=0)
    for row in range(len(rows), stimuli):
        chosen = np.lexsort((rng.random(raters), load))[:votes]
        seen[row, chosen] = True
        load[chosen] += 1
    return np.asarray(seen[rng.permutation(stimuli)][:, rng.permutation(raters)])


def _base_blocks(
    orders: list[int], periods: npt.NDArray[np.int64], raters: int, votes: int, target: int, rng: np.random.Generator
) -> Bools:
    """The most even of several tries, shape (orbits, raters)."""
    tries = min(BASE_TRIES, 300_000_000 // (raters + votes * votes))
    best: Bools | None = None
    least = math.inf
    for _ in range(RESTARTS if raters <= LARGEST_RESTARTED else 1):
        blocks = np.zeros((len(orders), raters), dtype=np.bool_)
        for row, (order, period) in enumerate(zip(orders, periods, strict=True)):
            chosen = rng.choice(period, size=votes // order, replace=False)
            blocks[row] = np.isin(np.arange(raters) % period, chosen)
        squares = _even_distances(blocks, periods, target, tries, rng)
        if squares < least:
            best, least = blocks, squares
        if squares * raters <= 2 * target:
            break
    assert best is not None
    return best


def _orbits(stimuli: int, raters: int, votes: int) -> list[int]:
    """Orders of symmetry of the base blocks: a block of order g comes back after raters / g turns."""
    left = stimuli
    orders = []
    both = math.gcd(raters, votes)
    for order in (g for g in range(1, both + 1) if both % g == 0):
        count, left = divmod(left, raters // order)
        orders += [order] * count
    return orders


@numba.njit(cache=True)
def _even_distances(
    blocks: Bools, periods: npt.NDArray[np.int64], target: int, tries: int, rng: np.random.Generator
) -> int:
    """Exchange members of base blocks, in place, for overlaps as even as can be at all distances.

    Returns the sum of their squares.
    """
    count, raters = blocks.shape
    overlap = np.zeros(raters, dtype=np.int64)
    for b in range(count):
        overlap += _distances(blocks[b]) * periods[b] // raters
    squares = (overlap[1:] ** 2).sum()
    best, kept = squares, blocks.copy()
    for _ in range(tries):
        if squares * raters <= 2 * target:
            break
        b = int(rng.integers(0, count))
        period = periods[b]
        leaves, enters = int(rng.integers(0, period)), int(rng.integers(0, period))
        if not blocks[b, leaves] or blocks[b, enters]:
            continue
        other = blocks[b].copy()
        for place in range(0, raters, period):
            other[place + leaves] = False
            other[place + enters] = True
        after = overlap + (_distances(other) - _distances(blocks[b])) * period // raters
        reached = (after[1:] ** 2).sum()
        # A step back now and then leads out of a hollow.
        if reached <= squares + (STEP_BACK if rng.random() < STEPS_BACK else 0):
            blocks[b] = other
            overlap = after
            squares = reached
            if squares < best:
                best = squares
                kept[:] = blocks
    blocks[:] = kept
    return int(best)


@numba.njit(cache=True)
def _distances(block: Bools) -> npt.NDArray[np.int64]:
    """How often two members of a block stand at each distance on the circle."""
    size = len(block)
    counts = np.zeros(size, dtype=np.int64)
    members = np.flatnonzero(block)
    for a in members:
        for b in members:
            counts[(b - a) % size] += 1
    return counts


@numba.njit(cache=True)
def _exchange(
    seen: Bools, overlaps: npt.NDArray[np.int64], target: int, tries: int, patience: int, rng: np.random.Generator
) -> int:
    """Exchange raters a and b between stimuli i and j while the sum of squared overlaps does not grow.

    Changes `seen` and `overlaps` in place; returns the sum of squares reached.
    """
    stimuli, raters = seen.shape
    squares = 0
    for a in range(raters):
        for b in range(a):
            squares += overlaps[a, b] ** 2
    gained = 0
    for trial in range(tries):
        if squares <= target or trial - gained > patience:
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
        if change < 0:
            gained = trial
    return squares

"""The loop, simulated: batch after batch is chosen, rated and learnt from, under several strategies.

All arms share the pool, the photos that judge them (never in any batch), the votes, the first batch and the
scoring; only the choice differs, and, where an arm says so, the votes asked for per photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from labeling.learning.figures import Figure, spearman
from labeling.learning.kernel import squared_distances, typical_distance

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.floating]

MODEL_NOISE = 0.06
VOTE_NOISE = 1.0
"""Variance of one vote over that of the kernel's process; a photo's mean of v votes has this over v."""
RANDOM_SHARE = 0.15


class Strategy(StrEnum):
    """How the next photos are chosen."""

    RANDOM = "random"
    UNCERTAINTY = "uncertainty"
    """Where the prediction is least sure."""
    K_CENTER = "k_center"
    """Farthest from all that is rated."""
    INFORMED = "informed"
    """Each next photo takes most uncertainty off the whole pool, beside a simple random share."""


@dataclass(frozen=True)
class Arm:
    """A strategy and the votes that it asks for per photo."""

    strategy: Strategy
    votes: int

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.strategy.value}, {self.votes} votes a photo"


@dataclass(frozen=True)
class Curve:
    """Rank correlation on the judging photos after so many votes; a row per seed."""

    arm: Arm
    spent: Ints
    srcc: Floats

    def needed(self, wanted: Floats) -> Floats:
        """Votes at which the mean curve over seeds first reaches each wanted figure; NaN where it never does."""
        return votes_needed(self.spent, self.srcc.mean(axis=0), wanted)


@dataclass(frozen=True)
class Rated:
    """A rated set to replay.

    Attributes
    ----------
    vectors : ndarray, shape (n, d)
    votes : list of ndarray
        All real votes of each photo.
    """

    vectors: Rows
    votes: list[Floats]


def simulate_loop(rated: Rated, arms: Sequence[Arm], budget: int, batch: int, seeds: int) -> list[Curve]:
    """Run every arm.

    Parameters
    ----------
    rated : Rated
    arms : sequence of Arm
    budget : int
        Votes to spend in each run.
    batch : int
        Votes spent between two choices.
    seeds : int
        Runs of each arm, each with judging photos, votes and first batch of its own.
    """
    kernel = np.exp(-squared_distances(rated.vectors, rated.vectors) / typical_distance(rated.vectors))
    kernel = np.asarray(kernel, dtype=np.float64)
    mean = np.array([votes.mean() for votes in rated.votes])
    curves = []
    for arm in arms:
        runs = [_run(rated, kernel, mean, arm, budget, batch, seed) for seed in range(seeds)]
        length = min(len(srcc) for _, srcc in runs)
        spent = np.array(runs[0][0][:length])
        curves.append(Curve(arm, spent, np.array([srcc[:length] for _, srcc in runs])))
    return curves


def saving(curve: Curve, baseline: Curve, seed: int = 0, draws: int = 400) -> Figure:
    """Votes needed over votes that the baseline needs, averaged over the levels that both reach.

    The interval is over seeds, drawn in pairs.
    """

    def ratio(rows: Ints) -> float:
        wanted = np.maximum.accumulate(baseline.srcc[rows].mean(axis=0))
        own = votes_needed(curve.spent, curve.srcc[rows].mean(axis=0), wanted)
        base = votes_needed(baseline.spent, baseline.srcc[rows].mean(axis=0), wanted)
        # Levels within the first batch are reached by its luck, not by any choice.
        later = (baseline.spent > baseline.spent[0]) & (wanted > curve.srcc[rows, 0].mean())
        with np.errstate(invalid="ignore"):
            parts = (own / base)[later]
        return float(np.nanmean(parts)) if np.isfinite(parts).any() else float("nan")

    seeds = len(curve.srcc)
    rng = np.random.default_rng(seed)
    drawn = np.array([ratio(rng.integers(0, seeds, seeds)) for _ in range(draws)])
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Figure(curve.arm.name, ratio(np.arange(seeds)), float(low), float(high))


def votes_needed(spent: Ints, srcc: Floats, wanted: Floats) -> Floats:
    """Votes at which a curve, made monotone, first reaches each level (linear between points); else NaN."""
    rising = np.maximum.accumulate(srcc)
    found = np.full(len(wanted), np.nan)
    for k, level in enumerate(wanted):
        place = int(np.searchsorted(rising, level, side="left"))
        if place == 0:
            found[k] = spent[0]
        elif place < len(rising):
            part = (level - rising[place - 1]) / (rising[place] - rising[place - 1])
            found[k] = spent[place - 1] + part * (spent[place] - spent[place - 1])
    return found


def _run(
    rated: Rated, kernel: Floats, mean: Floats, arm: Arm, budget: int, batch: int, seed: int
) -> tuple[list[int], list[float]]:
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(mean))
    judges, pool = order[: len(mean) // 4], np.sort(order[len(mean) // 4 :])
    draw = np.random.default_rng([seed, 2])
    sampled = np.array([votes[draw.permutation(len(votes))][: arm.votes].mean() for votes in rated.votes])
    noise = MODEL_NOISE + VOTE_NOISE / arm.votes
    per_batch = max(1, batch // arm.votes)
    rng = np.random.default_rng([seed, 3])
    chosen = rng.permutation(pool)[: 2 * per_batch]
    spent, srcc = [], []
    while True:
        guess = _predict(kernel, chosen, sampled[chosen], judges, noise)
        spent.append(len(chosen) * arm.votes)
        srcc.append(spearman(guess, mean[judges]))
        left = np.setdiff1d(pool, chosen)
        if spent[-1] + per_batch * arm.votes > budget or len(left) < per_batch:
            return spent, srcc
        chosen = np.concatenate([chosen, next_photos(arm.strategy, kernel, chosen, left, per_batch, noise, rng)])


def _predict(kernel: Floats, seen: Ints, values: Floats, asked: Ints, noise: float) -> Floats:
    centre = values.mean()
    inner = kernel[np.ix_(seen, seen)] + noise * np.eye(len(seen))
    return np.asarray(centre + kernel[np.ix_(asked, seen)] @ np.linalg.solve(inner, values - centre))


def next_photos(
    strategy: Strategy, kernel: Floats, seen: Ints, left: Ints, count: int, noise: float, rng: np.random.Generator
) -> Ints:
    """The photos that a strategy takes next.

    Parameters
    ----------
    kernel : ndarray, shape (n, n)
        Between all photos, 1 on the diagonal.
    seen, left : ndarray of int64
        Photos rated and not yet rated.
    noise : float
        Variance of a photo's mean vote around the process.
    """
    if strategy is Strategy.RANDOM:
        return np.asarray(rng.permutation(left)[:count])
    if strategy is Strategy.K_CENTER:
        return _farthest(1 - kernel, seen, left, count)
    between = kernel[np.ix_(seen, left)]
    inner = kernel[np.ix_(seen, seen)] + noise * np.eye(len(seen))
    unsure = kernel[np.ix_(left, left)] - between.T @ np.linalg.solve(inner, between)
    if strategy is Strategy.UNCERTAINTY:
        return np.asarray(left[np.argsort(-np.diag(unsure), kind="stable")[:count]])
    by_chance = round(RANDOM_SHARE * count)
    taken = most_informative(unsure, count - by_chance, noise)
    rest = np.delete(left, taken)
    return np.concatenate([left[taken], rng.permutation(rest)[:by_chance]])


def most_informative(
    unsure: Floats, count: int, noise: float, level: Ints | None = None, quotas: Ints | None = None
) -> Ints:
    """Greedily the rows whose rating takes most variance off all rows together (Seo et al. 2000).

    Parameters
    ----------
    unsure : ndarray, shape (n, n)
        Posterior covariance of the candidates' scores.
    count : int
        Rows to take; fewer where quotas or rows run out.
    noise : float
        Variance of a photo's mean vote around its score.
    level, quotas : ndarray of int64, shapes (n,) and (levels,), optional
        Level of each row, and how many rows of each level may be taken.
    """
    unsure = unsure.copy()
    left = np.full(1, len(unsure)) if quotas is None else quotas.copy()
    level = np.zeros(len(unsure), dtype=np.int64) if level is None else level
    free = np.ones(len(unsure), dtype=bool)
    taken: list[int] = []
    while len(taken) < count and np.any(allowed := free & (left[level] > 0)):
        gain = np.sum(unsure**2, axis=0) / (np.diag(unsure) + noise)
        best = int(np.argmax(np.where(allowed, gain, -1.0)))
        taken.append(best)
        free[best] = False
        left[level[best]] -= 1
        unsure -= np.outer(unsure[:, best], unsure[best]) / (unsure[best, best] + noise)
    return np.array(taken, dtype=np.int64)


def _farthest(distance: Floats, seen: Ints, left: Ints, count: int) -> Ints:
    near = distance[np.ix_(left, seen)].min(axis=1)
    taken: list[int] = []
    for _ in range(count):
        best = int(np.argmax(near))
        taken.append(best)
        near = np.minimum(near, distance[left, left[best]])
        near[taken] = -1
    return np.asarray(left[taken])

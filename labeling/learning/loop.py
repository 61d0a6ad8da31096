"""The loop, simulated: batch after batch is chosen, rated and learnt from, under several strategies.

All arms share the pool, the photos that judge them (never in any batch), the votes, the first batch and the
scoring; only the choice differs, and, where an arm says so, the votes asked for per photo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import scipy.linalg

from labeling.learning.choosing import farthest, informed_choice
from labeling.learning.figures import Figure, spearman
from labeling.learning.kernel import squared_distances, typical_distance

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.floating]

MODEL_NOISE = 0.06
VOTE_NOISE = 1.0
"""Variance of one vote over that of the kernel's process; a photo's mean of v votes has this over v."""
RANDOM_SHARE = 0.15
DRAWS = 400


class Strategy(StrEnum):
    """How the next photos are chosen."""

    RANDOM = "random"
    UNCERTAINTY = "uncertainty"
    """Where the prediction is least sure."""
    K_CENTER = "k_center"
    """Farthest from all that is rated."""
    INFORMED = "informed"
    """Each next photo takes most uncertainty off the whole collection, the photos that judge included (of these the
    vectors are known, and nothing else); evenly over levels of the prediction, beside a simple random share."""
    INFORMED_BY_POOL = "informed_by_pool"
    """The same, of the unrated part of the pool alone: as if the photos to be predicted had no vectors yet."""


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


def simulate_loop(rated: Rated, arms: Sequence[Arm], budget: int, batch: int, seeds: Sequence[int]) -> list[Curve]:
    """Run every arm.

    Parameters
    ----------
    rated : Rated
    arms : sequence of Arm
    budget : int
        Votes to spend in each run.
    batch : int
        Votes spent between two choices.
    seeds : sequence of int
        Runs of each arm, each with judging photos, votes and first batch of its own.
    """
    kernel = np.exp(-squared_distances(rated.vectors, rated.vectors) / typical_distance(rated.vectors))
    kernel = np.asarray(kernel, dtype=np.float64)
    mean = np.array([votes.mean() for votes in rated.votes])
    curves = []
    for arm in arms:
        runs = [_run(rated, kernel, mean, arm, budget, batch, seed) for seed in seeds]
        length = min(len(srcc) for _, srcc in runs)
        spent = np.array(runs[0][0][:length])
        curves.append(Curve(arm, spent, np.array([srcc[:length] for _, srcc in runs])))
    return curves


def saving(curve: Curve, baseline: Curve, seed: int = 0, draws: int = DRAWS) -> Figure:
    """Votes needed over votes that the baseline needs, averaged over the levels that both reach.

    The interval is over seeds, drawn in pairs.
    """

    def ratio(rows: Ints) -> float:
        # Levels within the first batch are reached by its luck, not by any choice.
        start = curve.srcc[rows, 0].mean()
        later = baseline.spent[1:][np.maximum.accumulate(baseline.srcc[rows].mean(axis=0))[1:] > start]
        parts = _ratios(curve, baseline, rows, later)
        return float(np.nanmean(parts)) if np.isfinite(parts).any() else float("nan")

    return _over_seeds(curve, ratio, seed, draws)


def saving_at(curve: Curve, baseline: Curve, votes: int, seed: int = 0, draws: int = DRAWS) -> Figure:
    """Votes needed for what the baseline reaches with so many, over these; infinite where it is never reached."""

    def ratio(rows: Ints) -> float:
        found = float(_ratios(curve, baseline, rows, np.array([votes]))[0])
        return found if np.isfinite(found) else float("inf")

    return _over_seeds(curve, ratio, seed, draws)


def _ratios(curve: Curve, baseline: Curve, rows: Ints, votes: Ints) -> Floats:
    """Votes that the mean curve of some seeds needs for what the baseline's reaches with `votes`, over what that needs.

    A baseline that falls back has reached a level before: it needs its votes of then.
    """
    rising = np.maximum.accumulate(baseline.srcc[rows].mean(axis=0))
    wanted = np.interp(votes, baseline.spent, rising)
    own = votes_needed(curve.spent, curve.srcc[rows].mean(axis=0), wanted)
    return own / votes_needed(baseline.spent, rising, wanted)


def _over_seeds(curve: Curve, ratio: Callable[[Ints], float], seed: int, draws: int) -> Figure:
    seeds = len(curve.srcc)
    rng = np.random.default_rng(seed)
    drawn = np.array([ratio(rng.integers(0, seeds, seeds)) for _ in range(draws)])
    low, high = np.nanquantile(drawn, [0.025, 0.975], method="nearest")  # infinities cannot be interpolated
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
        state = condition(kernel, chosen, sampled[chosen], noise)
        spent.append(len(chosen) * arm.votes)
        srcc.append(spearman(state.score[judges], mean[judges]))
        left = np.setdiff1d(pool, chosen)
        if spent[-1] + per_batch * arm.votes > budget or len(left) < per_batch:
            return spent, srcc
        chosen = np.concatenate([chosen, next_photos(arm.strategy, state, left, per_batch, rng)])


@dataclass(frozen=True)
class State:
    """What is known of all photos after some were rated: a Gaussian process.

    Attributes
    ----------
    kernel : ndarray, shape (n, n)
        Between all photos, 1 on the diagonal.
    seen : ndarray of int64
        Photos rated.
    noise : float
        Variance of a photo's mean vote around the process.
    score : ndarray, shape (n,)
        Predicted scores.
    explained : ndarray, shape (seen, n)
        Its inner products are what the votes took off the kernel.
    """

    kernel: Floats
    seen: Ints
    noise: float
    score: Floats
    explained: Floats

    def unsure(self, rows: Ints) -> Floats:
        """Posterior covariance of some photos."""
        part = self.explained[:, rows]
        return np.asarray(self.kernel[np.ix_(rows, rows)] - part.T @ part)


def condition(kernel: Floats, seen: Ints, values: Floats, noise: float) -> State:
    """The process, given mean votes of the photos seen."""
    centre = values.mean()
    factor = np.linalg.cholesky(kernel[np.ix_(seen, seen)] + noise * np.eye(len(seen)))
    explained = scipy.linalg.solve_triangular(factor, kernel[seen], lower=True, check_finite=False)
    known = scipy.linalg.solve_triangular(factor, values - centre, lower=True, check_finite=False)
    return State(kernel, seen, noise, centre + known @ explained, explained)


def next_photos(strategy: Strategy, state: State, left: Ints, count: int, rng: np.random.Generator) -> Ints:
    """The photos that a strategy takes next, out of those in `left`."""
    if strategy is Strategy.RANDOM:
        return np.asarray(rng.permutation(left)[:count])
    if strategy is Strategy.K_CENTER:
        return farthest(1 - state.kernel, state.seen, left, count)
    if strategy is Strategy.UNCERTAINTY:
        variance = 1 - np.sum(state.explained[:, left] ** 2, axis=0)
        return np.asarray(left[np.argsort(-variance, kind="stable")[:count]])
    target = left if strategy is Strategy.INFORMED_BY_POOL else np.arange(len(state.kernel))
    by_chance = round(RANDOM_SHARE * count)
    free = np.isin(target, left)
    rows = informed_choice(state.unsure(target), free, state.score[target], count - by_chance, state.noise)
    rest = np.setdiff1d(left, target[rows])
    return np.concatenate([target[rows], rng.permutation(rest)[:by_chance]])

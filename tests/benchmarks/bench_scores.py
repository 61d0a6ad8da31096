"""Scores at a million votes: seconds (wall and processor) and memory.

Runs by itself: ``python tests/benchmarks/bench_scores.py``
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from labeling.scoring.agreement import alpha
from labeling.scoring.intraclass import one_way, sums
from labeling.scoring.pairs import Wins, bradley_terry
from labeling.scoring.reliability import split_half
from labeling.scoring.two_way import two_way
from labeling.scoring.votes import VoteSet


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Run, and print wall and processor seconds: on a busy machine only the latter mean something."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name}: {wall:.1f} s wall, {cpu:.1f} s processor, peak {memory:.2f} GB so far", flush=True)
    return result


def sparse_votes(photos: int = 100_000, raters: int = 5_000, per_photo: int = 10) -> tuple[VoteSet, Any]:
    """A million votes of random raters, with the truth."""
    rng = np.random.default_rng(0)
    quality = rng.uniform(2, 6, photos)
    photo = np.repeat(np.arange(photos), per_photo)
    steps = np.cumsum(rng.integers(1, raters // per_photo, (photos, per_photo)), axis=1)  # no rater twice on a photo
    rater = (rng.integers(0, raters, photos)[:, None] + steps).ravel() % raters
    bias, spread = rng.normal(0, 0.5, raters), rng.uniform(0.5, 1.0, raters)
    vote = quality[photo] + bias[rater] + spread[rater] * rng.normal(size=len(photo))
    return VoteSet(photo, rater, np.clip(np.round(vote), 1, 7), photos, raters), quality


def random_pairs(photos: int = 50_000, judgements: int = 1_000_000) -> Wins:
    """A million judgements among random pairs, each photo being in about forty."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=photos) / 2
    left = rng.integers(0, photos, judgements)
    right = (left + rng.integers(1, photos, judgements)) % photos
    won = rng.random(judgements) < 1 / (1 + np.exp(quality[right] - quality[left]))
    return Wins.from_judgements(left, right, won, photos)


def main() -> None:
    """Run all."""
    votes, truth = sparse_votes()
    fit = timed("release default with intervals, 1,000,000 votes", lambda: two_way(votes))
    inside = (np.abs(fit.quality - truth - (fit.quality - truth).mean()) <= 1.96 * fit.se).mean()
    print(f"  rounds {fit.rounds}, exact {fit.exact}, coverage {inside:.3f}")

    def figures() -> list[object]:
        return [one_way(*sums(votes)), alpha(votes), split_half(votes, 100)]

    timed("ICC, alpha, split-half (100 halves), 1,000,000 votes", figures)
    wins = random_pairs()
    scores = timed("Bradley-Terry, 1,000,000 comparisons of 50,000 photos", lambda: bradley_terry(wins, prior=0.01))
    first = np.random.default_rng(1).integers(0, wins.photos, 500)
    timed("  errors of 500 differences", lambda: scores.difference_errors(first, (first + 1) % wins.photos))


if __name__ == "__main__":
    main()

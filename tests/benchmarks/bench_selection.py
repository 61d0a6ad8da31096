"""How fast a batch is chosen and a study designed, and what choosing gains over a plain random sample.

``python tests/benchmarks/bench_selection.py [--photos 1000000] [--batch 2000]``

Properties are peaked as those of real photos, vectors have clusters of very different sizes. Figures are for one
process; the floor is what any choice has to do: to give every photo a random number and sort by it.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import time

import numpy as np
import numpy.typing as npt

from labeling.design.balance import balance
from labeling.design.blocks import incomplete_blocks
from labeling.design.per_rater import Sizes, per_rater
from labeling.design.stimuli import Stimulus
from labeling.selection.choose import Rules, choose
from labeling.selection.coverage import coverage
from labeling.selection.flattening import FINE_BINS, bins, flatness
from labeling.selection.pool import Cap, Pool, permanent_numbers
from schemas.codes import TaskRole

NAMES = ("brightness", "contrast", "colorfulness", "saturation", "sharpness", "entropy")
RULES = Rules(0.18, ("brightness", "colorfulness", "sharpness"), 3, NAMES, "bench")
DIMENSIONS = 512
CLUSTERS = 200


def synthetic_pool(count: int) -> tuple[Pool, npt.NDArray[np.float32]]:
    """Candidates and their unit vectors."""
    rng = np.random.default_rng(0)
    ids = sorted(hashlib.sha256(str(n).encode()).hexdigest() for n in range(count))
    properties = {name: rng.normal(0.5, 0.12, count) if n % 2 else rng.lognormal(0, 0.5, count) for n, name in
                  enumerate(NAMES)}  # fmt: skip
    centres = rng.normal(size=(CLUSTERS, DIMENSIONS)).astype(np.float32)
    members = np.minimum(rng.zipf(1.5, count) - 1, CLUSTERS - 1)
    vectors = np.empty((count, DIMENSIONS), dtype=np.float32)
    for start in range(0, count, 50_000):
        rows = slice(start, start + 50_000)
        part = centres[members[rows]] + rng.normal(0, 1.0, (len(members[rows]), DIMENSIONS)).astype(np.float32)
        vectors[rows] = part / np.linalg.norm(part, axis=1, keepdims=True)
    caps = (Cap("photographer", rng.integers(-1, max(1, count // 20), count), 50),)
    return Pool(ids, properties, caps), vectors


def evenness(pool: Pool, rows: npt.NDArray[np.int64]) -> float:
    """Mean evenness of the histograms of the chosen."""
    return float(np.mean([flatness(bins(pool.properties[n], FINE_BINS)[rows], FINE_BINS) for n in NAMES]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=2000)
    options = parser.parse_args()
    pool, vectors = synthetic_pool(options.photos)

    began = time.perf_counter()
    drawn = np.sort(np.argsort(permanent_numbers(pool.photo_ids, "floor"))[: options.batch])
    floor = time.perf_counter() - began
    began = time.perf_counter()
    found = choose(pool, options.batch, RULES, lambda rows: vectors[rows])
    taken = time.perf_counter() - began
    print(f"choose {options.batch:,} of {options.photos:,}: {taken:.1f} s, {taken / floor:.1f} times a random sample")
    sample = np.random.default_rng(1).choice(options.photos, min(20_000, options.photos), replace=False)
    for name, rows in (("random sample", drawn), ("chosen", found.rows)):
        both = np.concatenate([vectors[sample], vectors[rows]])
        covered = coverage(both, np.arange(len(sample), len(both)))
        print(f"  {name:14} evenness {evenness(pool, rows):.3f}, coverage {covered:.3f}")

    incomplete_blocks(20, 5, 3, "compile")
    for photos, raters, votes in ((25, 5, 3), (1000, 60, 12), (997, 60, 12), (5000, 500, 15)):
        began = time.perf_counter()
        design = balance(incomplete_blocks(photos, raters, votes, "bench"))
        taken = time.perf_counter() - began
        spread = design.concurrence_sd / design.least_sd
        at_random = balance(random_design(photos, raters, votes)).concurrence_sd / design.least_sd
        print(
            f"design {photos:,} photos x {raters} raters x {votes}: {taken:.2f} s, spread of concurrence "
            f"{spread:.5f} of the bound (raters drawn at random: {at_random:.3f})"
        )
    stimuli = [
        Stimulus((f"{n:04}",), TaskRole.RATE, "diverse", alike=frozenset({f"group {n // 3}"})) for n in range(1000)
    ]
    began = time.perf_counter()
    made = per_rater("bench", stimuli, b"key", Sizes(60, 12, 0.08, 20, 5, "bench"))
    print(f"study of {len(made.tasks):,} tasks, {made.repeats} repeats a rater: {time.perf_counter() - began:.1f} s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB, vectors included")


def random_design(photos: int, raters: int, votes: int) -> npt.NDArray[np.bool_]:
    """Raters drawn for each photo without replacement: what one gets without a design."""
    rng = np.random.default_rng(2)
    seen = np.zeros((photos, raters), dtype=np.bool_)
    for row in seen:
        row[rng.choice(raters, votes, replace=False)] = True
    return seen


if __name__ == "__main__":
    main()

"""A batch out of a pool: a diverse part chosen with certainty, and a simple random sample of the rest.

The inclusion probability of every photo of the pool is exact. The diverse part D is a function of the pool and
the seed, so its photos are a take-all stratum with probability 1; the random part is a simple random sample of
m out of the N - |D| others, each with probability m / (N - |D|). Weighting by the inverse gives unbiased
figures for the whole pool (Horvitz and Thompson 1952).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.selection.coverage import Margins, covering
from labeling.selection.flattening import FINE_BINS, apportioned, bins, expected_counts, raked, strata
from labeling.selection.pool import Codes, Floats, Ints, Pool, permanent_numbers, within_caps

CANDIDATES_PER_PHOTO = 10
"""Facility location in a stratum chooses among this many photos for each one that it takes."""

Vectors = Callable[[Ints], npt.NDArray[np.float32]]
"""Rows of the pool to their L2-normalised vectors, shape (rows, d)."""


@dataclass(frozen=True)
class Rules:
    """How to choose; see `schemas.settings.study.StudySettings`."""

    random_share: float
    strata: tuple[str, ...]
    strata_bins: int
    flatten: tuple[str, ...]
    seed: str


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Parameters
    ----------
    rows : ndarray of int64, shape (k,)
        Rows of the pool, ascending.
    random : ndarray of bool, shape (k,)
        Chosen by the simple random share.
    probability : ndarray of float64, shape (k,)
        Inclusion probability.
    stratum : ndarray of int32, shape (n,)
        Stratum of every photo of the pool.
    stratum_names : list of str
        Names of the strata.
    rest_probability : float
        Inclusion probability of every photo of the pool that was not chosen with certainty.
    """

    rows: Ints
    random: npt.NDArray[np.bool_]
    probability: Floats
    stratum: Codes
    stratum_names: list[str]
    rest_probability: float


def choose(pool: Pool, wanted: int, rules: Rules, vectors: Vectors | None = None) -> Choice:
    """Choose `wanted` photos.

    Parameters
    ----------
    pool : Pool
        The candidates.
    wanted : int
        How many; the whole pool where it is no larger.
    rules : Rules
        How.
    vectors : callable, optional
        Gives the embeddings of some rows; without it the standardised properties take their place.

    Raises
    ------
    KeyError
        A property of the rules is not in the pool.
    """
    n = len(pool)
    codes, names = _strata(pool, rules)
    wanted = min(wanted, n)
    n_random = round(rules.random_share * wanted) if wanted < n else 0
    numbers = permanent_numbers(pool.photo_ids, rules.seed)
    certain = _diverse(pool, wanted - n_random, rules, codes, numbers, vectors or _standardised(pool, rules))
    taken = np.zeros(n, dtype=np.bool_)
    taken[certain] = True
    rest = np.flatnonzero(~taken)
    n_random = wanted - len(certain)  # caps may leave room
    # Other numbers than those that decided who is diverse: the draw must not depend on them.
    draw = permanent_numbers(pool.photo_ids, rules.seed + "/random share")[rest]
    drawn = rest[np.argsort(draw, kind="stable")[:n_random]]
    probability = n_random / len(rest) if len(rest) else 1.0
    rows = np.sort(np.concatenate([certain, drawn]))
    is_random = np.isin(rows, drawn)
    return Choice(
        rows=rows,
        random=is_random,
        probability=np.where(is_random, probability, 1.0),
        stratum=codes,
        stratum_names=names,
        rest_probability=probability,
    )


def simple_random(photo_ids: list[str], wanted: int, seed: str) -> tuple[list[str], float]:
    """A simple random sample of ids, ascending, and its inclusion probability."""
    wanted = min(wanted, len(photo_ids))
    if not wanted:
        return [], 0.0
    order = np.argsort(permanent_numbers(photo_ids, seed), kind="stable")[:wanted]
    return sorted(photo_ids[row] for row in order), wanted / len(photo_ids)


def _strata(pool: Pool, rules: Rules) -> tuple[npt.NDArray[np.int32], list[str]]:
    if not rules.strata:
        return np.zeros(len(pool), dtype=np.int32), ["all"]
    return strata([(name, pool.properties[name]) for name in rules.strata], rules.strata_bins)


def _diverse(pool: Pool, wanted: int, rules: Rules, codes: Codes, numbers: Floats, vectors: Vectors) -> Ints:
    """The rows of the take-all part: flat margins between strata and within, coverage within."""
    if wanted <= 0:
        return np.empty(0, dtype=np.int64)
    fine = [bins(pool.properties[name], FINE_BINS) for name in rules.flatten]
    weights = raked(fine) if fine else np.ones(len(pool))
    # Efraimidis and Spirakis (2006): the smallest keys are a sample drawn in proportion to the weights.
    keys = -np.log(numbers) / weights
    free = np.flatnonzero(within_caps(pool.caps, keys))
    if wanted >= len(free):
        return free
    share = expected_counts(weights[free], wanted)
    count = int(codes.max()) + 1
    per_stratum = apportioned(
        np.bincount(codes[free], share, minlength=count).astype(np.float64),
        np.bincount(codes[free], minlength=count).astype(np.int64),
        wanted,
    )
    order = free[np.lexsort((keys[free], codes[free]))]
    starts = np.searchsorted(codes[order], np.arange(count))
    ends = np.searchsorted(codes[order], np.arange(count), side="right")
    stops = np.minimum(ends, starts + per_stratum * CANDIDATES_PER_PHOTO)
    blocks = [order[starts[h] : stops[h]] for h in np.flatnonzero(per_stratum)]
    # One call for all: each may be a pass over a table.
    parts = np.split(vectors(np.concatenate(blocks)), np.cumsum([len(block) for block in blocks])[:-1])
    table = np.stack(fine, axis=1) if fine else np.zeros((len(pool), 0), dtype=np.int8)
    short = np.zeros((table.shape[1], FINE_BINS + 1))
    chosen = []
    for stratum, block, part in zip(np.flatnonzero(per_stratum), blocks, parts, strict=True):
        members = free[codes[free] == stratum]
        _expect(short, table[members], share[codes[free] == stratum])
        rows = covering(part, int(per_stratum[stratum]), Margins(table[block], short) if fine else None)
        chosen.append(block[rows])
    return np.sort(np.concatenate(chosen))


def _expect(short: Floats, table: Codes, share: Floats) -> None:
    """Add what a stratum is expected to give to each bin, in place."""
    for column in range(len(short)):
        short[column] += np.bincount(table[:, column], share, minlength=short.shape[1])


def _standardised(pool: Pool, rules: Rules) -> Vectors:
    """Directions in the space of standardised properties, where no embedding is there."""
    names = [name for name in dict.fromkeys((*rules.flatten, *rules.strata)) if name in pool.properties]
    if not names:
        return lambda rows: np.ones((len(rows), 1), dtype=np.float32)
    scales = []
    for name in names:
        known = pool.properties[name][np.isfinite(pool.properties[name])]
        scales.append((float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0))

    def directions(rows: Ints) -> npt.NDArray[np.float32]:
        columns = []
        for name, (centre, spread) in zip(names, scales, strict=True):
            values = pool.properties[name][rows]
            columns.append(np.where(np.isfinite(values), (values - centre) / spread, 0.0))
        matrix = np.stack([*columns, np.full(len(rows), 0.5)], axis=1).astype(np.float32)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        return matrix

    return directions

"""All pairs of 64-bit fingerprints within a Hamming radius: exact by construction, in bounded memory.

Words that are equal are collapsed first: `Distinct` names each word once, and the join works on these. So a
thousand equal black frames cost one word, and time depends on how many different words there are.

Memory: about 24 bytes for each distinct word (the words in the plan's order, one partitioned copy, and the
caller's own), 2 MB for each thread, and the pairs of one sweep. Words that differ and all lie near each other (the
frames of a camera that never moves) make pairs by the square of their number: beyond `MOST_PAIRS` the join says so
and ends, before memory does.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.duplicates.hamming_plan import Choice, Field, Plan, Sweep, plan_join, plan_probe, sweeps
from schemas.errors import BadInput

Words = npt.NDArray[np.uint64]

FEW = 20_000
"""Below so many words (or so many squared comparisons) plain numpy is faster than loading compiled code."""
LARGEST_RADIUS = 16
MOST_PAIRS = 100_000_000
"""Pairs of one join (17 bytes each, several times over while they are sorted): 14,000 words that are all near."""


@dataclass(frozen=True)
class Distinct:
    """Words with equal ones collapsed.

    Parameters
    ----------
    words : (m,) uint64
        The distinct words, ascending.
    items : (n,) int64
        Positions in the original array, word by word and ascending within a word.
    starts : (m + 1,) int64
        The items of word ``k`` are ``items[starts[k]:starts[k + 1]]``.
    """

    words: Words
    items: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, words: Words) -> Distinct:
        """Collapse equal words."""
        items = np.argsort(words, kind="stable").astype(np.int64, copy=False)
        ordered = words[items]
        first = np.ones(words.size, bool)
        first[1:] = ordered[1:] != ordered[:-1]
        starts = np.append(np.flatnonzero(first), words.size).astype(np.int64)
        return cls(ordered[first], items, starts)


@dataclass(frozen=True)
class Matches:
    """Pairs within the radius, as positions in the arrays that were joined.

    Parameters
    ----------
    left, right : (p,) int64
        Positions; within one array ``left < right``.
    distance : (p,) uint8
        Bits in which the two differ, 0 to the radius.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    distance: npt.NDArray[np.uint8]

    @classmethod
    def joined(cls, parts: list[Matches]) -> Matches:
        """Several as one, ordered by left, then right."""
        if not parts:
            nothing = np.empty(0, np.int64)
            return cls(nothing, nothing, np.empty(0, np.uint8))
        left = np.concatenate([p.left for p in parts])
        right = np.concatenate([p.right for p in parts])
        order = np.lexsort((right, left))
        return cls(left[order], right[order], np.concatenate([p.distance for p in parts])[order])


def join(words: Words, radius: int, threads: int | None = None) -> Iterator[Matches]:
    """Every pair of distinct words that differ in at most `radius` bits, each once, sweep by sweep.

    Parameters
    ----------
    words : (n,) uint64
        Ascending, without repetition: see `Distinct`.
    radius : int
        0 to 16.
    threads : int, optional
        One per core by default.

    Raises
    ------
    BadInput
        There are more than `MOST_PAIRS` pairs.
    """
    _check(radius)
    yield from _counted(_join(words, radius, threads), radius)


def _counted(parts: Iterator[Matches], radius: int) -> Iterator[Matches]:
    total = 0
    for part in parts:
        total += part.left.size
        if total > MOST_PAIRS:
            raise crowded(radius)
        yield part


def crowded(radius: int) -> BadInput:
    """Too many pairs to hold."""
    return BadInput(
        "too many different fingerprints lie near each other to compare them pair by pair",
        expected=f"at most {MOST_PAIRS:,} pairs within {radius} bits",
        todo="Set a smaller radius under [dedupe] in salon.toml, or leave out what is alike by the thousand (frames "
        "of a camera that does not move).",
    )


def _join(words: Words, radius: int, threads: int | None) -> Iterator[Matches]:
    if radius == 0 or words.size < 2:
        return
    plan = None if words.size <= FEW else plan_join(radius, words)
    if plan is None:
        yield from _join_few(words, radius)
        return
    moved = _permuted(words, plan.order)
    back = _inverse(plan.order)
    room = np.empty_like(moved)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for sweep in sweeps(plan, words.size):
            bounds = _partition(moved, sweep, room, pool)
            pairs = _sweep(plan, sweep, room, bounds, pool)
            if pairs.shape[0]:
                yield _matches(words, words, _permuted(pairs.reshape(-1), back).reshape(-1, 2))


def join_between(many: Words, few: Words, radius: int, threads: int | None = None) -> Iterator[Matches]:
    """Every pair of one of `many` words and one of a `few` within the radius: new photos against old ones.

    Time is that of passing over `many` some dozens of times; `few` should be at most some percent of them.
    Both are ascending without repetition; a word that stands in both is a pair at distance 0.
    `left` counts in `many`, `right` in `few`. Raises BadInput where there are more than `MOST_PAIRS`.
    """
    _check(radius)
    yield from _counted(_join_between(many, few, radius, threads), radius)


def _join_between(many: Words, few: Words, radius: int, threads: int | None) -> Iterator[Matches]:
    if not many.size or not few.size:
        return
    if many.size * few.size <= FEW * FEW // 2:
        yield from _between_few(many, few, radius)
        return
    plan = plan_probe(radius, few)
    moved, wanted = _permuted(many, plan.order), _permuted(few, plan.order)
    back = _inverse(plan.order)
    room, few_room = np.empty_like(moved), np.empty_like(wanted)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for sweep in sweeps(plan, many.size):
            bounds = _partition(moved, sweep, room, pool)
            few_bounds = _partition(wanted, sweep, few_room, pool)
            pairs = _probe(plan, sweep, (room, bounds), (few_room, few_bounds), pool)
            if pairs.shape[0]:
                yield _matches(many, few, _permuted(pairs.reshape(-1), back).reshape(-1, 2))


def _check(radius: int) -> None:
    if not 0 <= radius <= LARGEST_RADIUS:
        raise ValueError(f"radius {radius}: expected 0 to {LARGEST_RADIUS} bits")


# -- small sets: plain numpy -------------------------------------------------------------------------
def _join_few(words: Words, radius: int) -> Iterator[Matches]:
    rows = max(1, 4_000_000 // words.size)
    for start in range(0, words.size, rows):
        block = words[start : start + rows]
        distance = np.bitwise_count(block[:, None] ^ words[None, start:])
        left, right = np.nonzero(distance <= radius)
        upper = left < right
        left, right = left[upper], right[upper]
        if left.size:
            yield Matches(left + start, right + start, distance[left, right])


def _between_few(many: Words, few: Words, radius: int) -> Iterator[Matches]:
    rows = max(1, 4_000_000 // few.size)
    for start in range(0, many.size, rows):
        distance = np.bitwise_count(many[start : start + rows, None] ^ few[None, :])
        left, right = np.nonzero(distance <= radius)
        if left.size:
            yield Matches(left + start, right, distance[left, right])


# -- large sets: sorted runs -------------------------------------------------------------------------
def _columns(fields: tuple[Field, ...]) -> tuple[Words, Words]:
    return (
        np.array([field.shift for field in fields], np.uint64),
        np.array([field.width for field in fields], np.uint64),
    )


def _masks(plan: Plan) -> Words:
    return np.array([((1 << field.width) - 1) << field.shift for field in plan.blocks], np.uint64)


def _rule(plan: Plan, choice: Choice) -> Words:
    first = choice.part * plan.blocks_per_part
    return np.array([plan.radius, choice.part, sum(1 << (block - first) for block in choice.blocks)], np.uint64)


def _partition(moved: Words, sweep: Sweep, room: Words, pool: ThreadPoolExecutor) -> npt.NDArray[np.int64]:
    """Partition the words by the sweep's prefix into `room`; returns the buckets' bounds."""
    from curation.duplicates import hamming_kernels as kernels

    if not sweep.prefix:
        room[:] = moved
        return np.array([0, moved.size], np.int64)
    shifts, widths = _columns(sweep.prefix)
    buckets = 1 << int(widths.sum())
    chunks = np.array_split(moved, pool._max_workers)
    counts = np.zeros((len(chunks), buckets), np.int64)
    list(pool.map(lambda chunk, count: kernels.count_keys(chunk, shifts, widths, count), chunks, counts))
    bounds = np.concatenate([[0], np.cumsum(counts.sum(0))])
    places = bounds[:-1] + np.cumsum(counts, axis=0) - counts
    list(pool.map(lambda chunk, place: kernels.partition(chunk, shifts, widths, place, room), chunks, places))
    return bounds


def _sweep(plan: Plan, sweep: Sweep, room: Words, bounds: npt.NDArray[np.int64], pool: ThreadPoolExecutor) -> Words:
    """The pairs, in the plan's bit order, that the sweep's choices bring together."""
    from curation.duplicates import hamming_kernels as kernels

    masks, needs = _masks(plan), np.array(plan.needs, np.int64)
    prepared = [(*_columns(bins), _rule(plan, choice)) for choice, bins in zip(sweep.choices, sweep.bins, strict=True)]
    largest = int(np.diff(bounds).max())
    deepest = max(int(widths.sum()) for _, widths, _ in prepared)
    upcoming = itertools.count()

    def work(_: int) -> list[Words]:
        keys = np.empty(largest, np.uint32)
        starts = np.empty((1 << deepest) + 2, np.int64)
        bins_room = np.empty(largest, np.uint64)
        found = np.empty((max(largest, 1 << 14), 2), np.uint64)
        results: list[Words] = []
        kept = 0
        while (bucket := next(upcoming)) < bounds.size - 1:
            words = room[bounds[bucket] : bounds[bucket + 1]]
            for shifts, widths, rule in prepared if words.size > 1 else ():
                ordered = bins_room[: words.size]
                bins = kernels.sort_bucket(words, shifts, widths, keys, starts, ordered)
                at = 0
                while at < words.size:
                    written, at = kernels.scan_bins(ordered, starts, bins, at, rule, masks, needs, found)
                    if written:
                        results.append(found[:written].copy())
                        kept += written
                    if kept > MOST_PAIRS:
                        raise crowded(plan.radius)
        return results

    parts = [part for parts in pool.map(work, range(pool._max_workers)) for part in parts]
    return np.concatenate(parts) if parts else np.empty((0, 2), np.uint64)


Partitioned = tuple[Words, npt.NDArray[np.int64]]
"""Words in buckets, and the buckets' bounds."""


def _probe(plan: Plan, sweep: Sweep, many: Partitioned, few: Partitioned, pool: ThreadPoolExecutor) -> Words:
    """The pairs, in the plan's bit order, that the sweep's choices bring together across the two sets."""
    from curation.duplicates import hamming_kernels as kernels

    masks, needs = _masks(plan), np.array(plan.needs, np.int64)
    prepared = [(*_columns(bins), _rule(plan, choice)) for choice, bins in zip(sweep.choices, sweep.bins, strict=True)]
    largest, largest_few = int(np.diff(many[1]).max()), int(np.diff(few[1]).max())
    deepest = max(int(widths.sum()) for _, widths, _ in prepared)
    upcoming = itertools.count()

    def work(_: int) -> list[Words]:
        keys = np.empty(max(largest, largest_few), np.uint32)
        starts, few_starts = np.empty((1 << deepest) + 2, np.int64), np.empty((1 << deepest) + 2, np.int64)
        bins_room, few_room = np.empty(largest, np.uint64), np.empty(largest_few, np.uint64)
        found = np.empty((max(largest, 1 << 14), 2), np.uint64)
        results: list[Words] = []
        kept = 0
        while (bucket := next(upcoming)) < many[1].size - 1:
            words = many[0][many[1][bucket] : many[1][bucket + 1]]
            wanted = few[0][few[1][bucket] : few[1][bucket + 1]]
            for shifts, widths, rule in prepared if words.size and wanted.size else ():
                ordered, few_ordered = bins_room[: words.size], few_room[: wanted.size]
                bins = kernels.sort_bucket(wanted, shifts, widths, keys, few_starts, few_ordered)
                kernels.sort_bucket(words, shifts, widths, keys, starts, ordered)
                at = 0
                while at < wanted.size:
                    written, at = kernels.match_bins(
                        ordered, starts, few_ordered, few_starts, bins, at, rule, masks, needs, found
                    )
                    if written:
                        results.append(found[:written].copy())
                        kept += written
                    if kept > MOST_PAIRS:
                        raise crowded(plan.radius)
        return results

    parts = [part for parts in pool.map(work, range(pool._max_workers)) for part in parts]
    return np.concatenate(parts) if parts else np.empty((0, 2), np.uint64)


# -- the order of bits -------------------------------------------------------------------------------
def _permuted(words: Words, order: tuple[int, ...]) -> Words:
    """Words whose bit at place ``i`` is the original's bit ``order[i]``."""
    from curation.duplicates import hamming_kernels as kernels

    tables = np.zeros((8, 256), np.uint64)
    for place, bit in enumerate(order):
        byte, inner = divmod(bit, 8)
        tables[byte] |= ((np.arange(256, dtype=np.uint64) >> np.uint64(inner)) & np.uint64(1)) << np.uint64(place)
    out = np.empty(words.size, np.uint64)
    kernels.permute(np.ascontiguousarray(words), tables, out)
    return out


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    places = [0] * len(order)
    for place, bit in enumerate(order):
        places[bit] = place
    return tuple(places)


def _matches(left_words: Words, right_words: Words, pairs: Words) -> Matches:
    """Pairs of words as pairs of positions, smaller first within one array."""
    distance = np.bitwise_count(pairs[:, 0] ^ pairs[:, 1])
    left = np.searchsorted(left_words, pairs[:, 0])
    right = np.searchsorted(right_words, pairs[:, 1])
    if left_words is right_words:
        left, right = np.minimum(left, right), np.maximum(left, right)
    return Matches(left.astype(np.int64), right.astype(np.int64), distance)

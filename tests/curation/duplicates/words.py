"""Words with planted neighbours, and all pairs by brute force."""

from __future__ import annotations

import numpy as np

from curation.duplicates.hamming import Words


def planted(count: int, furthest: int = 10, seed: int = 0) -> Words:
    """Distinct random words, ascending; a tenth lie 0 to `furthest` bits from another."""
    rng = np.random.default_rng(seed)
    originals = rng.integers(0, 2**64, count - count // 10, dtype=np.uint64)
    copies = originals[rng.integers(0, originals.size, count // 10)]
    distance = rng.integers(0, furthest + 1, copies.size)
    for place in range(copies.size):
        for bit in rng.choice(64, distance[place], replace=False):
            copies[place] ^= np.uint64(1) << np.uint64(bit)
    words: Words = np.unique(np.concatenate([originals, copies]))
    return words


def brute_force(left: Words, right: Words, radius: int) -> set[tuple[int, int, int]]:
    """All pairs within the radius as (position, position, distance), by counting the bits of each pair."""
    found = set()
    rows = max(1, 400_000 // max(1, right.size))  # a block fits the cache
    for start in range(0, left.size, rows):
        distance = np.bitwise_count(left[start : start + rows, None] ^ right[None, :])
        i, j = np.nonzero(distance <= radius)
        found |= set(zip((i + start).tolist(), j.tolist(), distance[i, j].tolist(), strict=True))
    return found

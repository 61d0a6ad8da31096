"""Which photos are compared with which: a sparse graph that is connected and balanced by construction."""

from __future__ import annotations

import numpy as np

MOST_TRIES = 200


def balanced_pairs(count: int, per_item: int, seed: str) -> list[tuple[int, int]]:
    """Ordered pairs (left, right) over items 0 to count - 1.

    The pairs are the union of `per_item / 2` random closed tours through all items. So every item is in
    `per_item` pairs, as often left as right, and the graph is connected: even strongly, so that a
    Bradley-Terry scale exists for it as a design. No pair is asked twice.

    Parameters
    ----------
    count : int
        Number of items, at least 2.
    per_item : int
        Even; lowered to what `count` items allow.
    seed : str
        Word that the draw starts from.
    """
    if count < 2:
        return []
    if count == 2:
        return [(0, 1)]
    rng = np.random.default_rng(list(f"{seed}/pairs".encode()))
    tours = min(per_item // 2, (count - 1) // 2)
    pairs: list[tuple[int, int]] = []
    used: set[frozenset[int]] = set()
    for _ in range(tours):
        for _ in range(MOST_TRIES):
            tour = _mended(rng.permutation(count).tolist(), used, rng)
            if tour is not None:
                break
        else:
            break  # a small, nearly complete graph: fewer pairs, never a pair twice
        fresh = list(zip(tour, [*tour[1:], tour[0]], strict=True))
        used |= {frozenset(pair) for pair in fresh}
        pairs += fresh
    return pairs


def _mended(tour: list[int], used: set[frozenset[int]], rng: np.random.Generator) -> list[int] | None:
    """The tour without used edges, by reversing stretches of it (2-opt); None where that fails."""
    n = len(tour)
    for _ in range(20 * n):
        bad = [i for i in range(n) if frozenset((tour[i], tour[(i + 1) % n])) in used]
        if not bad:
            return tour
        i = bad[0]
        tour = tour[i + 1 :] + tour[: i + 1]  # the bad edge now closes the tour
        j = int(rng.integers(1, n - 1))
        tour = tour[: j + 1] + tour[j + 1 :][::-1]
    return None

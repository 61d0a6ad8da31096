"""Every pair of vectors within a cosine distance, in one block or many, by clusters or not, at once or bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from curation.duplicates import vector_ranges
from curation.duplicates.vector_ranges import Vectors, pairs_within

Pairs = dict[tuple[int, int], float]


def unit(vectors: npt.NDArray[Any]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def crowded(count: int, width: int, seed: int = 0) -> Vectors:
    """Vectors about a few centres, some of them near copies of others, some equal, and some on a border."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(8, width))
    vectors = unit(centres[rng.integers(0, 8, count)] + 0.8 * rng.normal(size=(count, width)))
    copies = rng.integers(0, count, count // 5)
    vectors[: copies.size] = unit(
        vectors[copies] + rng.uniform(0, 0.06, (copies.size, 1)) * rng.normal(size=(1, width))
    )
    vectors[-10:-5] = vectors[:5]
    halfway = vectors[10:20].astype(np.float64) + vectors[20:30]
    vectors[40:60:2] = unit(halfway)
    vectors[41:60:2] = unit(halfway + 0.01)
    return vectors


def brute_force(vectors: Vectors, new: npt.NDArray[np.bool_], limit: float) -> Pairs:
    distance = np.round(np.maximum(0, 1 - vectors.astype(np.float64) @ vectors.astype(np.float64).T), 6)
    i, j = np.nonzero(np.triu(distance <= limit, 1))
    return {(int(a), int(b)): float(distance[a, b]) for a, b in zip(i, j, strict=True) if new[a] or new[b]}


def found(vectors: Vectors, new: npt.NDArray[np.bool_], limit: float, few: float) -> Pairs:
    pairs: Pairs = {}
    for part in pairs_within(vectors, new, limit, few=few):
        for a, b, distance in zip(part.left.tolist(), part.right.tolist(), part.distance.tolist(), strict=True):
            assert a < b
            assert (a, b) not in pairs
            pairs[a, b] = distance
    return pairs


@pytest.mark.parametrize("few", [1e12, 0.0], ids=["each with each", "by cluster"])
@pytest.mark.parametrize("limit", [0.0, 0.01, 0.1, 0.4])
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0], ids="{:.0%} new".format)
def test_all_pairs_within_the_distance_are_found_once(
    few: float, limit: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_ranges, "BLOCK", 128)
    monkeypatch.setattr(vector_ranges, "CLUSTER", 60)
    vectors = crowded(1500, 24)
    new = np.random.default_rng(1).random(len(vectors)) < share
    expected = brute_force(vectors, new, limit)
    assert expected or share < 1
    assert found(vectors, new, limit, few) == expected


def test_done_rows_add_up_to_the_new_ones() -> None:
    vectors = crowded(400, 8)
    new = np.arange(400) % 3 == 0
    for few in (1e12, 0.0):
        done: list[int] = []
        list(pairs_within(vectors, new, 0.05, done.append, few))
        assert sum(done) == new.sum()


def test_without_new_rows_nothing_is_done() -> None:
    vectors = crowded(100, 8)
    assert list(pairs_within(vectors, np.zeros(100, bool), 0.5)) == []
    assert list(pairs_within(vectors[:1], np.ones(1, bool), 0.5)) == []

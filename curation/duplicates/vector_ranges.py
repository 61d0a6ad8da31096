"""All pairs of unit vectors within a cosine distance: exact, in bounded memory.

Few vectors are compared block by block, each with each. Many are dealt to clusters first, as SemDeDup does, but
no pair is lost at a border: where two vectors lie in different clusters, their distances to the plane halfway
between the two centroids add up to at most the distance between them. So two clusters are compared only as far as
their members lie within the radius of the plane between them, and members far inside a cluster meet only their own.

Memory: the vectors may be memory-mapped; they are copied once into a file in the order of the clusters. In
memory are the products of a block (64 MB), n * clusters / 8 bytes (125 MB for a million vectors; twice that while
they are dealt), and the pairs of a block.

References
----------
A. Abbas et al., SemDeDup: data-efficient learning at web-scale through semantic deduplication, 2023.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

Vectors = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BLOCK = 4096
FEW = 2e9
"""Products of two vectors up to which every pair is compared: about 45,000 vectors, half a minute on two cores."""
STEP = 256
"""Vectors of a cluster that are compared with the same part of another one."""
CLUSTER = 1000
"""Vectors in a cluster, about."""
MOST_CLUSTERS = 1024
SAMPLE = 64
"""Vectors for each cluster from which its centroid is learnt."""
STEPS = 8
SLACK = 1e-5
"""A product of unit vectors in float32 is this near to the exact one."""
DIGITS = 6
"""Distances are rounded so: the same in whatever block they were worked out."""


@dataclass(frozen=True)
class Near:
    """Pairs within the distance, as rows, ``left < right``.

    Parameters
    ----------
    distance : (p,) float64
        1 less the cosine, rounded to six digits.
    """

    left: Index
    right: Index
    distance: npt.NDArray[np.float64]


def pairs_within(
    vectors: Vectors, new: Flags, limit: float, advance: Callable[[int], None] = lambda count: None, few: float = FEW
) -> Iterator[Near]:
    """Every pair of rows at most `limit` apart of which at least one is new, each once.

    Parameters
    ----------
    vectors : (n, d) float32
        L2-normalised.
    new : (n,) bool
        Rows whose pairs are not known yet.
    limit : float
        Largest 1 - cosine, 0 to 1.
    advance : callable
        Told how many rows are done.
    few : float
        Most products for which each row is compared with each.
    """
    if len(vectors) < 2 or not new.any():
        return
    if float(new.sum()) * len(vectors) <= few:
        yield from _each_with_each(vectors, new, limit, advance)
        return
    with tempfile.TemporaryDirectory(prefix="salon-clusters-") as folder:
        yield from _by_cluster(vectors, new, limit, advance, Path(folder))


# -- few ---------------------------------------------------------------------------------------------
def _each_with_each(vectors: Vectors, new: Flags, limit: float, advance: Callable[[int], None]) -> Iterator[Near]:
    fresh, old = np.flatnonzero(new), np.flatnonzero(~new)
    for rows, near in _among(vectors, fresh, limit):
        yield from near
        yield from _between(vectors, rows, old, limit)
        advance(rows.size)


def _among(vectors: Vectors, rows: Index, limit: float) -> Iterator[tuple[Index, Iterator[Near]]]:
    """Pairs of some rows with each other: for each block of them, with itself and those behind it."""
    for start in range(0, rows.size, BLOCK):
        block = rows[start : start + BLOCK]
        yield block, _between(vectors, block, rows[start:], limit, ascending=True)


def _between(vectors: Vectors, ours: Index, theirs: Index, limit: float, ascending: bool = False) -> Iterator[Near]:
    """Pairs of one of our rows and one of theirs; `ascending`: theirs are among ours, and each pair is wanted once."""
    for start in range(0, ours.size, BLOCK):
        left = ours[start : start + BLOCK]
        block = np.asarray(vectors[left])
        for at in range(0, theirs.size, BLOCK):
            right = theirs[at : at + BLOCK]
            i, j, distance = _compared(block, np.asarray(vectors[right]), limit)
            a, b = left[i], right[j]
            if ascending:
                once = a < b
                a, b, distance = a[once], b[once], distance[once]
            if a.size:
                yield Near(np.minimum(a, b), np.maximum(a, b), distance)


def _compared(ours: Vectors, theirs: Vectors, limit: float) -> tuple[Index, Index, npt.NDArray[np.float64]]:
    """Rows of two blocks at most `limit` apart: float32 picks them, float64 measures them."""
    i, j = np.nonzero(ours @ theirs.T >= 1 - limit - SLACK)
    exact = [
        np.einsum("ij,ij->i", ours[i[s : s + BLOCK]].astype(np.float64), theirs[j[s : s + BLOCK]].astype(np.float64))
        for s in range(0, i.size, BLOCK)
    ]
    cosine = np.concatenate(exact) if exact else np.empty(0)
    distance = np.round(np.maximum(0, 1 - cosine), DIGITS)
    kept = distance <= limit
    return i[kept], j[kept], distance[kept]


# -- many --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Clusters:
    """Rows by cluster.

    Parameters
    ----------
    rows : (n,) int64
        Rows of the matrix in the order of their clusters; `vectors` and `new` are in this order.
    bounds : (k + 1,) int64
        The members of cluster c stand at ``bounds[c]`` to ``bounds[c + 1]``.
    borders : (n, k / 8) uint8
        Bits: whether a member lies within the radius of the plane between its cluster and each other one.
    centroids : (k, d) float32
        Of length one.
    radius : float
        Euclidean distance of two vectors at the limit.
    """

    rows: Index
    bounds: Index
    vectors: Vectors
    new: Flags
    borders: npt.NDArray[np.uint8]
    centroids: Vectors
    radius: float

    def members(self, cluster: int) -> Index:
        """Places of a cluster's members."""
        return np.arange(self.bounds[cluster], self.bounds[cluster + 1])

    def towards(self, cluster: int, other: int) -> Index:
        """Places of the members that may have a partner in another cluster."""
        start, end = self.bounds[cluster], self.bounds[cluster + 1]
        column = self.borders[start:end, other // 8]
        return np.asarray(start + np.flatnonzero((column >> np.uint8(7 - other % 8)) & 1), np.int64)

    def by_row(self, found: Iterator[Near]) -> Iterator[Near]:
        """Pairs of places as pairs of the matrix's rows."""
        for near in found:
            a, b = self.rows[near.left], self.rows[near.right]
            yield Near(np.minimum(a, b), np.maximum(a, b), near.distance)


def _by_cluster(
    vectors: Vectors, new: Flags, limit: float, advance: Callable[[int], None], folder: Path
) -> Iterator[Near]:
    clusters = _dealt(vectors, new, limit, _centroids(vectors), folder)
    count = clusters.bounds.size - 1
    for one in range(count):
        members = clusters.members(one)
        if not members.size:
            continue
        fresh = members[clusters.new[members]]
        for _, near in _among(clusters.vectors, fresh, limit):
            yield from clusters.by_row(near)
        yield from clusters.by_row(_between(clusters.vectors, fresh, members[~clusters.new[members]], limit))
        reached = np.unpackbits(np.bitwise_or.reduce(clusters.borders[members], axis=0))[:count]
        for other in one + 1 + np.flatnonzero(reached[one + 1 :]):
            yield from clusters.by_row(_across(clusters, one, other, limit))
        advance(fresh.size)


def _across(clusters: _Clusters, one: int, other: int, limit: float) -> Iterator[Near]:
    """Pairs over the border of two clusters that touch a new row."""
    axis = clusters.centroids[one] - clusters.centroids[other]
    axis /= max(float(np.linalg.norm(axis)), 1e-6)
    ours, depths = _by_depth(clusters.vectors, clusters.towards(one, other), axis)
    theirs, their_depths = _by_depth(clusters.vectors, clusters.towards(other, one), -axis)
    for start in range(0, ours.size, STEP):
        # Two vectors are at least as far apart as their distances to the plane between them sum up to.
        reach = np.searchsorted(their_depths, clusters.radius - depths[start], "right")
        if not reach:
            return
        part, near = ours[start : start + STEP], theirs[:reach]
        fresh = clusters.new[part]
        yield from _between(clusters.vectors, part[fresh], near, limit)
        yield from _between(clusters.vectors, part[~fresh], near[clusters.new[near]], limit)


def _by_depth(vectors: Vectors, places: Index, axis: Vectors) -> tuple[Index, Vectors]:
    """Places by the distance of their vectors to the plane through 0 across an axis, ascending, and the distances."""
    depth = np.asarray(vectors[places]) @ axis
    order = np.argsort(depth)
    return places[order], depth[order]


def _centroids(vectors: Vectors) -> Vectors:
    """Means of clusters, by spherical k-means on a sample that is spread evenly over the rows."""
    count = int(min(MOST_CLUSTERS, max(2, len(vectors) // CLUSTER)))
    step = max(1, len(vectors) // (SAMPLE * count))
    sample = np.asarray(vectors[::step], np.float32)
    count = min(count, len(sample))
    centroids = sample[:: len(sample) // count][:count].copy()
    for _ in range(STEPS):
        nearest = np.concatenate(
            [(sample[s : s + BLOCK] @ centroids.T).argmax(1) for s in range(0, len(sample), BLOCK)]
        )
        ones = np.ones(len(sample), np.float32)
        sums = np.asarray(coo_array((ones, (nearest, np.arange(len(sample)))), shape=(count, len(sample))) @ sample)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        centroids = np.where(length > 1e-6, sums / np.maximum(length, 1e-6), centroids)
    return centroids


def _dealt(vectors: Vectors, new: Flags, limit: float, centroids: Vectors, folder: Path) -> _Clusters:
    """Deal all rows to their nearest centroids, and note which borders they are near to."""
    count, radius = len(centroids), float(np.sqrt(2 * limit)) + SLACK
    between = np.sqrt(np.maximum(2 - 2 * centroids @ centroids.T, 1e-12))
    own = np.empty(len(vectors), np.int32)
    borders = np.empty((len(vectors), -(-count // 8)), np.uint8)
    for start in range(0, len(vectors), BLOCK):
        products = np.asarray(vectors[start : start + BLOCK]) @ centroids.T
        nearest = products.argmax(1)
        best = products[np.arange(len(products)), nearest]
        # Centroids have length one: the distance to the plane halfway is the difference of products by their gap.
        margin = (best[:, None] - products) / between[nearest]
        near = margin <= radius
        near[np.arange(len(products)), nearest] = False
        own[start : start + BLOCK] = nearest
        borders[start : start + BLOCK] = np.packbits(near, axis=1)
    rows = np.argsort(own, kind="stable")
    bounds = np.searchsorted(own[rows], np.arange(count + 1))
    ordered = np.memmap(folder / "vectors", np.float32, "w+", shape=vectors.shape)
    for start in range(0, rows.size, BLOCK):
        ordered[start : start + BLOCK] = vectors[rows[start : start + BLOCK]]
    return _Clusters(rows, bounds, ordered, new[rows], borders[rows], centroids, radius)

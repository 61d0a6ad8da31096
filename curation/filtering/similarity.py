"""Rules on where a photo lies among others: like some exemplars, far from everything, one scene."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from curation.embedding.protocol import normalised

Vectors = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

BLOCK = 2048
MAD_TO_SD = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""

CORE = 0.7
"""Share of the reference that is taken for typical; more strangers than the rest begin to count as typical."""
NEAREST = 0.35
"""Share of the core to which a picture's distance is measured."""
FIRST_SHIFT, SHIFT = 0.5, 0.4
"""Lengths of the two centres at most, unit vectors having 1. These four were chosen on drawn pictures
(`tests/curation/embedding/strangers.py`) among the photos of OASIS, where values near them do as well."""


def likeness(vectors: Vectors, exemplars: Vectors) -> Scores:
    """Largest cosine of each picture to an exemplar, -1 to 1; shape (n,)."""
    return np.asarray((vectors @ exemplars.T).max(axis=1), dtype=np.float64)


def neighbour_distance(vectors: Vectors, reference: Vectors, own: Rows, neighbours: int) -> Scores:
    """Cosine distance of each picture to its k-th nearest neighbour in a reference, exactly (Ramaswamy 2000).

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        L2-normalised.
    reference : ndarray of float32, shape (m, d)
    own : ndarray of int, shape (n,)
        Which row of the reference is the picture itself; -1 where none is.
    neighbours : int
        k, at most m - 1; 0 gives `crowd_distance`.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 (k neighbours are equal) to 2.
    """
    if not neighbours:
        return crowd_distance(vectors, reference, own)
    return _to_neighbour(vectors, reference, own, neighbours, np.zeros(reference.shape[1], np.float32))


def crowd_distance(vectors: Vectors, reference: Vectors, own: Rows) -> Scores:
    """How far each picture lies from what most of the reference is, however many strangers are alike.

    Twice the same measure, as in trimmed estimators: the cosine distance, seen from a centre, within which a share of
    the others lies. The first time, from the mean and to the median picture, it finds the core, the most typical
    pictures: many strangers move the mean towards themselves, and then lie beyond it, all on one side. The second
    time it looks from the median of the core at the core alone, where strangers neither hide among their like nor
    move the centre. A centre is a vector, shortened to some length: what all pictures share is taken out, so that
    directions count, and yet not so much that being far from the average picture would count for nothing.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        L2-normalised.
    reference : ndarray of float32, shape (m, d), m at least 2
    own : ndarray of int, shape (n,)
        Which row of the reference is the picture itself; -1 where none is.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 to 2.
    """
    count = len(reference)
    centre = _shortened(reference.mean(axis=0, dtype=np.float64), FIRST_SHIFT)
    first = _to_neighbour(reference, _seen_from(reference, centre), np.arange(count), count // 2, centre)
    core = np.sort(np.argsort(first, kind="stable")[: max(2, round(CORE * count))])
    place = np.full(count, -1)
    place[core] = np.arange(len(core))
    centre = _shortened(np.median(reference[core], axis=0), SHIFT)
    among = _seen_from(reference[core], centre)
    return _to_neighbour(vectors, among, np.where(own >= 0, place[own], -1), round(NEAREST * len(core)), centre)


def _to_neighbour(vectors: Vectors, reference: Vectors, own: Rows, neighbours: int, centre: Vectors) -> Scores:
    """Cosine distance, seen from a centre, to the k-th nearest of a reference that is seen from it already."""
    k = max(1, min(neighbours, len(reference) - 1))
    found = np.empty(len(vectors))
    for start in range(0, len(vectors), BLOCK):
        cosines = _seen_from(vectors[start : start + BLOCK], centre) @ reference.T
        itself = own[start : start + BLOCK]
        rows = np.flatnonzero(itself >= 0)
        cosines[rows, itself[rows]] = -np.inf
        place = cosines.shape[1] - k
        found[start : start + BLOCK] = 1 - np.partition(cosines, place, axis=1)[:, place].astype(np.float64)
    return found


def _seen_from(vectors: Vectors, centre: Vectors) -> Vectors:
    """Unit vectors of the directions in which pictures lie from a centre."""
    return normalised(vectors - centre) if centre.any() else vectors


def _shortened(centre: npt.NDArray[np.floating], most: float) -> Vectors:
    """A centre, no longer than that."""
    length = float(np.linalg.norm(centre))
    return np.asarray(centre * (most / length if length > most else 1), dtype=np.float32)


def robust_deviation(values: Scores) -> Scores:
    """Values as deviations from their median, in robust standard deviations; NaN stays NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return values
    middle = np.median(known)
    spread = MAD_TO_SD * np.median(np.abs(known - middle))
    return np.asarray((values - middle) / spread if spread > 0 else values - middle)


def reference_rows(photo_ids: Sequence[str], size: int) -> npt.NDArray[np.int64]:
    """Which photos serve as the reference: those with the smallest hashes, so that content alone decides."""
    if len(photo_ids) <= size:
        return np.arange(len(photo_ids))
    keys = [draw("typicality", photo_id) for photo_id in photo_ids]
    return np.sort(np.argsort(np.array(keys), kind="stable")[:size])


def scenes(vectors: Vectors, similarity: float) -> npt.NDArray[np.int64]:
    """Number of the scene of each picture: pictures are of one scene where a chain of like ones joins them.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
    similarity : float
        Cosine from which two pictures are linked.
    """
    count = len(vectors)
    if not count:
        return np.empty(0, np.int64)
    links = []
    for start in range(0, count, BLOCK):
        for other in range(start, count, BLOCK):
            alike = vectors[start : start + BLOCK] @ vectors[other : other + BLOCK].T >= similarity
            links.append(_fewest_links(alike, start, other))
    left, right = np.concatenate(links, axis=1)
    return _parts(left, right, count)


def _fewest_links(alike: npt.NDArray[np.bool_], start: int, other: int) -> Rows:
    """Links that join the pictures of two blocks as all would: copies of one picture would have billions."""
    left, right = np.nonzero(alike)
    height, width = alike.shape
    ends = np.concatenate([np.arange(height) + start, np.arange(width) + other])
    _, first, part = np.unique(_parts(left, right + height, height + width), return_index=True, return_inverse=True)
    links = np.stack([ends[first[part]], ends])
    return links[:, links[0] != links[1]]


def _parts(left: Rows, right: Rows, count: int) -> Rows:
    """Number of the connected part of each of so many pictures."""
    links = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def places_in_groups(
    photo_ids: Sequence[str], groups: Sequence[object], counted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Place of each counted photo within its group, from 1, in an order drawn by hash.

    Parameters
    ----------
    photo_ids : sequence of str
    groups : sequence
        Name of the group; None where a photo belongs to none.
    counted : ndarray of bool
        Photos that other rules let pass.

    Returns
    -------
    ndarray of float64
        NaN for photos that are in no group or not counted.
    """
    places = np.full(len(photo_ids), np.nan)
    taken: dict[object, int] = {}
    for k in sorted(range(len(photo_ids)), key=lambda k: draw("cap", photo_ids[k])):
        if counted[k] and groups[k] is not None:
            taken[groups[k]] = taken.get(groups[k], 0) + 1
            places[k] = taken[groups[k]]
    return places


def draw(purpose: str, photo_id: str) -> str:
    """A photo's lot for a purpose: the same on every machine, unrelated to how the photo looks."""
    return hashlib.sha256(f"{purpose}:{photo_id}".encode()).hexdigest()

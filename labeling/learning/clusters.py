"""Clusters of taste: raters who differ from the mean in the same direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STARTS = 10
ROUNDS = 100


@dataclass(frozen=True)
class Clusters:
    """Raters by direction of taste, the largest cluster first.

    Attributes
    ----------
    label : ndarray of int64, shape (raters,)
    preference : ndarray of float64, shape (clusters, photos)
        How much more than others a cluster likes a photo, in scale units: the mean of its members' predictions.
    agreement : float
        Mean cosine of raters with their own cluster less that with the nearest other.
    """

    label: Ints
    preference: Floats
    agreement: float


def cluster_raters(weights: Floats, placed: Floats, count: int, seed: int = 0) -> Clusters:
    """Spherical k-means (Dhillon and Modha 2001) on what raters' weights make of all photos.

    Parameters
    ----------
    weights : ndarray, shape (raters, d)
        Weights on directions, without bias and spread.
    placed : ndarray, shape (photos, d)
        Photos along the directions.
    count : int
        Clusters wanted; no more than raters.
    """
    liking = weights @ placed.T
    liking = liking - liking.mean(axis=1, keepdims=True)
    units = liking / np.maximum(np.linalg.norm(liking, axis=1, keepdims=True), 1e-12)
    count = min(count, len(units))
    best: tuple[float, Ints] | None = None
    for start in range(STARTS):
        score, label = _spherical(units, count, np.random.default_rng([seed, start]))
        if best is None or score > best[0] + 1e-12:
            best = (score, label)
    assert best is not None
    sizes = np.bincount(best[1], minlength=count)
    rank = np.argsort(np.argsort(-sizes, kind="stable"))
    label = rank[best[1]]
    kept = range(int(np.count_nonzero(sizes)))
    preference = np.stack([liking[label == k].mean(axis=0) for k in kept])
    centres = preference / np.maximum(np.linalg.norm(preference, axis=1, keepdims=True), 1e-12)
    near = units @ centres.T
    own = near[np.arange(len(units)), label]
    near[np.arange(len(units)), label] = -np.inf
    other = near.max(axis=1) if len(centres) > 1 else np.zeros(len(units))
    return Clusters(label, preference, float(np.mean(own - other)))


def _spherical(units: Floats, count: int, rng: np.random.Generator) -> tuple[float, Ints]:
    """One run: total cosine to the centres, and labels."""
    centres = units[rng.choice(len(units), count, replace=False)]
    label = np.full(len(units), -1)
    for _ in range(ROUNDS):
        cosine = units @ centres.T
        fresh = cosine.argmax(axis=1)
        if np.array_equal(fresh, label):
            break
        label = fresh
        for k in range(count):
            total = units[label == k].sum(axis=0)
            length = float(np.linalg.norm(total))
            if length > 0:
                centres[k] = total / length
    return float((units * centres[label]).sum()), label

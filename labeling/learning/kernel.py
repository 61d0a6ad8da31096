"""A Gaussian kernel as a feature map: with landmarks (Nystroem) where there are too many rows for all of them.

Ridge regression on these features is Gaussian-process regression with the landmarks as its support; with all
rows as landmarks it is the exact process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.floating]

JITTER = 1e-6


@dataclass(frozen=True)
class KernelMap:
    """Features whose inner products are the kernel exp(-rate |x - y|^2).

    Attributes
    ----------
    landmarks : ndarray, shape (m, d)
    rate : float
    whitening : ndarray, shape (m, m)
        Turns kernel values at the landmarks into features.
    """

    landmarks: Rows
    rate: float
    whitening: Floats

    def __call__(self, rows: Rows) -> Floats:
        """Features of rows, shape (n, m)."""
        return np.asarray(self.kernel(rows) @ self.whitening.astype(self.landmarks.dtype, copy=False))

    def kernel(self, rows: Rows) -> Rows:
        """Kernel between rows and landmarks, shape (n, m)."""
        return np.asarray(np.exp(-self.rate * squared_distances(rows, self.landmarks)))

    def unexplained(self, features: Floats) -> Floats:
        """Share of the process at each row that the landmarks do not see, 0 (at a landmark) to 1 (far from all)."""
        return np.asarray(np.clip(1 - np.sum(np.asarray(features, dtype=np.float64) ** 2, axis=1), 0, 1))


def squared_distances(a: Rows, b: Rows) -> Rows:
    """Squared Euclidean distances between rows, shape (len(a), len(b)), none below zero.

    Around the mean of b: vectors that crowd together keep the digits in which they differ.
    """
    centre = b.mean(axis=0, dtype=np.float64).astype(b.dtype)
    a, b = a - centre, b - centre
    found = -2 * (a @ b.T)
    found += np.sum(a * a, axis=1)[:, None]
    found += np.sum(b * b, axis=1)[None, :]
    return np.maximum(found, 0)


def typical_distance(rows: Rows, seed: int = 0, most: int = 1000) -> float:
    """Median squared distance between rows (of a seeded sample where there are many); 1 where all are equal."""
    sample = rows[choose_rows(len(rows), most, seed)]
    found = squared_distances(sample, sample)[np.triu_indices(len(sample), 1)]
    return float(np.median(found)) or 1.0 if len(found) else 1.0


def choose_rows(rows: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """All rows, or a seeded sample of `most`, ascending."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, size=most, replace=False))


def kernel_map(landmarks: Rows, rate: float) -> KernelMap:
    """The map of some landmarks."""
    exact = np.asarray(landmarks, dtype=np.float64)  # rounding in float32 can be more than the jitter makes good
    inner = np.exp(-rate * squared_distances(exact, exact))
    np.fill_diagonal(inner, 1 + JITTER)
    factor = scipy.linalg.cholesky(inner, lower=True, check_finite=False)
    whitening = scipy.linalg.solve_triangular(factor, np.eye(len(landmarks)), lower=True, check_finite=False).T
    return KernelMap(landmarks, rate, np.ascontiguousarray(whitening))

"""Ridge regression in closed form for many outputs, its strength chosen without a second fit.

All strengths share one eigendecomposition of the Gram matrix. Leave-one-out residuals choose among them where
there are few rows; where there are many, generalised cross-validation (Golub, Heath and Wahba 1979) does so from
sums alone, and rows are read block by block, never copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.floating]

STRENGTHS = tuple(10 ** (step / 4) for step in range(-12, 13))
"""Strengths tried, relative to the mean eigenvalue of the centred Gram matrix."""
EXACT_ROWS = 5000
"""Up to so many rows leave-one-out residuals choose the strength; above, generalised cross-validation agrees."""
BLOCK = 8192
"""Rows worked on at a time."""


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression.

    Attributes
    ----------
    centre : ndarray, shape (p,)
        Mean of the features.
    coefficients : ndarray, shape (p, k)
    intercept : ndarray, shape (k,)
        Mean of the outputs.
    strength : float
        The penalty, absolute.
    basis, weight : ndarray, shape (p, r) and (r,)
        Eigenvectors of the Gram matrix, and 1 / (eigenvalue + strength): the posterior covariance over noise.
    noise : ndarray, shape (k,)
        Variance of the residuals, corrected for the degrees of freedom.
    freedom : float
        Effective degrees of freedom, the intercept included.
    criterion : float
        Leave-one-out (or generalised cross-validation) mean squared error of the first output.
    rows : int
        Rows it was fitted on.
    """

    centre: Floats
    coefficients: Floats
    intercept: Floats
    strength: float
    basis: Floats
    weight: Floats
    noise: Floats
    freedom: float
    criterion: float
    rows: int

    def predict(self, features: Rows) -> Floats:
        """Outputs of rows of features, shape (n, k)."""
        return np.asarray((features - self.centre) @ self.coefficients + self.intercept, dtype=np.float64)

    def leverage(self, features: Rows) -> Floats:
        """Variance of the prediction over the noise's, shape (n,): for a row of the fit, its hat value."""
        centred = features - self.centre
        turned = centred @ self.basis
        # What no row of the fit had a part in keeps its prior variance, 1 / strength.
        unseen = np.maximum(np.sum(centred**2, axis=1) - np.sum(turned**2, axis=1), 0) / self.strength
        return np.asarray((turned**2) @ self.weight + unseen + 1 / self.rows, dtype=np.float64)

    def covariance(self, features: Rows) -> Floats:
        """Covariance of the predictions over the noise's variance, shape (n, n); its diagonal is the leverage."""
        centred = np.asarray(features - self.centre, dtype=np.float64)
        turned = centred @ self.basis
        unseen = centred @ centred.T - turned @ turned.T
        return np.asarray((turned * self.weight) @ turned.T + unseen / self.strength + 1 / self.rows)


def fit_ridge(features: Callable[[slice], Rows], rows: int, targets: Floats) -> Ridge:
    """Fit, and choose the strength that foresees left-out rows of the first output best.

    Parameters
    ----------
    features : callable
        Gives rows of the features, shape (rows of the slice, p); called block by block.
    rows : int
        Number of rows, at least 3.
    targets : ndarray of float64, shape (rows, k)

    Raises
    ------
    ValueError
        Fewer than three rows.
    """
    if rows < 3:
        raise ValueError(f"a regression needs at least 3 rows, got {rows}")
    intercept = targets.mean(axis=0)
    gram, cross, centre = _sums(features, rows, targets - intercept)
    values, vectors = scipy.linalg.eigh(gram, overwrite_a=True, check_finite=False)
    keep = values > max(float(values[-1]), 1e-12) * 1e-10
    values, vectors = values[keep], vectors[:, keep]
    turned = vectors.T @ cross
    total = np.sum((targets - intercept) ** 2, axis=0)
    reference = float(values.sum()) / max(len(values), 1) if len(values) else 1.0
    exact = _left_out(features, rows, centre, vectors) if rows <= EXACT_ROWS else None
    best: tuple[float, float, Floats, float] | None = None
    for relative in STRENGTHS:
        strength = relative * reference
        shrunk = turned / (values + strength)[:, None]
        residual = np.maximum(total - 2 * np.sum(shrunk * turned, 0) + np.sum(shrunk**2 * values[:, None], 0), 0)
        freedom = 1 + float(np.sum(values / (values + strength)))
        left = max(rows - freedom, 1e-6)
        if exact is None:
            criterion = float(rows * residual[0] / left**2)
        else:
            hat = np.minimum(exact**2 @ (1 / (values + strength)) + 1 / rows, 1 - 1e-6)
            gaps = (targets[:, 0] - intercept[0] - exact @ shrunk[:, 0]) / (1 - hat)
            criterion = float(np.mean(gaps**2))
        if best is None or criterion < best[0]:
            best = (criterion, strength, residual / left, freedom)
    if best is None:
        raise ValueError("no strength to try")
    criterion, strength, noise, freedom = best
    weight = 1 / (values + strength)
    return Ridge(
        centre=centre,
        coefficients=vectors @ (turned * weight[:, None]),
        intercept=intercept,
        strength=strength,
        basis=vectors,
        weight=weight,
        noise=noise,
        freedom=freedom,
        criterion=criterion,
        rows=rows,
    )


def _left_out(features: Callable[[slice], Rows], rows: int, centre: Floats, vectors: Floats) -> Floats:
    """Centred rows in the basis of the eigenvectors, for leave-one-out residuals."""
    return np.concatenate([(features(part) - centre) @ vectors for part in blocks(rows)])


def blocks(rows: int) -> Iterator[slice]:
    """Slices that cover all rows."""
    for start in range(0, rows, BLOCK):
        yield slice(start, min(start + BLOCK, rows))


def _sums(features: Callable[[slice], Rows], rows: int, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """Centred Gram matrix, centred cross products with centred targets, and the mean of the features."""
    gram: Floats | None = None
    cross: Floats = np.zeros((0, 0))
    total: Floats = np.zeros(0)
    first: Rows = np.zeros(0)
    for part in blocks(rows):
        x = np.asarray(features(part))
        if gram is None:
            gram = np.zeros((x.shape[1], x.shape[1]))
            cross = np.zeros((x.shape[1], targets.shape[1]))
            total = np.zeros(x.shape[1])
            # Sums about a point near the mean lose no digits when the mean is far from zero.
            first = x.mean(axis=0, dtype=np.float64).astype(x.dtype)
        x = x - first
        gram += x.T @ x
        cross += x.T @ targets[part].astype(x.dtype)
        total += x.sum(axis=0, dtype=np.float64)
    assert gram is not None
    mean = total / rows
    gram -= rows * np.outer(mean, mean)
    cross -= np.outer(mean, targets.sum(axis=0))
    return gram, cross, mean + first

"""Histograms of votes: cumulative shares, the earth mover's distance, and back to a proper histogram.

On a line the earth mover's distance is a distance between cumulative distributions, so that regression on
cumulative shares minimises its square in closed form.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize

Floats = npt.NDArray[np.float64]


def shares(histograms: npt.ArrayLike) -> Floats:
    """Histograms of counts as shares that sum to 1, shape (n, k); a histogram without votes is NaN."""
    counts = np.asarray(histograms, dtype=np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(total == 0, np.nan, total))


def cumulative(share: Floats) -> Floats:
    """Cumulative shares without the last, which is always 1: shape (n, k - 1)."""
    return np.asarray(np.cumsum(share, axis=1)[:, :-1])


def proper(cumulated: Floats) -> Floats:
    """The nearest histograms to predicted cumulative shares, shape (n, k).

    Least-squares projection on non-decreasing sequences (pool adjacent violators), cut to 0 and 1.
    """
    fallen = np.any(np.diff(cumulated, axis=1) < 0, axis=1)
    rising = cumulated.copy()
    for row in np.flatnonzero(fallen):
        rising[row] = isotonic_regression(rising[row]).x
    rising = np.clip(rising, 0, 1)
    edges = np.zeros((len(rising), 1))
    return np.diff(np.hstack([edges, rising, edges + 1]), axis=1)


def earth_mover(p: Floats, q: Floats, order: int = 1) -> Floats:
    """Normalised earth mover's distance between histograms (Talebi and Milanfar 2018, eq. 1).

    Parameters
    ----------
    p, q : ndarray of float64, shape (n, k)
        Shares.
    order : int
        1 for the distance that is reported, 2 for the one that heads are trained on.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 (equal) to 1 for order 1 with all votes at opposite ends, times (k - 1) / k.
    """
    gap = np.abs(np.cumsum(p, axis=1) - np.cumsum(q, axis=1))
    return np.asarray(np.mean(gap**order, axis=1) ** (1 / order))


def fit_softmax(features: Floats, share: Floats, strength: float) -> tuple[Floats, Floats]:
    """The plain rival: a linear layer with softmax, trained on the squared earth mover's distance as NIMA is.

    Returns
    -------
    coefficients, intercept : ndarray, shape (p, k) and (k,)
    """
    n, p = features.shape
    k = share.shape[1]
    target = np.cumsum(share, axis=1)
    start = np.zeros((p + 1, k))
    start[p] = np.log(np.maximum(share.mean(axis=0), 1e-4))

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(p + 1, k)
        guess = softmax(features @ weights[:p] + weights[p])
        gap = np.cumsum(guess, axis=1) - target
        value = float(np.sum(gap**2)) / (n * k) + strength * float(np.sum(weights[:p] ** 2))
        back = np.cumsum((2 * gap / (n * k))[:, ::-1], axis=1)[:, ::-1]
        back = guess * (back - np.sum(guess * back, axis=1, keepdims=True))
        slope = np.vstack([features.T @ back + 2 * strength * weights[:p], back.sum(axis=0)])
        return value, slope.ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 400})
    weights = np.asarray(found.x).reshape(p + 1, k)
    return weights[:p], weights[p]


def softmax(scores: Floats) -> Floats:
    """Shares in proportion to the exponentials of each row."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))

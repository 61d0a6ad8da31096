"""Histograms of votes: normal quantiles of cumulative shares, the earth mover's distance, and back to a histogram.

On a line the earth mover's distance is a distance between cumulative distributions. Heads regress on their normal
quantiles: where votes are a normal opinion cut at the steps of the scale, quantile k is (cut k - mean) / spread,
on which a linear model can work, and no prediction leaves 0 to 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

Floats = npt.NDArray[np.float64]


def shares(histograms: npt.ArrayLike) -> Floats:
    """Histograms of counts as shares that sum to 1, shape (n, k); a histogram without votes is NaN."""
    counts = np.asarray(histograms, dtype=np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(total == 0, np.nan, total))


def quantiles(histograms: npt.ArrayLike) -> Floats:
    """Normal quantiles of the cumulative shares, without the last, which is always 1.

    Parameters
    ----------
    histograms : array_like, shape (n, k)
        Counts of votes.

    Returns
    -------
    ndarray of float64, shape (n, k - 1)
        Of (votes up to the step + 1/2) / (votes + 1): finite also where all votes lie on one side. A photo without
        votes gets the mean of the others.
    """
    counts = np.asarray(histograms, dtype=np.float64)
    votes = counts.sum(axis=1, keepdims=True)
    found = np.asarray(ndtri((np.cumsum(counts, axis=1)[:, :-1] + 0.5) / (votes + 1)))
    voted = votes[:, 0] > 0
    if voted.any():
        found[~voted] = found[voted].mean(axis=0)
    return found


def histogram_of(predicted: Floats) -> Floats:
    """Predicted normal quantiles, shape (n, k - 1), as shares, shape (n, k)."""
    return proper(np.asarray(ndtr(predicted)))


def proper(cumulated: Floats) -> Floats:
    """The nearest histograms to predicted cumulative shares between 0 and 1, shape (n, k).

    Least-squares projection on non-decreasing sequences: element i is the largest over j <= i of the smallest over
    m >= i of the mean of elements j to m (Robertson, Wright and Dykstra 1988, theorem 1.4.4), cut to 0 and 1.
    """
    rising = np.clip(rise(cumulated), 0, 1)
    edges = np.zeros((len(rising), 1))
    return np.diff(np.hstack([edges, rising, edges + 1]), axis=1)


def rise(values: Floats) -> Floats:
    """The nearest non-decreasing sequences to rows of values, shape (n, k)."""
    n, k = values.shape
    total = np.hstack([np.zeros((n, 1)), np.cumsum(values, axis=1)])
    risen = np.full((n, k), -np.inf)
    for first in range(k):
        means = (total[:, first + 1 :] - total[:, first : first + 1]) / np.arange(1, k - first + 1)
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        risen[:, first:] = np.maximum(risen[:, first:], least)
    return risen


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

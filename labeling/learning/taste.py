"""Personal taste: what one rater likes beyond what most like, learnt from a few of their votes.

A vote is generic score + the rater's own weights on a few features of the photo + noise. The features are a
constant, the generic score (a rater may spread more or less than others), and directions of taste. Weights of
raters follow one Gaussian, learnt from raters with many votes by expectation and maximisation (a hierarchical
Bayesian regression); a new rater starts at its mean and moves with every vote. Where the Gaussian's covariance
is free, raters with kindred taste lend to each other; where it is round, each rater learns alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg

from labeling.learning.kernel import choose_rows, squared_distances

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.floating]

BASE = 2
"""The first features: a constant, and the generic score."""
PRIOR_RATERS = 8.0
"""Weight, in votes, of the panel's noise in a rater's own noise."""
ROUNDS = 10
RATE = 3.0
"""Kernel rate over the median squared distance: taste is more local than beauty."""
MOST_LANDMARKS = 1500
OWN_DIRECTIONS = 240
"""Directions along which a rater's own taste may go; the first of them are those of kindred taste."""
OWN_SHARE, NOISE_LEFT = 0.5, 0.7
"""Variance of a rater's own taste, and of what is noise still, over the noise that kindred taste leaves."""


@dataclass(frozen=True)
class Directions:
    """Directions along which taste may differ: leading kernel components of signed roots of embeddings.

    Square roots keep a few large numbers of an embedding from deciding every distance (Hellinger's distance
    where none is negative).
    """

    landmarks: Floats
    rate: float
    mean: Floats
    grand: float
    axes: Floats
    reach: float
    """Variance of the kernel's process along a direction of spread 1."""

    def __call__(self, vectors: Rows) -> Floats:
        """Place photos along the directions, shape (n, d); the first has spread 1 over the landmarks."""
        kernel = np.exp(-self.rate * squared_distances(_rooted(vectors), self.landmarks))
        centred = kernel - kernel.mean(axis=1, keepdims=True) - self.mean + self.grand
        return np.asarray(centred @ self.axes)


def find_directions(vectors: Rows, count: int, seed: int = 0) -> Directions:
    """Kernel principal components (Schoelkopf 1998) of a seeded sample of photos."""
    landmarks = _rooted(vectors[choose_rows(len(vectors), MOST_LANDMARKS, seed)])
    gaps = squared_distances(landmarks, landmarks)
    median = float(np.median(gaps[np.triu_indices(len(gaps), 1)])) or 1.0
    rate = RATE / median
    kernel = np.exp(-rate * gaps)
    mean, grand = kernel.mean(axis=0), float(kernel.mean())
    n = len(kernel)
    count = min(count, n - 1)
    values, vecs = scipy.linalg.eigh(
        kernel - mean - mean[:, None] + grand, subset_by_index=(n - count, n - 1), check_finite=False
    )
    values, vecs = np.maximum(values[::-1], 1e-12), vecs[:, ::-1]
    reach = float(values[0] / n)
    return Directions(landmarks, rate, mean, grand, vecs / np.sqrt(values * reach), reach)


def _rooted(vectors: Rows) -> Floats:
    rooted = np.sign(vectors) * np.sqrt(np.abs(np.asarray(vectors, dtype=np.float64)))
    return np.asarray(rooted / np.maximum(np.linalg.norm(rooted, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True)
class Panel:
    """Votes grouped by rater, as differences from the generic score.

    Attributes
    ----------
    photos : list of ndarray of int64
        Per rater, rows of the feature matrix.
    residuals : list of ndarray of float64
        Per rater, vote minus generic score.
    """

    photos: list[Ints]
    residuals: list[Floats]


def panel_of(rater: Ints, photo: Ints, value: Floats, generic: Floats) -> Panel:
    """Group votes by rater; raters without votes are left out."""
    order = np.lexsort((photo, rater))
    cuts = np.flatnonzero(np.diff(rater[order])) + 1
    groups = np.split(order, cuts) if len(order) else []
    return Panel([photo[g] for g in groups], [value[g] - generic[photo[g]] for g in groups])


@dataclass(frozen=True)
class Taste:
    """What raters have in common in how they differ.

    Attributes
    ----------
    mean, covariance : ndarray, shapes (q,) and (q, q)
        Of raters' weights.
    noise : float
        Variance of a vote around a rater's own prediction: the median rater's.
    """

    mean: Floats
    covariance: Floats
    noise: float

    def adapt(self, features: Floats, residual: Floats) -> tuple[Floats, Floats]:
        """Weights of one rater and their covariance, from votes on photos with these features, shape (n, q)."""
        if not len(residual):
            return self.mean, self.covariance
        gain = self.covariance @ features.T
        inner = features @ gain + self.noise * np.eye(len(residual))
        solved = np.linalg.solve(inner, np.column_stack([residual - features @ self.mean, gain.T]))
        return self.mean + gain @ solved[:, 0], self.covariance - gain @ solved[:, 1:]


def features_of(generic: Floats, centre: float, placed: Floats) -> Floats:
    """The feature matrix: a constant, the centred generic score, and places along directions."""
    return np.column_stack([np.ones(len(generic)), generic - centre, placed])


def fit_taste(features: Floats, panel: Panel, *, kindred: bool = True, rounds: int = ROUNDS) -> Taste:
    """Learn the Gaussian of raters' weights.

    Parameters
    ----------
    features : ndarray, shape (photos, q)
        From `features_of`.
    panel : Panel
        Votes of the raters to learn from.
    kindred : bool
        True: the covariance is free. False: weights on directions are independent with one variance.
    rounds : int
        Steps of expectation and maximisation.
    """
    state = _State.begin(features, panel)
    for _ in range(rounds):
        state = state.step(kindred)
    return Taste(state.mean, state.covariance, float(np.median(state.noise)))


def with_own_taste(taste: Taste, directions: Directions) -> Taste:
    """The same, and what a rater may like alone: a process with the directions' kernel, as far as they carry it.

    Parameters
    ----------
    taste : Taste
        Learnt on the constant, the generic score and the first of the directions.
    directions : Directions
        All of them, as many as the features that the result is for have beside `BASE`.
    """
    shared, q = len(taste.mean), BASE + directions.axes.shape[1]
    mean, covariance = np.zeros(q), np.zeros((q, q))
    mean[:shared], covariance[:shared, :shared] = taste.mean, taste.covariance
    own = np.arange(BASE, q)
    covariance[own, own] += OWN_SHARE * taste.noise * directions.reach
    return Taste(mean, covariance, NOISE_LEFT * taste.noise)


def rater_weights(taste: Taste, features: Floats, panel: Panel) -> Floats:
    """Weights of every rater of a panel, shape (raters, q)."""
    return np.array(
        [taste.adapt(features[p], r)[0] for p, r in zip(panel.photos, panel.residuals, strict=True)]
    ).reshape(len(panel.photos), features.shape[1])


@dataclass(frozen=True)
class _State:
    """One step of expectation and maximisation, with the sums that never change."""

    gram: Floats
    cross: Floats
    square: Floats
    count: Floats
    mean: Floats
    covariance: Floats
    noise: Floats

    @classmethod
    def begin(cls, features: Floats, panel: Panel) -> _State:
        q = features.shape[1]
        gram = np.stack([features[p].T @ features[p] for p in panel.photos])
        cross = np.stack([features[p].T @ r for p, r in zip(panel.photos, panel.residuals, strict=True)])
        square = np.array([r @ r for r in panel.residuals])
        count = np.array([len(r) for r in panel.residuals], dtype=np.float64)
        spread = float(square.sum() / count.sum())
        return cls(gram, cross, square, count, np.zeros(q), np.eye(q) * 0.3 * spread, np.full(len(count), 0.7 * spread))

    def step(self, kindred: bool) -> _State:
        raters = len(self.count)
        inverse = np.linalg.inv(self.covariance)
        spread = np.linalg.inv(inverse + self.gram / self.noise[:, None, None])
        weights = (spread @ (inverse @ self.mean + self.cross / self.noise[:, None])[:, :, None])[:, :, 0]
        mean = weights.mean(axis=0)
        mean[BASE:] = 0  # what all like alike is in the generic score already
        apart = weights - mean
        covariance = (spread.sum(axis=0) + apart.T @ apart) / raters
        if not kindred:
            round_ = np.eye(len(mean)) * np.trace(covariance[BASE:, BASE:]) / max(len(mean) - BASE, 1)
            round_[:BASE, :BASE] = covariance[:BASE, :BASE]
            covariance = round_
        left = (
            self.square
            - 2 * np.sum(weights * self.cross, axis=1)
            + np.sum((self.gram @ weights[:, :, None])[:, :, 0] * weights, axis=1)
            + np.sum(self.gram * spread, axis=(1, 2))
        )
        pooled = float(left.sum() / self.count.sum())
        noise = (left + PRIOR_RATERS * pooled) / (self.count + PRIOR_RATERS)
        covariance += np.eye(len(mean)) * 1e-9 * max(float(np.trace(covariance)), 1e-12)
        return _State(self.gram, self.cross, self.square, self.count, mean, covariance, noise)


def photo_factors(features: Floats, panel: Panel, photos: int, count: int, rounds: int = 20) -> Floats:
    """Latent factors of photos that many raters have rated: what kindred raters see in them, pictures unseen.

    A factor analysis with missing votes, its raters' factors standard normal; alternates raters (expectation)
    and photos (a ridge regression each).

    Parameters
    ----------
    features : ndarray, shape (photos, q)
        Features that stay as they are: at least the constant and the generic score.
    panel : Panel
    photos, count : int
        Photos, and factors wanted.

    Returns
    -------
    ndarray of float64, shape (photos, count)
        To be put beside the features; zero for a photo without votes.
    """
    q = features.shape[1]
    start = fit_taste(features, panel, rounds=5)
    own = rater_weights(start, features, panel)
    lists = list(zip(panel.photos, panel.residuals, strict=True))
    left = np.zeros((len(lists), photos))
    for row, (seen, residual) in enumerate(lists):
        left[row, seen] = residual - features[seen] @ own[row]
    _, values, axes = scipy.linalg.svd(left, full_matrices=False, check_finite=False)
    factors = axes[:count].T * values[:count] / np.sqrt(len(lists)) * 2
    taste: _State | None = None
    for _ in range(rounds):
        whole = np.column_stack([features, factors])
        fresh = _State.begin(whole, panel)
        state = fresh if taste is None else _State(*_sums(fresh), taste.mean, taste.covariance, taste.noise)
        taste = state.step(True)
        factors, root = _photo_step(features, lists, taste, photos, count)
        turn = np.eye(q + count)
        turn[q:, q:] = np.linalg.inv(root)
        taste = _State(*_sums(fresh), turn @ taste.mean, turn @ taste.covariance @ turn.T, taste.noise)
    return np.asarray(factors)


def _sums(state: _State) -> tuple[Floats, Floats, Floats, Floats]:
    return state.gram, state.cross, state.square, state.count


def _photo_step(
    features: Floats, lists: Sequence[tuple[Ints, Floats]], taste: _State, photos: int, count: int
) -> tuple[Floats, Floats]:
    """New factors of every photo, scaled so that raters' factors have covariance 1, and that scale."""
    q = features.shape[1]
    inverse = np.linalg.inv(taste.covariance)
    spread = np.linalg.inv(inverse + taste.gram / taste.noise[:, None, None])
    weights = (spread @ (inverse @ taste.mean + taste.cross / taste.noise[:, None])[:, :, None])[:, :, 0]
    inner = np.tile(np.eye(count), (photos, 1, 1))
    right = np.zeros((photos, count))
    for row, (seen, residual) in enumerate(lists):
        own, wide = weights[row], spread[row]
        inner[seen] += (np.outer(own[q:], own[q:]) + wide[q:, q:]) / taste.noise[row]
        mixed = np.outer(own[q:], own[:q]) + wide[q:, :q]
        right[seen] += (np.outer(residual, own[q:]) - features[seen] @ mixed.T) / taste.noise[row]
    root = np.linalg.cholesky(taste.covariance[q:, q:])
    return np.asarray(np.linalg.solve(inner, right[:, :, None])[:, :, 0] @ root), np.asarray(root)

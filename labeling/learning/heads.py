"""Heads on frozen embeddings: a regularised linear one, and a kernel one that predicts whole histograms.

Both regress the score and the normal quantiles of the cumulative votes at once, in closed form; both say how sure
they are. Calibration comes from leave-one-out residuals of the training rows, never from rows they are judged on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import ndtr

from labeling.learning import distribution
from labeling.learning.kernel import KernelMap, choose_rows, kernel_map, squared_distances, typical_distance
from labeling.learning.ridge import Ridge, Rows, blocks, fit_ridge

Floats = npt.NDArray[np.float64]

RATES = (0.25, 0.5, 1.0, 2.0)
"""Kernel rates tried, over the median squared distance between photos."""
LANDMARKS = 2000
LEVEL = 0.95
CALIBRATION_ROWS = 20_000
LEAST_VOTED = 20
"""Photos with votes below which quantiles are taken as the regression gives them."""
SOFTNESS = 0.03
"""Errors of a cumulative share below which the absolute error is rounded off: a few votes of a hundred."""


class HeadKind(StrEnum):
    """The form of a head."""

    LINEAR = "linear"
    """Ridge regression on the embedding: the honest baseline."""
    KERNEL = "kernel"
    """Gaussian-process regression with a Gaussian kernel."""


@dataclass(frozen=True)
class Prediction:
    """What a head says of n photos.

    Attributes
    ----------
    score : ndarray of float64, shape (n,)
        Predicted score, scale units.
    sd : ndarray of float64, shape (n,)
        Calibrated standard deviation of the score around it.
    histogram : ndarray of float64, shape (n, k)
        Predicted shares of the votes per step of the scale.
    """

    score: Floats
    sd: Floats
    histogram: Floats

    def interval(self) -> tuple[Floats, Floats]:
        """Ends of the 95 % interval."""
        half = 1.959963984540054 * self.sd
        return self.score - half, self.score + half


@dataclass(frozen=True)
class Head:
    """A trained head.

    Attributes
    ----------
    kind : HeadKind
    ridge : Ridge
        Outputs: the score, then the normal quantiles of the cumulative shares of all steps but the last.
    features : KernelMap or None
        None for a linear head.
    calibration : float
        Factor on the model's own standard deviation that makes 95 % intervals hold on left-out rows.
    about : dict
        What it belongs to: model, question, scale, steps, release, ...
    """

    kind: HeadKind
    ridge: Ridge
    features: KernelMap | None
    calibration: float = 1.0
    about: dict[str, str] = field(default_factory=dict)

    def predict(self, vectors: Rows) -> Prediction:
        """Predict from embeddings, shape (n, d), in the space of the model that the head belongs to."""
        parts = [self._predict(vectors[part]) for part in blocks(len(vectors))]
        if not parts:
            steps = len(self.ridge.intercept)
            return Prediction(np.zeros(0), np.zeros(0), np.zeros((0, steps)))
        return Prediction(
            np.concatenate([p.score for p in parts]),
            np.concatenate([p.sd for p in parts]),
            np.concatenate([p.histogram for p in parts]),
        )

    def score(self, vectors: Rows) -> Floats:
        """The score alone, shape (n,)."""
        mapped = vectors if self.features is None else self.features(vectors)
        return np.asarray((mapped - self.ridge.centre) @ self.ridge.coefficients[:, 0] + self.ridge.intercept[0])

    def covariance(self, vectors: Rows) -> Floats:
        """Covariance of what is not yet known of the scores of n photos, squared scale units, shape (n, n)."""
        noise = float(self.ridge.noise[0])
        if self.features is None:
            return np.asarray(noise * self.ridge.covariance(np.asarray(vectors, dtype=np.float64)))
        mapped = self.features(vectors)
        inner = np.exp(-self.features.rate * squared_distances(vectors, vectors)).astype(np.float64)
        unseen = (inner - mapped @ mapped.T) / self.ridge.strength
        return np.asarray(noise * (self.ridge.covariance(mapped) + unseen))

    def _predict(self, vectors: Rows) -> Prediction:
        mapped = np.asarray(vectors, dtype=np.float64) if self.features is None else self.features(vectors)
        outputs = self.ridge.predict(mapped)
        sd = self.calibration * self._raw_sd(mapped)
        return Prediction(outputs[:, 0], sd, distribution.histogram_of(outputs[:, 1:]))

    def _raw_sd(self, mapped: Floats) -> Floats:
        noise = self.ridge.noise[0]
        variance = noise * (1 + self.ridge.leverage(mapped))
        if self.features is not None:
            # The prior variance of the process is noise / strength; what landmarks cannot see keeps it.
            variance = variance + noise / self.ridge.strength * self.features.unexplained(mapped)
        return np.asarray(np.sqrt(variance))


def fit_head(vectors: Rows, score: Floats, histogram: Floats, kind: HeadKind, seed: int = 0) -> Head:
    """Train a head; strength and kernel rate are those that foresee left-out rows best.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Embeddings, L2-normalised.
    score : ndarray of float64, shape (n,)
        What is to be predicted.
    histogram : ndarray of float64, shape (n, k)
        Votes per step of the scale; a photo without votes teaches the score alone.
    kind : HeadKind
    seed : int
        Chooses landmarks where there are more rows than landmarks.
    """
    targets = np.hstack([score[:, None], distribution.quantiles(histogram)])
    n = len(vectors)
    if kind is HeadKind.LINEAR:
        head = Head(kind, fit_ridge(lambda part: vectors[part], n, targets), None)
    else:
        chosen = vectors[choose_rows(n, LANDMARKS if n <= 5 * LANDMARKS else LANDMARKS // 2, seed)]
        median = typical_distance(vectors, seed)
        head = min(
            (_fit_kernel(kernel_map(chosen, rate / median), vectors, targets) for rate in _rates(n)),
            key=lambda fitted: fitted.ridge.criterion,
        )
    rows = choose_rows(n, CALIBRATION_ROWS, seed)
    left_out, hat = _left_out(head, vectors[rows], targets[rows])
    head = replace(head, calibration=_calibration(head, score[rows] - left_out[:, 0], hat))
    voted = histogram[rows].sum(axis=1) > 0
    if np.count_nonzero(voted) < LEAST_VOTED:
        return head
    return replace(head, ridge=_sharpened(head.ridge, left_out[voted, 1:], histogram[rows][voted]))


def _rates(rows: int) -> tuple[float, ...]:
    """Large sets get one rate: with so many rows its choice matters little and each costs a pass."""
    return RATES if rows <= 5 * LANDMARKS else (1.0,)


def _fit_kernel(features: KernelMap, vectors: Rows, targets: Floats) -> Head:
    return Head(HeadKind.KERNEL, fit_ridge(lambda part: features(vectors[part]), len(vectors), targets), features)


def _left_out(head: Head, vectors: Rows, targets: Floats) -> tuple[Floats, Floats]:
    """What the head would say of training rows had they been left out, and their hat values."""
    outputs, hats = [], []
    for part in blocks(len(vectors)):
        mapped = np.asarray(vectors[part], np.float64) if head.features is None else head.features(vectors[part])
        hat = np.minimum(head.ridge.leverage(mapped), 0.999)
        residual = (targets[part] - head.ridge.predict(mapped)) / (1 - hat)[:, None]
        outputs.append(targets[part] - residual)
        hats.append(hat)
    return np.concatenate(outputs), np.concatenate(hats)


def _calibration(head: Head, residual: Floats, hat: Floats) -> float:
    """Factor on the standard deviation from leave-one-out residuals.

    The empirical 95 % quantile of |residual| / sd with the finite-sample correction of split conformal
    prediction, over its Gaussian value.
    """
    # Leaving a row out raises its leverage from h to h / (1 - h).
    ratios = np.abs(residual) / np.sqrt(head.ridge.noise[0] * (1 + hat / (1 - hat)))
    level = min(LEVEL * (1 + 1 / len(ratios)), 1.0)
    return float(np.quantile(ratios, level) / 1.959963984540054) or 1.0


def _sharpened(ridge: Ridge, left_out: Floats, histogram: Floats) -> Ridge:
    """The regression with each quantile moved and stretched to what the earth mover's distance asks for.

    Least squares on quantiles weighs all parts of the scale alike, and shrinks; one intercept and one slope per
    step, found on left-out predictions with (softened) absolute errors of the cumulative shares, mend both.
    """
    wanted = np.cumsum(distribution.shares(histogram), axis=1)[:, :-1]
    coefficients, intercept = ridge.coefficients.copy(), ridge.intercept.copy()
    for step in range(wanted.shape[1]):
        before, real = left_out[:, step], wanted[:, step]

        def gap(line: Floats, before: Floats = before, real: Floats = real) -> Floats:
            return np.asarray(ndtr(line[0] + line[1] * before) - real)

        found = least_squares(gap, [0.0, 1.0], bounds=([-5, 0], [5, 5]), loss="soft_l1", f_scale=SOFTNESS)
        shift, stretch = found.x
        coefficients[:, step + 1] *= stretch
        intercept[step + 1] = shift + stretch * intercept[step + 1]
    return replace(ridge, coefficients=coefficients, intercept=intercept)

"""Heads on frozen embeddings: a regularised linear one, and a kernel one that predicts whole histograms.

Both regress the score and the cumulative shares of the votes at once, in closed form; both say how sure they
are. Calibration comes from leave-one-out residuals of the training rows, never from rows they are judged on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from labeling.learning import distribution
from labeling.learning.kernel import KernelMap, choose_rows, kernel_map, typical_distance
from labeling.learning.ridge import Ridge, Rows, blocks, fit_ridge

Floats = npt.NDArray[np.float64]

RATES = (0.25, 0.5, 1.0, 2.0)
"""Kernel rates tried, over the median squared distance between photos."""
LANDMARKS = 2000
LEVEL = 0.95
CALIBRATION_ROWS = 20_000


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
        Outputs: the score, then the cumulative shares of all steps but the last.
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

    def _predict(self, vectors: Rows) -> Prediction:
        mapped = np.asarray(vectors, dtype=np.float64) if self.features is None else self.features(vectors)
        outputs = self.ridge.predict(mapped)
        sd = self.calibration * self._raw_sd(mapped)
        return Prediction(outputs[:, 0], sd, distribution.proper(outputs[:, 1:]))

    def _raw_sd(self, mapped: Floats) -> Floats:
        noise = self.ridge.noise[0]
        variance = noise * (1 + self.ridge.leverage(mapped))
        if self.features is not None:
            # The prior variance of the process is noise / strength; what landmarks cannot see keeps it.
            variance = variance + noise / self.ridge.strength * self.features.unexplained(mapped)
        return np.asarray(np.sqrt(variance))


def fit_head(vectors: Rows, score: Floats, histogram: Floats, kind: HeadKind, seed: int = 0) -> Head:
    """Train a head; strength and kernel rate are chosen by generalised cross-validation on these rows alone.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Embeddings, L2-normalised.
    score : ndarray of float64, shape (n,)
        What is to be predicted.
    histogram : ndarray of float64, shape (n, k)
        Shares of the votes per step of the scale; rows sum to 1.
    kind : HeadKind
    seed : int
        Chooses landmarks where there are more rows than landmarks.
    """
    targets = np.hstack([score[:, None], distribution.cumulative(histogram)])
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
    return replace(head, calibration=_calibration(head, vectors, score, seed))


def _rates(rows: int) -> tuple[float, ...]:
    """Large sets get one rate: with so many rows its choice matters little and each costs a pass."""
    return RATES if rows <= 5 * LANDMARKS else (1.0,)


def _fit_kernel(features: KernelMap, vectors: Rows, targets: Floats) -> Head:
    return Head(HeadKind.KERNEL, fit_ridge(lambda part: features(vectors[part]), len(vectors), targets), features)


def _calibration(head: Head, vectors: Rows, score: Floats, seed: int) -> float:
    """Factor on the standard deviation from leave-one-out residuals.

    The empirical 95 % quantile of |residual| / sd with the finite-sample correction of split conformal
    prediction, over its Gaussian value.
    """
    rows = choose_rows(len(vectors), CALIBRATION_ROWS, seed)
    ratios = []
    for part in blocks(len(rows)):
        chosen = vectors[rows[part]]
        mapped = np.asarray(chosen, dtype=np.float64) if head.features is None else head.features(chosen)
        hat = np.minimum(head.ridge.leverage(mapped), 0.999)
        residual = (score[rows[part]] - head.ridge.predict(mapped)[:, 0]) / (1 - hat)
        # Leaving a row out raises its leverage from h to h / (1 - h).
        ratios.append(np.abs(residual) / np.sqrt(head.ridge.noise[0] * (1 + hat / (1 - hat))))
    level = min(LEVEL * (1 + 1 / len(rows)), 1.0)
    return float(np.quantile(np.concatenate(ratios), level) / 1.959963984540054) or 1.0

"""Ratings and comparisons on one scale: photos that have both are the anchors that join them.

A rating's score is the photo's quality with a normal error; a comparison is won with log-odds λ (ψ_i - ψ_j), λ being
how many log-odds one unit of the rating scale is worth. ψ and λ are found together by maximum likelihood, so that the
uncertainty of either kind of judgement, and of the join, is in every interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg

from labeling.scoring.pairs import Wins
from labeling.scoring.votes import Flags, Floats, Ints
from schemas.errors import BadInput

FEWEST_ANCHORS = 3
MOST_DENSE = 3000
"""Photos up to which standard errors are worked out: their covariance is dense."""
MOST_STEPS = 200


@dataclass(frozen=True)
class Joint:
    """Scores of photos that were rated, compared, or both.

    Parameters
    ----------
    score : ndarray of float64, shape (photos,)
        ψ, in units of the rating scale; NaN for photos that no chain of comparisons leads from to a rated one.
    se : ndarray of float64, shape (photos,)
        Its standard error; NaN where the score is, and everywhere above `MOST_DENSE` photos.
    slope, slope_se : float
        λ, log-odds per unit of the rating scale, and its standard error.
    anchors : int
        Photos with both kinds of judgement.
    misfit : ndarray of float64, shape (photos,)
        For anchors, how far the rating lies from ψ in standard deviations of that difference: beyond ± 3 the two kinds
        of judgement contradict each other. NaN elsewhere.
    """

    score: Floats
    se: Floats
    slope: float
    slope_se: float
    anchors: int
    misfit: Floats


def join_scales(rated: Ints, quality: Floats, se: Floats, wins: Wins, prior: float = 0.0) -> Joint:
    """Fit by Fisher scoring.

    Source: the two likelihoods as they stand, multiplied; see Perez-Ortiz, Mikhailiuk, Zerman, Hulusic, Valenzise and
    Mantiuk, From pairwise comparisons and rating to a unified quality scale, IEEE Transactions on Image Processing 29
    (2020), for the idea.

    Parameters
    ----------
    rated : ndarray of int64, shape (ratings,)
        Which photos have a score from ratings.
    quality, se : ndarray of float64, shape (ratings,)
        That score and its standard error, above 0, in scale units.
    wins : Wins
        The comparisons, over the same numbering of photos.
    prior : float
        Precision of a normal prior around the mean rating on every photo, in 1/scale units²; 0 for none.

    Raises
    ------
    BadInput
        Fewer than three photos have both; a standard error is not above 0; or, without a prior, a photo that nobody
        rated never loses or never wins against the rest.

    Examples
    --------
    >>> wins = Wins.from_matrix([[0, 8, 9, 9], [2, 0, 8, 9], [1, 2, 0, 8], [1, 1, 2, 0]])
    >>> found = join_scales(np.array([0, 1, 3]), np.array([5.0, 4.0, 2.0]), np.full(3, 0.2), wins)
    >>> bool(found.score[1] > found.score[2] > found.score[3])  # photo 2 was never rated
    True
    """
    if not (np.isfinite(se).all() and (se > 0).all()):
        raise BadInput("a standard error of a rating's score is not above 0", field="se")
    compared = np.zeros(wins.photos, bool)
    compared[wins.winner] = compared[wins.loser] = True
    has_rating = np.zeros(wins.photos, bool)
    has_rating[rated] = True
    anchors = int((compared & has_rating).sum())
    if anchors < FEWEST_ANCHORS:
        raise BadInput(
            "too few photos were both rated and compared",
            expected=f"at least {FEWEST_ANCHORS}",
            got=str(anchors),
            todo="Have some of the rated photos compared.",
        )
    active = _reached(wins, has_rating)
    if not prior:
        _refuse_unbounded(wins, has_rating, active)
    precision, target = np.full(wins.photos, prior), np.full(wins.photos, prior * quality.mean())
    precision[rated] += se**-2.0
    target[rated] += quality * se**-2.0
    model = _Model(wins, precision, target, active)
    score, log_slope = model.fit(float(quality.mean()))
    errors, slope_error = model.errors(score, log_slope)
    misfit = np.full(wins.photos, np.nan)
    gap = np.sqrt(np.maximum(se**2 - errors[rated] ** 2, 1e-12))
    misfit[rated] = np.where(compared[rated], (quality - score[rated]) / gap, np.nan)
    slope = float(np.exp(log_slope))
    return Joint(np.where(active, score, np.nan), errors, slope, slope * slope_error, anchors, misfit)


def _reached(wins: Wins, rated: Flags) -> Flags:
    """Photos that are rated, or joined to a rated one by comparisons."""
    _, part = connected_components(wins.graph(), directed=False)
    return np.asarray(np.bincount(part, rated)[part] > 0)


def _refuse_unbounded(wins: Wins, rated: Flags, active: Flags) -> None:
    """Raise unless every photo can be reached from the rated ones over wins, and reaches them."""
    who = np.flatnonzero(rated)
    middle = np.full(len(who), wins.photos)
    rows, columns = np.r_[wins.winner, who, middle], np.r_[wins.loser, middle, who]
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), (wins.photos + 1,) * 2).tocsr()
    _, label = connected_components(graph, directed=True, connection="strong")
    loose = np.flatnonzero(active & (label[:-1] != label[-1]))
    if len(loose):
        raise BadInput(
            f"{len(loose)} photos without a rating never lose to, or never win against, the rest (photo number "
            f"{loose[0]} is one): such scores run to infinity",
            todo="Rate them, collect more comparisons, or give a prior.",
        )


class _Model:
    """Gradient and information of ψ and log λ together."""

    def __init__(self, wins: Wins, precision: Floats, target: Floats, active: Flags) -> None:
        self.wins = wins
        self.target = np.where(active, target, 0.0)
        self.precision = np.where(active, precision, 1.0)  # photos out of reach stay where they began
        self.known = active[wins.winner]
        self.count = np.where(self.known, wins.count, 0.0)

    def differences(self, score: Floats, log_slope: float) -> tuple[Floats, Floats]:
        """Log-odds of each pair, and their chances."""
        x = np.exp(log_slope) * (score[self.wins.winner] - score[self.wins.loser])
        return x, 1 / (1 + np.exp(-x))

    def loss(self, score: Floats, log_slope: float) -> float:
        """Negative log-likelihood, less what does not change."""
        x, _ = self.differences(score, log_slope)
        far = self.precision @ score**2 / 2 - self.target @ score
        return float(self.count @ np.logaddexp(0.0, -x) + far)

    def derivatives(self, score: Floats, log_slope: float) -> tuple[Floats, sparse.csr_array]:
        """Gradient, shape (photos + 1,), and expected information; the last entry is log λ."""
        wins, size = self.wins, self.wins.photos
        slope = float(np.exp(log_slope))
        x, p = self.differences(score, log_slope)
        pull, weight = self.count * (1 - p), self.count * p * (1 - p)
        moved = np.bincount(wins.winner, pull, size) - np.bincount(wins.loser, pull, size)
        gradient = np.r_[slope * moved + self.target - self.precision * score, pull @ x]
        tilt = slope * (np.bincount(wins.winner, weight * x, size) - np.bincount(wins.loser, weight * x, size))
        diagonal = np.bincount(wins.winner, weight, size) + np.bincount(wins.loser, weight, size)
        places, last = np.arange(size), np.full(size, size)
        rows = np.r_[wins.winner, wins.loser, places, places, last, size]
        columns = np.r_[wins.loser, wins.winner, places, last, places, size]
        off = -(slope**2) * weight
        data = np.r_[off, off, slope**2 * diagonal + self.precision, tilt, tilt, weight @ x**2]
        return gradient, sparse.coo_array((data, (rows, columns)), (size + 1, size + 1)).tocsr()

    def fit(self, start: float) -> tuple[Floats, float]:
        """ψ and log λ; each step is halved until the likelihood grows."""
        score = np.where(self.precision > 0, self.target / np.maximum(self.precision, 1e-12), start)
        log_slope = 0.0
        value = self.loss(score, log_slope)
        for _ in range(MOST_STEPS):
            gradient, information = self.derivatives(score, log_slope)
            step = _solved(information, gradient)
            size = min(1.0, 1.0 / max(abs(step[-1]), 1e-300))  # λ changes by a factor of e at most
            fresh = self.loss(score + size * step[:-1], log_slope + size * step[-1])
            while fresh > value and size > 1e-8:
                size /= 2
                fresh = self.loss(score + size * step[:-1], log_slope + size * step[-1])
            score, log_slope, value = score + size * step[:-1], float(log_slope + size * step[-1]), fresh
            if np.abs(size * step).max() < 1e-9:
                break
        return score, log_slope

    def errors(self, score: Floats, log_slope: float) -> tuple[Floats, float]:
        """Standard errors of ψ and of log λ."""
        _, information = self.derivatives(score, log_slope)
        active = np.r_[np.bincount(self.wins.winner, self.count, len(score)) > 0]
        known = active | (np.bincount(self.wins.loser, self.count, len(score)) > 0) | (self.target != 0)
        if len(score) > MOST_DENSE:
            unit = np.zeros(len(score) + 1)
            unit[-1] = 1.0
            return np.full(len(score), np.nan), float(np.sqrt(max(_solved(information, unit)[-1], 0.0)))
        variance = np.diag(np.linalg.inv(information.toarray()))
        return np.where(known, np.sqrt(np.maximum(variance[:-1], 0.0)), np.nan), float(np.sqrt(max(variance[-1], 0.0)))


def _solved(information: sparse.csr_array, right: Floats) -> Floats:
    """Dense for few photos, conjugate gradients for many."""
    if len(right) <= MOST_DENSE:
        return np.asarray(np.linalg.solve(information.toarray(), right), np.float64)
    inverse = 1 / information.diagonal()
    scale = LinearOperator(information.shape, matvec=lambda x: inverse * x, dtype=np.float64)
    found, _ = cg(information, right, rtol=1e-10, maxiter=10_000, M=scale)
    return np.asarray(found, np.float64)

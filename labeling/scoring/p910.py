"""Recommendations of the ITU as they stand: bias removal (P.913) and P.910 Annex E (alternating projection).

These are reference methods. On sparse designs one rater's inconsistency can collapse to 0 and take all the
weight: a release does not rest on them (see `two_way`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import chi2

from labeling.scoring.mos import Scores, photo_moments
from labeling.scoring.votes import Floats, VoteSet

NORMAL_95 = 1.96
"""As the Recommendation prints it."""
SMALLEST_VARIANCE = 1e-8


def rater_biases(votes: VoteSet) -> Floats:
    """b_i = mean over i's votes of (vote - mean of the photo): ITU-T P.913 (06/2021) §12.4.

    On incomplete designs these depend on who else saw the photos: use `two_way.two_way_least_squares` there.

    Examples
    --------
    >>> rater_biases(VoteSet.from_matrix([[5, 4], [3, 2]])).tolist()
    [0.5, -0.5]
    """
    mean, _, _ = photo_moments(votes)
    return votes.per_rater(votes.value - mean[votes.photo]) / votes.per_rater()


@dataclass(frozen=True)
class Projection:
    """The result of alternating projection.

    Parameters
    ----------
    quality : ndarray of float64, shape (photos,)
        ψ, in scale units.
    se : ndarray of float64, shape (photos,)
        Standard error by equation 6: 1 / √Σ υ_i⁻² over the raters who voted on the photo.
    se_residual : ndarray of float64, shape (photos,)
        Standard error as the reference demo has it: σ_j / √n_j, σ_j being the residuals' SD (ddof 0).
    bias, inconsistency : ndarray of float64, shape (raters,)
        Δ with mean 0, and υ.
    rounds : int
        How many were needed.
    """

    quality: Floats
    se: Floats
    se_residual: Floats
    bias: Floats
    inconsistency: Floats
    rounds: int


def alternating_projection(votes: VoteSet, tolerance: float = 1e-8, most_rounds: int = 1000) -> Projection:
    """The P.910 Annex E model, vote = ψ + Δ + υ·noise, by alternating projection.

    Source: ITU-T P.910 (10/2023) Annex E; Li, Bampis, Krasula, Janowski and Katsavounidis, A simple model for
    subject behavior in subjective experiments, HVEI 2020.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    tolerance : float
        Stop when the norm of the change of ψ falls below.
    most_rounds : int
        Stop after so many rounds.

    Examples
    --------
    >>> found = alternating_projection(VoteSet.from_matrix([[5, 4, 4], [1, 1, 2], [3, 3, 4]]))
    >>> found.quality.round(2).tolist(), found.bias.round(2).tolist()
    ([4.33, 1.33, 3.33], [0.0, -0.33, 0.33])
    """
    order = np.argsort(votes.rater, kind="stable")
    photo, u = votes.photo[order], votes.value[order]
    times = np.bincount(votes.rater, minlength=votes.raters)
    begins = np.cumsum(times) - times
    quality = np.bincount(photo, u, votes.photos) / votes.per_photo()
    variance: Floats = np.zeros(votes.raters)
    rounds, change = 0, np.inf
    while rounds < most_rounds and change >= tolerance:
        rounds += 1
        before = quality
        error = u - quality[photo]
        level = np.repeat(np.add.reduceat(error, begins) / times, times)
        error -= level
        variance = np.add.reduceat(error * error, begins) / times
        weight = np.repeat(1 / (variance + SMALLEST_VARIANCE), times)
        quality = np.bincount(photo, weight * (u - level), votes.photos) / np.bincount(photo, weight, votes.photos)
        change = float(np.linalg.norm(quality - before))
    bias = np.add.reduceat(u - quality[photo], begins) / times
    centre = bias.mean()
    quality, bias = quality + centre, bias - centre
    error = votes.value - quality[votes.photo] - bias[votes.rater]
    n = votes.per_photo()
    spread = error - (votes.per_photo(error) / n)[votes.photo]
    residual = np.sqrt(votes.per_photo(spread**2) / n)
    precision = votes.per_photo((1 / (variance + SMALLEST_VARIANCE))[votes.rater])
    return Projection(quality, 1 / np.sqrt(precision), residual / np.sqrt(n), bias, np.sqrt(variance), rounds)


def p910_scores(
    votes: VoteSet,
    low: float = -np.inf,
    high: float = np.inf,
    interval: Literal["eq6", "residual"] = "eq6",
) -> Scores:
    """P.910 Annex E scores with one of its two intervals, ends kept inside the scale.

    Raters' intervals are those of the reference: Δ ± 1.96 υ/√n, and υ √(n/χ²) with n degrees of freedom; where an
    inconsistency has collapsed, so has its interval.

    Examples
    --------
    >>> scores = p910_scores(VoteSet.from_matrix([[5, 4, 4], [1, 1, 2], [3, 3, 4]]), 1, 5)
    >>> bool((scores.low <= scores.score).all() and scores.high.max() <= 5)
    True
    """
    found = alternating_projection(votes)
    half = NORMAL_95 * (found.se if interval == "eq6" else found.se_residual)
    below = np.minimum(np.clip(found.quality - half, low, high), found.quality)
    above = np.maximum(np.clip(found.quality + half, low, high), found.quality)
    n = votes.per_rater()
    of_bias = NORMAL_95 * found.inconsistency / np.sqrt(n)
    return Scores(
        found.quality,
        below,
        above,
        found.bias,
        found.inconsistency,
        found.bias - of_bias,
        found.bias + of_bias,
        found.inconsistency * np.sqrt(n / chi2.ppf(0.975, n)),
        found.inconsistency * np.sqrt(n / chi2.ppf(0.025, n)),
    )

"""Mean opinion scores, their spread, and what a mean hides: histograms, bimodality, the SOS curve."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy import special

from labeling.scoring.votes import Floats, Ints, VoteSet

LEVEL = 0.95
MOST_STEPS = 20
SLIDER_BINS = 10


@dataclass(frozen=True)
class Scores:
    """Scores of photos with intervals.

    Parameters
    ----------
    score : ndarray of float64, shape (photos,)
        In scale units.
    low, high : ndarray of float64, shape (photos,)
        Ends of the 95 % interval; NaN where the votes do not allow one.
    bias : ndarray of float64, shape (raters,)
        How much higher than the scores a rater votes, in scale units.
    inconsistency : ndarray of float64, shape (raters,)
        Standard deviation of a rater's votes around score and bias; NaN where it cannot be known.
    bias_low, bias_high, inconsistency_low, inconsistency_high : ndarray of float64, shape (raters,), optional
        Ends of their 95 % intervals, where the method has some; NaN where the votes do not allow one.
    """

    score: Floats
    low: Floats
    high: Floats
    bias: Floats
    inconsistency: Floats
    bias_low: Floats | None = None
    bias_high: Floats | None = None
    inconsistency_low: Floats | None = None
    inconsistency_high: Floats | None = None


def photo_moments(votes: VoteSet) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation (ddof 1; NaN below two votes) and number of votes of each photo.

    Examples
    --------
    >>> mean, sd, n = photo_moments(VoteSet.from_matrix([[4, 5, 3], [2, 2, float("nan")]]))
    >>> mean.tolist(), sd.tolist(), n.tolist()
    ([4.0, 2.0], [1.0, 0.0], [3.0, 2.0])
    """
    n = votes.per_photo()
    mean = votes.per_photo(votes.value) / n
    squares = votes.per_photo((votes.value - mean[votes.photo]) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.where(n > 1, squares / (n - 1), np.nan))
    return mean, sd, n


def mean_opinion_scores(votes: VoteSet, low: float = -np.inf, high: float = np.inf) -> Scores:
    """Plain mean with a t interval, kept inside the scale (ITU-T P.910, 10/2023).

    Parameters
    ----------
    votes : VoteSet
        The votes.
    low, high : float
        Ends of the scale.

    Returns
    -------
    Scores
        The interval is NaN where a photo has one vote. Bias is a rater's mean deviation from the means,
        inconsistency the standard deviation (ddof 0) of these deviations.

    Examples
    --------
    >>> scores = mean_opinion_scores(VoteSet.from_matrix([[4, 5, 3]]), 1, 5)
    >>> scores.score.round(3).tolist(), scores.low.round(3).tolist(), scores.high.round(3).tolist()
    ([4.0], [1.516], [5.0])
    """
    mean, sd, n = photo_moments(votes)
    with np.errstate(invalid="ignore"):
        half = special.stdtrit(np.maximum(n - 1, 1), (1 + LEVEL) / 2) * sd / np.sqrt(n)
    deviation = votes.value - mean[votes.photo]
    counts = votes.per_rater()
    bias = votes.per_rater(deviation) / counts
    spread = np.sqrt(votes.per_rater((deviation - bias[votes.rater]) ** 2) / counts)
    inconsistency = np.where(counts > 1, spread, np.nan)
    return Scores(mean, np.maximum(mean - half, low), np.minimum(mean + half, high), bias, inconsistency)


def z_scores(votes: VoteSet) -> Floats:
    """Each vote in standard deviations (ddof 1) of its rater, from that rater's mean.

    Source: van Dijk, Martens and Watson, Quality assessment of coded images using numerical category scaling, SPIE
    2451 (1995); ITU-T P.910 (10/2023). Means by photo: ``mean_opinion_scores(replace(votes, value=z_scores(votes)))``
    once raters without spread are left out. On incomplete designs a rater's mean depends on who saw which photos.

    Returns
    -------
    ndarray of float64, shape (votes,)
        NaN for raters with one vote, or with equal votes only: their scale has no unit.

    Examples
    --------
    >>> z_scores(VoteSet.from_matrix([[1, 2], [3, 2]])).round(4).tolist()
    [-0.7071, nan, 0.7071, nan]
    """
    n = votes.per_rater()
    centred = votes.value - (votes.per_rater(votes.value) / n)[votes.rater]
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.where(n > 1, votes.per_rater(centred**2) / (n - 1), np.nan))
        return np.asarray(centred / np.where(sd > 1e-12, sd, np.nan)[votes.rater], np.float64)


def sos_parameter(mean: Floats, sd: Floats, low: float, high: float) -> float:
    """The SOS parameter a of s² = a (m - L)(H - m): a = Σ s²x / Σ x² with x = (m - L)(H - m).

    Source: Hossfeld, Schatz and Egger, SOS: The MOS is not enough, QoMEX 2011.

    Parameters
    ----------
    mean, sd : ndarray of float64, shape (photos,)
        As of `photo_moments`; photos without a standard deviation are left out.
    low, high : float
        Ends of the scale.

    Returns
    -------
    float
        0 (all agree) to 1 (votes at the ends only); NaN where no photo can say anything.

    Examples
    --------
    >>> round(sos_parameter(np.array([3.0, 2.0]), np.array([1.0, 0.8]), 1, 5), 3)
    0.237
    """
    known = ~np.isnan(sd)
    x = (mean[known] - low) * (high - mean[known])
    return float((sd[known] ** 2 * x).sum() / (x**2).sum()) if (x**2).sum() > 0 else float("nan")


def bin_count(scale: str, low: float, high: float) -> int:
    """Steps of a scale of whole steps, at most 20 of them; ten bins for sliders ('0.0-100.0', '0-100').

    Examples
    --------
    >>> bin_count("1-7", 1, 7), bin_count("0-100", 0, 100)
    (7, 10)
    """
    steps = round(high - low)
    return steps + 1 if steps <= MOST_STEPS and not re.search(r"\d\.\d", scale) else SLIDER_BINS


def histograms(votes: VoteSet, scale: str, low: float, high: float) -> Ints:
    """Votes of each photo by step of the scale, lowest first.

    Returns
    -------
    ndarray of int64, shape (photos, bins)
        On a scale of whole steps a vote between two steps counts for the nearest; slider bins are of equal width.

    Examples
    --------
    >>> histograms(VoteSet.from_matrix([[1, 2, 2], [5, 5, 4]]), "1-5", 1, 5).tolist()
    [[1, 2, 0, 0, 0], [0, 0, 0, 1, 2]]
    """
    bins = bin_count(scale, low, high)
    steps = bins == round(high - low) + 1
    if steps:
        place = np.round(votes.value - low).astype(np.int64)
    else:
        place = np.floor((votes.value - low) / (high - low) * bins).astype(np.int64)
    place = np.clip(place, 0, bins - 1)
    flat = np.bincount(votes.photo * bins + place, minlength=votes.photos * bins)
    return np.asarray(flat.reshape(votes.photos, bins), np.int64)


def bimodality(votes: VoteSet) -> Floats:
    """Sarle's bimodality coefficient of each photo's votes, with the correction for few votes.

    Source: SAS Institute (1990), (g² + 1) / (k + 3 (n - 1)² / ((n - 2)(n - 3))), g and k being sample skewness
    and excess kurtosis. A uniform distribution has 5/9; above that, votes tend to two camps.

    Returns
    -------
    ndarray of float64, shape (photos,)
        0 to 1; NaN below four votes or where all votes are equal.

    Examples
    --------
    >>> bimodality(VoteSet.from_matrix([[1, 1, 7, 7, 1, 7], [3, 4, 4, 5, 4, 4]])).round(2).tolist()
    [0.34, 0.11]
    """
    n = votes.per_photo()
    centred = votes.value - (votes.per_photo(votes.value) / n)[votes.photo]
    m2, m3, m4 = (votes.per_photo(centred**power) / n for power in (2, 3, 4))
    enough = (n > 3) & (m2 > 1e-12)
    with np.errstate(invalid="ignore", divide="ignore"):
        skew = m3 / m2**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
        kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)
        coefficient = (skew**2 + 1) / (kurtosis + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))
    return np.where(enough, coefficient, np.nan)

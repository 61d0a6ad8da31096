"""Shared and private taste: crossed variance components of photo, rater, photo by rater, and error.

u_ijr = μ + α_j + β_i + γ_ij + ε_ijr. Without repeats γ (private taste) and ε (noise) cannot be told apart, and no
number is given for either. Components come from Henderson's method I, which is unbiased on any design and needs
sums only; intervals from a jackknife over groups of raters and groups of photos.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from labeling.scoring.henderson import Cells
from labeling.scoring.mos import LEVEL
from labeling.scoring.votes import Flags, Floats, Ints, VoteSet
from schemas.errors import BadInput

GROUPS = 20
NAMES = ("photo", "rater", "photo_rater", "error")
FEWEST_REPEATS = 20


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; NaN where the votes cannot tell."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Taste:
    """Components of variance in squared scale units, and what they say about taste.

    Parameters
    ----------
    photo, rater : Estimate
        Variance of α (shared taste) and of β (how high raters vote).
    photo_rater, error : Estimate or None
        Variance of γ (private taste) and of ε (noise). None without enough repeats.
    photo_rater_and_error : Estimate
        γ and ε together, which every design can tell.
    beholder1 : Estimate or None
        σ²γ / (σ²α + σ²γ): share of private taste. None without enough repeats.
    beholder2 : Estimate or None
        (σ²β + σ²γ) / (σ²α + σ²β + σ²γ), raters' levels counted as private.
    repeats : int
        Votes beyond the first of a rater on a photo.
    icc2, icc3 : Estimate
        σ²α / (σ²α + σ²β + σ²γ + σ²ε) and σ²α / (σ²α + σ²γ + σ²ε): Shrout and Fleiss' (2,1) and (3,1) on any design,
        and equal to theirs on a full matrix.
    """

    photo: Estimate
    rater: Estimate
    photo_rater: Estimate | None
    error: Estimate | None
    photo_rater_and_error: Estimate
    beholder1: Estimate | None
    beholder2: Estimate | None
    repeats: int
    icc2: Estimate
    icc3: Estimate


def taste_components(votes: VoteSet, groups: int = GROUPS, seed: int = 0) -> Taste:
    """Variance components and beholder indices with intervals.

    Source: Henderson, Biometrics 9 (1953), method I; Hönekopp, Journal of Experimental Psychology: Human
    Perception and Performance 32 (2006) for the beholder indices.

    Parameters
    ----------
    votes : VoteSet
        Votes; a rater's repeated votes on a photo are what tells private taste from noise.
    groups : int
        Groups of raters, and of photos, that the jackknife leaves out in turn.
    seed : int
        Of the groups.

    Raises
    ------
    BadInput
        Fewer than two photos or two raters.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> votes = VoteSet.from_matrix(rng.normal(size=(30, 1)) + rng.normal(size=(30, 10)))
    >>> taste_components(votes).photo_rater is None  # no repeats: no number
    True
    """
    if votes.photos < 2 or votes.raters < 2:
        raise BadInput("taste needs at least two photos and two raters", got=f"{votes.photos} and {votes.raters}")
    cells = Cells.of(votes)
    repeats = len(votes.value) - len(cells.n)
    told = repeats >= FEWEST_REPEATS
    point = _figures(cells, None, told)
    rng = np.random.default_rng(seed)
    spread = np.zeros(len(point))
    for index, size in ((cells.rater, votes.raters), (cells.photo, votes.photos)):
        spread += _jackknife(cells, index, size, min(groups, size), told, rng)
    half = stats.t.ppf((1 + LEVEL) / 2, max(min(groups, votes.raters, votes.photos) - 1, 1)) * np.sqrt(spread)
    found = [Estimate(float(v), float(v - h), float(v + h)) for v, h in zip(point, half, strict=True)]
    photo, rater, gamma, error, both, first, second, absolute, consistent = found
    if not told:
        return Taste(photo, rater, None, None, both, None, None, repeats, absolute, consistent)
    return Taste(photo, rater, gamma, error, both, _share(first), _share(second), repeats, absolute, consistent)


def _share(found: Estimate) -> Estimate:
    """A share's interval lies between 0 and 1."""
    low, high = float(np.clip(found.low, 0, 1)), float(np.clip(found.high, 0, 1))
    return Estimate(found.value, low, high)


def _jackknife(cells: Cells, index: Ints, size: int, groups: int, told: bool, rng: np.random.Generator) -> Floats:
    """Variance of the figures from leaving out one group at a time."""
    group = rng.permutation(size) % groups
    left = np.asarray([_figures(cells, group[index] != number, told) for number in range(groups)])
    known = left[~np.isnan(left).any(axis=1)]
    if len(known) < 2:
        return np.full(left.shape[1], np.nan)
    return np.asarray((len(known) - 1) / len(known) * ((known - known.mean(axis=0)) ** 2).sum(axis=0), np.float64)


def _figures(cells: Cells, keep: Flags | None, told: bool) -> Floats:
    """σ²α, σ²β, σ²γ, σ²ε, σ²γ + σ²ε, b1, b2, ICC(2), ICC(3); zeros stand for what cannot be told."""
    if told:
        alpha, beta, gamma, epsilon = cells.components(keep, interaction=True)
        both = gamma + epsilon
        taste = [_ratio(gamma, alpha + gamma), _ratio(beta + gamma, alpha + beta + gamma)]
    else:
        alpha, beta, both = cells.components(keep, interaction=False)
        gamma, epsilon, taste = 0.0, 0.0, [0.0, 0.0]
    shares = [_ratio(alpha, alpha + beta + both), _ratio(alpha, alpha + both)]
    return np.array([alpha, beta, gamma, epsilon, both, *taste, *shares])


def _ratio(part: float, whole: float) -> float:
    """NaN where nothing varies."""
    return float(part / whole) if whole > 1e-12 else float("nan")


def design_weighted_mean(score: Floats, probability: Floats, se: Floats | None = None) -> Estimate:
    """Mean over the population from which photos were drawn, each weighted by 1 / inclusion probability.

    Source: Hájek's estimator with its linearised variance for independent draws; Särndal, Swensson and Wretman,
    Model Assisted Survey Sampling (1992).

    Parameters
    ----------
    score : ndarray of float64, shape (photos,)
        Scores of the photos that were drawn.
    probability : ndarray of float64, shape (photos,)
        With which each was drawn, above 0 and up to 1.
    se : ndarray of float64, shape (photos,), optional
        Standard errors of the scores, whose variance is then added; NaN counts as none.

    Examples
    --------
    >>> design_weighted_mean(np.array([1.0, 5.0]), np.array([0.25, 1.0])).value
    1.8
    """
    if ((probability <= 0) | (probability > 1)).any():
        raise BadInput("an inclusion probability is not above 0 and up to 1", field="inclusion_probability")
    weight = 1 / probability
    mean = float((weight * score).sum() / weight.sum())
    residual = weight * (score - mean)
    variance = ((1 - probability) * residual**2).sum()
    if se is not None:
        variance += (weight**2 * np.nan_to_num(se) ** 2).sum()
    half = float(stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance) / weight.sum())
    return Estimate(mean, mean - half, mean + half)

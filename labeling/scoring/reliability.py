"""How far the scores can be trusted: figures with intervals, for sparse and full designs alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeling.scoring.agreement import alpha, interval_alpha, ordinal_alpha_by_weight
from labeling.scoring.intraclass import one_way, sums
from labeling.scoring.votes import Flags, Floats, VoteSet

FEWEST_VOTES = 3
MOST_CATEGORIES = 21
"""Distinct values up to which votes are taken for ordered categories."""
ENDS = (2.5, 97.5)


@dataclass(frozen=True)
class Figure:
    """A reliability figure with its 95 % interval; NaN (as None in tables) where the votes cannot tell.

    Parameters
    ----------
    measure : str
        Such as 'icc1' or 'split_half'.
    value, low, high : float
        The figure and the ends of its interval.
    about : str
        What the interval is over: resampled photos, or random halves of the raters.
    """

    measure: str
    value: float
    low: float
    high: float
    about: str


def leave_one_out(votes: VoteSet) -> Floats:
    """Pearson correlation of each rater's votes with the mean of all others' votes on the same photos.

    Returns
    -------
    ndarray of float64, shape (raters,)
        NaN for raters with fewer than three comparable votes, or without any spread.

    Examples
    --------
    >>> leave_one_out(VoteSet.from_matrix([[5, 4, 5], [1, 2, 1], [3, 3, 2]])).round(3).tolist()
    [0.982, 0.99, 0.961]
    """
    n, total = votes.per_photo()[votes.photo], votes.per_photo(votes.value)[votes.photo]
    comparable = n > 1
    with np.errstate(invalid="ignore", divide="ignore"):
        others = np.where(comparable, (total - votes.value) / (n - 1), 0.0)
    own = np.where(comparable, votes.value, 0.0)
    return pearson_by(votes, own, others, comparable)


def pearson_by(votes: VoteSet, x: Floats, y: Floats, mask: Flags) -> Floats:
    """Pearson correlation of two values of each vote, by rater; only the votes of the mask count."""
    keep = mask.astype(np.float64)
    count = votes.per_rater(keep)
    some = np.maximum(count, 1)
    dx = (x - (votes.per_rater(x * keep) / some)[votes.rater]) * keep
    dy = (y - (votes.per_rater(y * keep) / some)[votes.rater]) * keep
    xx, yy, xy = votes.per_rater(dx**2), votes.per_rater(dy**2), votes.per_rater(dx * dy)
    known = (count >= FEWEST_VOTES) & (xx > 1e-12) & (yy > 1e-12)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, xy / np.sqrt(xx * yy), np.nan)


def ranks(x: Floats) -> Floats:
    """Ranks from 1, equal values sharing their mean rank; NaN throughout where a value is NaN.

    Means of votes have few distinct values among millions of photos: each is looked up among those.

    Examples
    --------
    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    ordered = np.sort(x)
    if len(x) and np.isnan(ordered[-1]):
        return np.full(len(x), np.nan)
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[begins[1:], len(x)]
    return np.asarray(((begins + ends + 1) / 2)[np.searchsorted(ordered[begins], x)], np.float64)


def spearman(x: Floats, y: Floats) -> float:
    """Rank correlation; NaN where there are fewer than three pairs or no spread.

    Examples
    --------
    >>> round(spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])), 6)
    0.8
    """
    if len(x) < FEWEST_VOTES:
        return float("nan")
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    length = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / length) if length > 0 else float("nan")


def spearman_brown(correlation: float) -> float:
    """Reliability of the whole from the correlation of its halves: 2ρ / (1 + ρ); NaN at -1.

    Examples
    --------
    >>> round(spearman_brown(0.8), 4)
    0.8889
    """
    return 2 * correlation / (1 + correlation) if correlation > -1 else float("nan")


def half_correlation(votes: VoteSet, first: Flags) -> float:
    """Rank correlation of the photos' means by two halves of the raters.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    first : ndarray of bool, shape (raters,)
        Which raters are in the first half.

    Examples
    --------
    >>> votes = VoteSet.from_matrix([[5, 4, 5, 5], [1, 2, 1, 2], [3, 3, 2, 4]])
    >>> round(half_correlation(votes, np.array([True, True, False, False])), 6)
    1.0
    """
    return _Halves(votes).correlation(first)


class _Halves:
    """Counts and sums by photo and rater, so that a half is two products with a sparse matrix."""

    def __init__(self, votes: VoteSet) -> None:
        self.counts, self.sums = votes.incidence(), votes.incidence(votes.value)
        self.n, self.total = votes.per_photo(), votes.per_photo(votes.value)

    def correlation(self, first: Flags) -> float:
        side = first.astype(np.float64)
        n_first, total_first = self.counts @ side, self.sums @ side
        both = (n_first > 0) & (n_first < self.n)
        one, other = n_first[both], (self.n - n_first)[both]
        return spearman(total_first[both] / one, (self.total - total_first)[both] / other)


def split_half(votes: VoteSet, splits: int = 200, seed: int = 0) -> Figure:
    """Mean Spearman-Brown corrected rank correlation over random halves of the raters.

    The interval holds the middle 95 % of the halves: how much the choice of raters moves the figure.

    Examples
    --------
    >>> votes = VoteSet.from_matrix([[5, 4, 5, 5], [1, 2, 1, 2], [3, 3, 3, 4], [4, 5, 4, 3]])
    >>> found = split_half(votes, splits=100)
    >>> bool(found.low <= found.value <= found.high)
    True
    """
    rng = np.random.default_rng(seed)
    found = []
    halves = _Halves(votes)
    for _ in range(splits):
        first = np.zeros(votes.raters, bool)
        first[rng.permutation(votes.raters)[: votes.raters // 2]] = True
        found.append(spearman_brown(halves.correlation(first)))
    return _summary("split_half", np.asarray(found), "random halves of the raters")


def _summary(measure: str, found: Floats, about: str) -> Figure:
    known = found[~np.isnan(found)]
    if not len(known):
        return Figure(measure, float("nan"), float("nan"), float("nan"), about)
    low, high = np.percentile(known, ENDS)
    return Figure(measure, float(known.mean()), float(low), float(high), about)


def retest(first: Floats, second: Floats) -> tuple[float, float]:
    """Correlation of repeated votes, and the standard error of measurement SD(difference) / √2.

    Parameters
    ----------
    first, second : ndarray of float64, shape (repeats,)
        A rater's vote on a photo, and the same rater's vote on it later.

    Returns
    -------
    correlation, error : float
        NaN below three repeats or without spread.

    Examples
    --------
    >>> correlation, error = retest(np.array([1.0, 4.0, 5.0, 2.0]), np.array([2.0, 4.0, 4.0, 2.0]))
    >>> round(correlation, 3), round(error, 3)
    (0.949, 0.577)
    """
    if len(first) < FEWEST_VOTES:
        return float("nan"), float("nan")
    error = float(np.std(first - second, ddof=1) / np.sqrt(2))
    if np.std(first) == 0 or np.std(second) == 0:
        return float("nan"), error
    return float(np.corrcoef(first, second)[0, 1]), error


def reliability(votes: VoteSet, splits: int = 200, resamples: int = 400, seed: int = 0) -> list[Figure]:
    """ICC(1) of one vote and of the scores, alphas, split-half and mean leave-one-out agreement, with intervals.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    splits : int
        Random halves of the raters.
    resamples : int
        Bootstrap samples of photos for the intervals of ICC and alpha, of raters for leave-one-out.
    seed : int
        Of both.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> votes = VoteSet.from_matrix(rng.normal(size=(30, 1)) + rng.normal(size=(30, 8)))
    >>> [figure.measure for figure in reliability(votes, splits=100, resamples=100)]
    ['icc1', 'icc1k', 'alpha_interval', 'split_half', 'leave_one_out']
    """
    rng = np.random.default_rng(seed)
    return [
        *_over_photos(votes, rng, resamples),
        split_half(votes, splits, seed),
        _leave_one_out_figure(votes, rng, resamples),
    ]


def _over_photos(votes: VoteSet, rng: np.random.Generator, resamples: int) -> list[Figure]:
    """ICC and alphas, ordinal alpha of ordered categories only, with intervals from resampled photos."""
    n, mean, squares = sums(votes)
    total, raw, pairable = n * mean, votes.per_photo(votes.value**2), n > 1
    ordered = len(np.unique(votes.value)) <= MOST_CATEGORIES
    ordinal = ordinal_alpha_by_weight(votes) if ordered else lambda _: float("nan")
    found = np.empty((resamples, 4))
    for row in found:  # a sample is as long as the photos: one at a time
        draw = np.bincount(rng.integers(0, votes.photos, votes.photos), minlength=votes.photos).astype(np.float64)
        alone = interval_alpha(n, total, raw, np.where(pairable, draw, 0.0))
        row[:] = (*one_way(n, mean, squares, draw), alone, ordinal(draw))
    points = [*one_way(n, mean, squares), alpha(votes), alpha(votes, "ordinal") if ordered else float("nan")]
    names = ["icc1", "icc1k", "alpha_interval", *(["alpha_ordinal"] if ordered else [])]
    return [around(name, points[k], found[:, k], "resampled photos") for k, name in enumerate(names)]


def _leave_one_out_figure(votes: VoteSet, rng: np.random.Generator, resamples: int) -> Figure:
    found = leave_one_out(votes)
    known = found[~np.isnan(found)]
    about = "resampled raters"
    if not len(known):
        return Figure("leave_one_out", float("nan"), float("nan"), float("nan"), about)
    means = known[rng.integers(0, len(known), (resamples, len(known)))].mean(axis=1)
    return around("leave_one_out", float(known.mean()), means, about)


def around(measure: str, value: float, found: Floats, about: str) -> Figure:
    """A figure with the percentile interval of its resamples."""
    known = found[~np.isnan(found)]
    if np.isnan(value) or not len(known):
        return Figure(measure, value, float("nan"), float("nan"), about)
    low, high = np.percentile(known, ENDS)
    return Figure(measure, value, float(low), float(high), about)

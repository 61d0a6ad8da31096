"""Krippendorff's alpha for nominal, ordinal and interval votes, with any votes missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from labeling.scoring.votes import Floats, VoteSet

Level = Literal["nominal", "ordinal", "interval"]


def alpha(votes: VoteSet, level: Level = "interval", weight: Floats | None = None) -> float:
    """Krippendorff's alpha: 1 - observed / expected disagreement.

    Source: Krippendorff, Content Analysis (2018); ordinal distances are
    (Σ of the values' frequencies from c to k, less half of both ends)².

    Parameters
    ----------
    votes : VoteSet
        Photos with one vote say nothing and are left out.
    level : str
        How far apart two values are: 'nominal', 'ordinal' or 'interval'.
    weight : ndarray of float64, shape (photos,), optional
        How often each photo stands in the sample (a bootstrap's).

    Returns
    -------
    float
        1 all agree, 0 as by chance; NaN where no two votes can be compared or all votes are equal.

    Examples
    --------
    >>> round(alpha(VoteSet.from_matrix([[1, 1], [2, 2], [3, 2]])), 3)
    0.706
    """
    n = votes.per_photo()
    w = np.where(n > 1, 1.0 if weight is None else weight, 0.0)
    if level == "interval":
        return interval_alpha(n, votes.per_photo(votes.value), votes.per_photo(votes.value**2), w)
    return _coincidence_alpha(_counts(votes), n, w, level)


def ordinal_alpha_by_weight(votes: VoteSet) -> Callable[[Floats], float]:
    """Ordinal alpha as a function of how often each photo stands in the sample, as `alpha` gives it for one.

    Parameters
    ----------
    votes : VoteSet
        On few distinct values: memory is photos times values.

    Examples
    --------
    >>> votes = VoteSet.from_matrix([[1, 1], [2, 2], [3, 2]])
    >>> ordinal_alpha_by_weight(votes)(np.ones(3)) == alpha(votes, "ordinal")
    True
    """
    n = votes.per_photo()
    table = _counts(votes)
    told = np.where(n > 1, 1.0, 0.0)
    return lambda weight: _coincidence_alpha(table, n, told * weight, "ordinal")


def _counts(votes: VoteSet) -> Floats:
    """Votes by photo and distinct value."""
    values, place = np.unique(votes.value, return_inverse=True)
    counts = np.bincount(votes.photo * len(values) + place, minlength=votes.photos * len(values))
    return counts.reshape(votes.photos, len(values)).astype(np.float64)


def interval_alpha(n: Floats, total: Floats, squares: Floats, weight: Floats) -> float:
    """Alpha with squared differences, from each photo's count, sum and sum of squares.

    Examples
    --------
    >>> n, total, squares = np.array([2.0, 2.0, 2.0]), np.array([2.0, 4.0, 5.0]), np.array([2.0, 8.0, 13.0])
    >>> round(interval_alpha(n, total, squares, np.ones(3)), 3)
    0.706
    """
    pairable = (weight * n).sum()
    if pairable < 2:
        return float("nan")
    observed = (weight * 2 * (n * squares - total**2) / np.maximum(n - 1, 1)).sum() / pairable
    all_pairs = 2 * (pairable * (weight * squares).sum() - (weight * total).sum() ** 2)
    expected = all_pairs / (pairable * (pairable - 1))
    return float(1 - observed / expected) if expected > 1e-12 else float("nan")


def _coincidence_alpha(table: Floats, n: Floats, weight: Floats, level: Level) -> float:
    frequencies = weight @ table
    pairable = frequencies.sum()
    if pairable < 2:
        return float("nan")
    if level == "nominal":
        distance = 1 - np.eye(len(frequencies))
    else:
        upto = np.cumsum(frequencies)
        between = np.abs(upto[:, None] - upto[None, :])
        # From c to k, both ends by half: Σ_{g=c..k} n_g - (n_c + n_k) / 2.
        lower = np.minimum.outer(np.arange(len(upto)), np.arange(len(upto)))
        between = between + frequencies[lower] - (frequencies[:, None] + frequencies[None, :]) / 2
        distance = between**2
        np.fill_diagonal(distance, 0.0)
    scale = weight / np.maximum(n - 1, 1)
    coincidence = table.T @ (scale[:, None] * table)
    observed = (coincidence * distance).sum() / pairable
    expected = (np.outer(frequencies, frequencies) * distance).sum() / (pairable * (pairable - 1))
    return float(1 - observed / expected) if expected > 1e-12 else float("nan")

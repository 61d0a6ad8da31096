"""Intraclass correlations: how much of the votes' variance lies between photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.scoring.votes import Floats, VoteSet
from schemas.errors import BadInput


@dataclass(frozen=True)
class Intraclass:
    """The six coefficients of Shrout and Fleiss (Psychological Bulletin 86, 1979) of a full matrix.

    (1,.): every photo has its own raters; (2,.): raters are a random sample, absolute agreement; (3,.): these
    raters, consistency. (.,1): of one rater; (.,k): of the mean of k.
    """

    icc1: float
    icc2: float
    icc3: float
    icc1k: float
    icc2k: float
    icc3k: float


def intraclass(matrix: npt.ArrayLike) -> Intraclass:
    """All six coefficients.

    Parameters
    ----------
    matrix : array_like, shape (photos, raters)
        No missing votes; at least two of each.

    Examples
    --------
    >>> found = intraclass([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    >>> round(found.icc2, 6), round(found.icc2k, 6)
    (0.289764, 0.620051)
    """
    x = np.asarray(matrix, np.float64)
    n, k = x.shape
    if np.isnan(x).any() or n < 2 or k < 2:
        raise BadInput("intraclass correlations need a full matrix of two photos and two raters", got=f"{n} x {k}")
    grand = x.mean()
    rows = k * ((x.mean(axis=1) - grand) ** 2).sum()
    columns = n * ((x.mean(axis=0) - grand) ** 2).sum()
    total = ((x - grand) ** 2).sum()
    msr, msc = rows / (n - 1), columns / (k - 1)
    mse = (total - rows - columns) / ((n - 1) * (k - 1))
    msw = (total - rows) / (n * (k - 1))
    return Intraclass(
        icc1=float((msr - msw) / (msr + (k - 1) * msw)),
        icc2=float((msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)),
        icc3=float((msr - mse) / (msr + (k - 1) * mse)),
        icc1k=float((msr - msw) / msr),
        icc2k=float((msr - mse) / (msr + (msc - mse) / n)),
        icc3k=float((msr - mse) / msr),
    )


def one_way(n: Floats, mean: Floats, squares: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """ICC(1) and the reliability of the scores, from an unbalanced one-way analysis of variance.

    n0 = (N - Σn²/N) / (J - 1); ICC(1) = (MSR - MSW) / (MSR + (n0 - 1) MSW), and for means of n0 votes
    ICC(1,n0) = (MSR - MSW) / MSR.

    Parameters
    ----------
    n, mean, squares : ndarray of float64, shape (photos,)
        Votes of each photo, their mean, and the sum of their squared deviations from it.
    weight : ndarray of float64, shape (photos,), optional
        How often each photo stands in the sample (a bootstrap's).

    Returns
    -------
    single, mean_of_n0 : float
        NaN where the votes cannot tell (one photo, or one vote a photo).

    Examples
    --------
    >>> single, whole = one_way(*sums(VoteSet.from_matrix([[5, 4, 5], [1, 2, 1], [3, 3, 2]])))
    >>> round(single, 3), round(whole, 3)
    (0.89, 0.961)
    """
    w = np.ones_like(n) if weight is None else weight
    photos, total = w.sum(), (w * n).sum()
    within = total - photos
    if photos < 2 or within <= 0:
        return float("nan"), float("nan")
    n0 = (total - (w * n**2).sum() / total) / (photos - 1)
    grand = (w * n * mean).sum() / total
    msr = (w * n * (mean - grand) ** 2).sum() / (photos - 1)
    msw = (w * squares).sum() / within
    if msr + (n0 - 1) * msw <= 0:
        return float("nan"), float("nan")
    return float((msr - msw) / (msr + (n0 - 1) * msw)), float((msr - msw) / msr) if msr > 0 else float("nan")


def sums(votes: VoteSet) -> tuple[Floats, Floats, Floats]:
    """Votes of each photo, their mean, and the sum of squared deviations from it.

    Examples
    --------
    >>> n, mean, squares = sums(VoteSet.from_matrix([[5, 4, 6], [1, 1, 1]]))
    >>> n.tolist(), mean.tolist(), squares.tolist()
    ([3.0, 3.0], [5.0, 1.0], [2.0, 0.0])
    """
    n = votes.per_photo()
    mean = votes.per_photo(votes.value) / n
    return n, mean, votes.per_photo((votes.value - mean[votes.photo]) ** 2)

"""Variances of crossed effects of photos and raters, exact up to thousands of raters, from sparse weights alone.

With weights W (photos by raters), the information on the photos' effects ψ and the raters' Δ is
[[D, W], [Wᵀ, diag(ΣW)]]; eliminating ψ leaves A = diag(ΣW) - WᵀD⁻¹W, a matrix of raters by raters.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from labeling.scoring.votes import Floats, Ints

DENSE_RATERS = 8000
"""Up to here variances are exact (a dense matrix of raters by raters); above, see `crossed_variances`."""
LARGE_PHOTO = 48


def normal_matrix(w: sparse.csr_array, d: Floats, rater_part: Ints, prior: float = 0.0) -> tuple[Floats, float]:
    """A + κ Σ_parts 11ᵀ as a dense matrix, with κ: the gauge that makes A invertible.

    Parameters
    ----------
    w : csr_array, shape (photos, raters)
        Weights.
    d : ndarray of float64, shape (photos,)
        Their sums by photo, the prior among them.
    rater_part : ndarray of int64, shape (raters,)
        The connected part of each rater.
    prior : float
        Precision of a prior on the raters' effects.
    """
    a = (w.T.tocsr() @ rows_scaled(w, 1 / d)).toarray()
    np.negative(a, out=a)
    diagonal = np.asarray(w.sum(axis=0)).ravel() + prior
    a[np.diag_indices_from(a)] += diagonal
    kappa = float(diagonal.mean()) / len(diagonal)
    if rater_part.max() == 0:
        a += kappa
    else:
        a += kappa * (rater_part[:, None] == rater_part[None, :])
    return a, kappa


def crossed_variances(
    w: sparse.csr_array, photo_part: Ints, rater_part: Ints, prior: float = 0.0
) -> tuple[Floats, Floats, bool]:
    """What uncertain raters' effects add to each photo's variance, and the variances of the raters' effects.

    With p_ji = W_ji/D_j, Var ψ_j = 1/D_j + p_jᵀA⁺p_j; the second term is what is returned. With more than
    `DENSE_RATERS` raters A⁺ is taken as the inverse of A's diagonal: raters are then many and each effect rests on its
    own votes, and the first term has nearly all of the variance.

    Parameters
    ----------
    w : csr_array, shape (photos, raters)
        Weights, columns in ascending order.
    photo_part, rater_part : ndarray of int64, shape (photos,) and (raters,)
        Connected parts, in each of which the raters' effects have mean 0.
    prior : float
        Precision of a prior on all effects, added to D and to the raters' sums.

    Returns
    -------
    added, of_raters : ndarray of float64, shape (photos,) and (raters,)
        Variances.
    exact : bool
        False for the approximation.

    Examples
    --------
    >>> one = np.zeros(3, np.int64)
    >>> added, of_raters, exact = crossed_variances(sparse.csr_array(np.ones((3, 3))), one, one)
    >>> added.round(6).tolist(), of_raters.round(3).tolist()  # on a full design levels cancel out of every photo
    ([0.0, 0.0, 0.0], [0.222, 0.222, 0.222])
    """
    d = np.asarray(w.sum(axis=1), np.float64).ravel() + prior
    p = rows_scaled(w, 1 / d)
    if w.shape[1] > DENSE_RATERS:
        diagonal = prior + np.asarray(w.sum(axis=0)).ravel() - np.asarray(p.multiply(w).sum(axis=0)).ravel()
        rough = 1 / np.maximum(diagonal, 1e-12)
        return np.asarray(p.multiply(p) @ rough), rough, False
    a, kappa = normal_matrix(w, d, rater_part, prior)
    inverse = _inverse(a)
    gauge = 1 / (kappa * np.bincount(rater_part).astype(np.float64) ** 2)
    added = quadratic_forms(p, inverse) - gauge[photo_part]
    of_raters = np.diag(inverse) - gauge[rater_part]
    return np.maximum(added, 0.0), np.maximum(of_raters, 0.0), True


def _inverse(a: Floats) -> Floats:
    """Inverse of a positive definite matrix, in its own memory; only the upper triangle is worked out."""
    factor, info = linalg.lapack.dpotrf(a.T, lower=1, overwrite_a=1, clean=0)
    if info == 0:
        factor, info = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if info != 0:
        raise linalg.LinAlgError(f"the design's matrix is not positive definite (LAPACK info {info})")
    return np.asarray(factor.T, np.float64)


def rows_scaled(matrix: sparse.csr_array, factors: Floats) -> sparse.csr_array:
    """Each row of a sparse matrix times its factor.

    Examples
    --------
    >>> rows_scaled(sparse.csr_array(np.eye(2)), np.array([2.0, 3.0])).toarray().tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    data = matrix.data * np.repeat(factors, np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def quadratic_forms(rows: sparse.csr_array, matrix: Floats) -> Floats:
    """x_j M x_jᵀ for each row x_j of a sparse matrix, touching only the entries that x_j needs.

    Parameters
    ----------
    rows : csr_array, shape (photos, raters)
        Few entries in each row, columns in ascending order.
    matrix : ndarray of float64, shape (raters, raters)
        Symmetric; only the upper triangle is read.

    Returns
    -------
    ndarray of float64, shape (photos,)

    Examples
    --------
    >>> rows = sparse.csr_array(np.array([[1.0, 2.0], [0.0, 3.0]]))
    >>> quadratic_forms(rows, np.array([[1.0, 0.5], [0.5, 2.0]])).tolist()
    [11.0, 18.0]
    """
    out = np.zeros(rows.shape[0])
    sizes = np.diff(rows.indptr)
    for size in np.unique(sizes[sizes <= LARGE_PHOTO]):
        if size:
            _forms_of_size(rows, matrix, np.flatnonzero(sizes == size), int(size), out)
    for row in np.flatnonzero(sizes > LARGE_PHOTO):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        index, x = rows.indices[part], rows.data[part]
        upper = np.triu(matrix[np.ix_(index, index)])
        out[row] = 2 * (x @ upper @ x) - x**2 @ np.diag(upper)
    return out


def _forms_of_size(rows: sparse.csr_array, matrix: Floats, chosen: Ints, size: int, out: Floats) -> None:
    """Rows of one number of entries, in blocks of bounded memory."""
    block = max(1, 2_000_000 // size**2)
    first, second = np.triu_indices(size)
    twice = np.where(first == second, 1.0, 2.0)
    for begin in range(0, len(chosen), block):
        some = chosen[begin : begin + block]
        places = rows.indptr[some][:, None] + np.arange(size)
        index, x = rows.indices[places], rows.data[places]
        entries = matrix[index[:, first], index[:, second]]
        entries *= x[:, first]
        entries *= x[:, second]
        out[some] = entries @ twice

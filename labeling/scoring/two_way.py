"""The release default: a weighted two-way model with shrunk rater variances, on sparse designs.

vote = ψ_photo + Δ_rater + υ_rater · noise. Rater variances are pulled to the pooled one with the weight of
ν votes, so that no rater's inconsistency collapses to 0 where raters share few photos. The reduced system of
the biases is solved without ever forming a matrix of photos by raters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.stats import norm

from labeling.scoring.mos import LEVEL, Scores
from labeling.scoring.votes import Floats, Ints, VoteSet

PRIOR_VOTES = 8.0
DENSE_RATERS = 8000
"""Up to here the biases' covariance is exact (a dense matrix of raters by raters); above, see `_bias_variance`."""
DIRECT_RATERS = 600
MOST_ROUNDS = 500
LARGE_PHOTO = 48


@dataclass(frozen=True)
class TwoWay:
    """A fitted two-way model.

    Parameters
    ----------
    quality : ndarray of float64, shape (photos,)
        ψ, in scale units; biases have mean 0 in each connected part of the design.
    se : ndarray of float64, shape (photos,)
        Its standard error; NaN where no vote is left over to estimate any variance.
    bias : ndarray of float64, shape (raters,)
        Δ.
    bias_se : ndarray of float64, shape (raters,)
        Its standard error; NaN as above.
    inconsistency : ndarray of float64, shape (raters,)
        υ, after shrinking.
    components : int
        Connected parts of the design: scores of different parts have no scale in common.
    degrees : int
        Votes minus parameters, N - J - I + parts.
    exact : bool
        False where the part of the variance that comes from the biases is a first-order approximation.
    rounds : int
        Rounds of reweighting.
    """

    quality: Floats
    se: Floats
    bias: Floats
    bias_se: Floats
    inconsistency: Floats
    components: int
    degrees: int
    exact: bool
    rounds: int


class _Design:
    """Who voted on what, as one sparse matrix of counts and one of sums; weights only scale its columns.

    W, with W_ji = w_i times the votes of rater i on photo j, is never formed: W x = C (w x).
    """

    def __init__(self, votes: VoteSet) -> None:
        self.votes = votes
        self.counts = votes.incidence()
        self.sums = votes.incidence(votes.value)
        self.by_rater = self.counts.T.tocsr()
        self.means_by_rater = self.sums.T.tocsr().data / self.by_rater.data
        self.n_by_rater = np.diff(self.by_rater.indptr)
        self.n = votes.per_rater()
        self.total = votes.per_rater(votes.value)
        self.within = self._within()
        self.photo_part, self.rater_part = votes.components()
        self.parts = int(self.rater_part.max()) + 1
        self.part_sizes = np.bincount(self.rater_part, minlength=self.parts).astype(np.float64)

    def _within(self) -> Floats:
        """Squared deviations of repeated votes from the rater's own mean of the photo, summed by rater."""
        if len(self.counts.data) == len(self.votes.value):
            return np.zeros(self.votes.raters)
        squares = self.votes.incidence(self.votes.value**2).T.tocsr().data
        return self._over_raters(np.maximum(squares - self.by_rater.data * self.means_by_rater**2, 0.0))

    def _over_raters(self, cells: Floats) -> Floats:
        """Sums by rater of what stands in the order of `by_rater`; every rater has a vote."""
        return np.asarray(np.add.reduceat(cells, self.by_rater.indptr[:-1]), np.float64)

    def squared_errors(self, quality: Floats, bias: Floats) -> Floats:
        """Σ (vote - ψ - Δ)² by rater."""
        error = self.means_by_rater - quality[self.by_rater.indices] - np.repeat(bias, self.n_by_rater)
        return self._over_raters(self.by_rater.data * error**2) + self.within

    def centred(self, bias: Floats) -> Floats:
        """Biases with mean 0 in each part."""
        means = np.bincount(self.rater_part, bias, self.parts) / self.part_sizes
        return np.asarray(bias - means[self.rater_part], np.float64)

    def normal_matrix(self, weight: Floats, d: Floats) -> tuple[Floats, float]:
        """A + κ Σ_parts 11ᵀ as a dense matrix, with κ: the gauge that makes A invertible."""
        a = (self.by_rater @ rows_scaled(self.counts, 1 / d)).toarray()
        a *= -weight[:, None]
        a *= weight
        diagonal = weight * self.n
        a[np.diag_indices_from(a)] += diagonal
        kappa = float(diagonal.mean()) / self.votes.raters
        if self.parts == 1:
            a += kappa
        else:
            a += kappa * (self.rater_part[:, None] == self.rater_part[None, :])
        return a, kappa

    def solve(self, weight: Floats, d: Floats, right: Floats, start: Floats) -> Floats:
        """Biases from A Δ = c, centred in each part: directly for few raters, by conjugate gradients for many."""
        if self.votes.raters <= DIRECT_RATERS:
            a, _ = self.normal_matrix(weight, d)
            return self.centred(linalg.solve(a, right, assume_a="pos"))
        return self._conjugate_gradients(weight, d, right, start)

    def _conjugate_gradients(self, weight: Floats, d: Floats, right: Floats, start: Floats) -> Floats:
        diagonal = weight * self.n

        def image_of(x: Floats) -> Floats:
            return np.asarray(diagonal * x - weight * (self.by_rater @ ((self.counts @ (weight * x)) / d)), np.float64)

        x = start.copy()
        residual = right - image_of(x)
        enough = 1e-13 * max(float(np.linalg.norm(right)), 1e-300)
        z = residual / diagonal
        direction, rho = z.copy(), float(residual @ z)
        for _ in range(10 * self.votes.raters):
            if np.linalg.norm(residual) <= enough or rho <= 0:
                break
            image = image_of(direction)
            along = float(direction @ image)
            if along <= 0:
                break
            x += rho / along * direction
            residual -= rho / along * image
            z = residual / diagonal
            rho, before = float(residual @ z), rho
            direction = z + rho / before * direction
        return self.centred(x)


def two_way_least_squares(votes: VoteSet) -> tuple[Floats, Floats]:
    """Photo effects and rater biases by unweighted least squares: bias removal on incomplete designs.

    Returns
    -------
    quality : ndarray of float64, shape (photos,)
        In scale units.
    bias : ndarray of float64, shape (raters,)
        Mean 0 in each connected part.
    """
    design = _Design(votes)
    quality, bias, _ = _fit(design, np.ones(votes.raters), np.zeros(votes.raters))
    return quality, bias


def _fit(design: _Design, weight: Floats, start: Floats) -> tuple[Floats, Floats, Floats]:
    """ψ and Δ for fixed weights, with D."""
    d = design.counts @ weight
    sums = design.sums @ weight
    right = weight * (design.total - design.by_rater @ (sums / d))
    bias = design.solve(weight, d, np.asarray(right, np.float64), start)
    quality = (sums - design.counts @ (weight * bias)) / d
    return quality, bias, np.asarray(d, np.float64)


def two_way(votes: VoteSet, prior: float = PRIOR_VOTES, tolerance: float = 1e-9) -> TwoWay:
    """Fit the model.

    With w_i = 1/υ_i², W_ji = w_i where i voted on j, D_j = Σ_i W_ji:
    A = diag(Σ_j W_ji) - WᵀD⁻¹W, c_i = Σ_j W_ji u_ji - [WᵀD⁻¹ Σ_i W u]_i, Δ = A⁺c,
    ψ_j = Σ_i W_ji (u_ji - Δ_i) / D_j, Var ψ_j = 1/D_j + p_jᵀA⁺p_j with p_ji = W_ji/D_j, and
    υ_i² = (Σ_j e² + ν s0²) / (r_i + ν) with r_i = Σ_j (1 - W_ji/D_j) - 1 and s0² = Σe² / (N - J - I + parts).

    Parameters
    ----------
    votes : VoteSet
        The votes; the design may be sparse and may fall into parts.
    prior : float
        ν, in votes.
    tolerance : float
        Largest change of any ψ at which reweighting ends, in scale units.

    Returns
    -------
    TwoWay
        Coverage of the 95 % interval ψ ± 1.96 se in simulations is 93 to 97 % (docs/scores.md).

    Examples
    --------
    >>> fit = two_way(VoteSet.from_matrix([[3, 2, 4], [4, 1, 1], [1, 3, 3]]))
    >>> bool((fit.inconsistency > 0.5).all())  # the P.910 reference gives one rater all the weight here
    True
    """
    design = _Design(votes)
    degrees = len(votes.value) - votes.photos - votes.raters + design.parts
    weight: Floats = np.ones(votes.raters)
    variance: Floats = np.zeros(votes.raters)
    quality, bias, d = _fit(design, weight, np.zeros(votes.raters))
    rounds = 0
    while rounds < MOST_ROUNDS:
        rounds += 1
        squares = design.squared_errors(quality, bias)
        pooled = float(squares.sum()) / degrees if degrees > 0 else 0.0
        if pooled < 1e-20:  # votes are explained wholly: nothing tells raters apart
            variance = np.zeros(votes.raters)
            break
        left = design.n - weight * (design.by_rater @ (1 / d)) - 1
        variance = (squares + prior * pooled) / (left + prior)
        weight, before = 1 / variance, quality
        quality, bias, d = _fit(design, weight, bias)
        if np.abs(quality - before).max() < tolerance:
            break
    if not variance.any():
        unknown = np.nan if degrees <= 0 else 0.0
        of_photos, of_raters = np.full(votes.photos, unknown), np.full(votes.raters, unknown)
        return TwoWay(quality, of_photos, bias, of_raters, of_raters, design.parts, degrees, True, rounds)
    shift, bias_se, exact = _bias_variance(design, weight, d)
    return TwoWay(
        quality, np.sqrt(1 / d + shift), bias, bias_se, np.sqrt(variance), design.parts, degrees, exact, rounds
    )


def _bias_variance(design: _Design, weight: Floats, d: Floats) -> tuple[Floats, Floats, bool]:
    """p_jᵀA⁺p_j for each photo, and the standard errors of the biases.

    With more than `DENSE_RATERS` raters A⁺ is taken as the inverse of A's diagonal: raters are then many and
    each bias rests on its own votes, and the first term, 1/D_j, has nearly all of the variance.
    """
    p = rows_scaled(design.counts, 1 / d)
    p.data *= weight[p.indices]
    if design.votes.raters > DENSE_RATERS:
        squared = design.by_rater.copy()
        squared.data **= 2
        diagonal = weight * design.n - weight**2 * (squared @ (1 / d))
        inverse = 1 / np.maximum(diagonal, 1e-12)
        return np.asarray(p.multiply(p) @ inverse), np.sqrt(inverse), False
    a, kappa = design.normal_matrix(weight, d)
    inverse = _inverse(a)
    gauge = 1 / (kappa * design.part_sizes**2)
    shift = quadratic_forms(p, inverse) - gauge[design.photo_part]
    variances = np.diag(inverse) - gauge[design.rater_part]
    return np.maximum(shift, 0.0), np.sqrt(np.maximum(variances, 0.0)), True


def _inverse(a: Floats) -> Floats:
    """Inverse of a positive definite matrix, in its own memory; only the upper triangle is worked out."""
    factor, info = linalg.lapack.dpotrf(a.T, lower=1, overwrite_a=1, clean=0)
    if info == 0:
        factor, info = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if info != 0:
        raise linalg.LinAlgError(f"the design's matrix is not positive definite (LAPACK info {info})")
    return np.asarray(factor.T, np.float64)


def rows_scaled(matrix: sparse.csr_array, factors: Floats) -> sparse.csr_array:
    """Each row of a sparse matrix times its factor."""
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


def two_way_scores(votes: VoteSet, low: float = -np.inf, high: float = np.inf) -> tuple[Scores, TwoWay]:
    """Release-default scores with 95 % intervals; their ends are kept inside the scale, the scores are not."""
    fit = two_way(votes)
    half = norm.ppf((1 + LEVEL) / 2) * fit.se
    below = np.minimum(np.clip(fit.quality - half, low, high), fit.quality)
    above = np.maximum(np.clip(fit.quality + half, low, high), fit.quality)
    return Scores(fit.quality, below, above, fit.bias, fit.inconsistency), fit

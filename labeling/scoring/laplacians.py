"""Systems with graph Laplacians: dense inverses for covariances, conjugate gradients for everything else."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import linalg, sparse

from labeling.scoring.votes import Floats

BLOCK = 32
"""Right-hand sides solved side by side: their rows then fill whole cache lines."""


def zero_sum_inverse(laplacian: sparse.csr_array, ridge: float = 0.0) -> Floats:
    """Pseudo-inverse of L + ridge·I in the zero-sum gauge, for a connected Laplacian L.

    Parameters
    ----------
    laplacian : csr_array, shape (n, n)
        Connected.
    ridge : float
        Added to the diagonal: the precision of a prior.

    Examples
    --------
    >>> zero_sum_inverse(sparse.csr_array(np.array([[1.0, -1.0], [-1.0, 1.0]]))).round(6).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    size = laplacian.shape[0]
    if size == 1:
        return np.zeros((1, 1))
    dense = laplacian.toarray()
    dense[np.diag_indices(size)] += ridge
    gauge = float(np.trace(dense)) / size
    inverse = linalg.inv(dense + gauge / size)
    return np.asarray(inverse - 1 / (size * (ridge + gauge)), np.float64)


def solve_zero_sum(laplacian: sparse.csr_array, right: Floats, ridge: float = 0.0, accuracy: float = 1e-10) -> Floats:
    """x with (L + ridge·I) x = right, each column of which sums to 0 in each connected part, as do the solutions.

    Parameters
    ----------
    laplacian : csr_array, shape (n, n)
        May fall into parts.
    right : ndarray of float64, shape (n,) or (n, columns)
        Right-hand sides.
    ridge : float
        Added to the diagonal.
    accuracy : float
        Relative size of the last step in the energy norm at which conjugate gradients stop.

    Examples
    --------
    >>> solve_zero_sum(sparse.csr_array(np.array([[1.0, -1.0], [-1.0, 1.0]])), np.array([1.0, -1.0])).tolist()
    [0.5, -0.5]
    """
    if right.ndim == 1:
        return _gradients(laplacian, right[:, None], ridge, accuracy)[:, 0]
    blocks = [right[:, begin : begin + BLOCK] for begin in range(0, right.shape[1], BLOCK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # sparse products let other threads run
        solved = list(pool.map(lambda block: _gradients(laplacian, block, ridge, accuracy), blocks))
    return np.concatenate(solved, axis=1) if solved else np.zeros_like(right)


def _gradients(laplacian: sparse.csr_array, right: Floats, ridge: float, accuracy: float) -> Floats:
    """Conjugate gradients with the diagonal as preconditioner, all columns at once."""
    diagonal = laplacian.diagonal() + ridge
    inverse = np.where(diagonal > 0, 1 / np.where(diagonal > 0, diagonal, 1), 0.0)[:, None]
    x, residual = np.zeros_like(right), np.ascontiguousarray(right)
    residual = residual.copy()
    z = inverse * residual
    direction = z.copy()
    rho = np.einsum("ij,ij->j", residual, z)
    energy = np.zeros(right.shape[1])
    for _ in range(10 * len(right)):
        image = laplacian @ direction
        if ridge:
            image += ridge * direction
        along = np.einsum("ij,ij->j", direction, image)
        live = along > 0
        step = np.where(live, rho / np.where(live, along, 1), 0.0)
        x += step * direction
        residual -= step * image
        gain = step * rho
        energy += gain
        if not (gain > accuracy * energy).any():
            break
        z = inverse * residual
        rho, before = np.einsum("ij,ij->j", residual, z), rho
        direction *= np.where(before > 0, rho / np.where(before > 0, before, 1), 0.0)
        direction += z
    return x

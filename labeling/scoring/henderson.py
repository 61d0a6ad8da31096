"""Variance components by Henderson's method I: sums of squares equated to their expectations.

Source: Henderson, Biometrics 9 (1953). Unbiased on any design; needs sums by photo, by rater, and by both only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeling.scoring.votes import Flags, Floats, Ints, VoteSet


@dataclass(frozen=True)
class Cells:
    """Votes summed by photo and rater: all that the sums of squares and their expectations follow from.

    Parameters
    ----------
    photo, rater : ndarray of int64, shape (cells,)
        Which two.
    n, total, squares : ndarray of float64, shape (cells,)
        Votes, their sum and the sum of their squares. Values are less the mean of all, so that little is lost where
        sums of squares are subtracted.
    """

    photo: Ints
    rater: Ints
    n: Floats
    total: Floats
    squares: Floats

    @classmethod
    def of(cls, votes: VoteSet) -> Cells:
        """Cells of all votes; where no rater repeats a photo and votes stand in order, each vote is one."""
        value = votes.value - votes.value.mean()
        key = votes.photo * votes.raters + votes.rater
        if (np.diff(key) > 0).all():
            return cls(votes.photo, votes.rater, np.ones(len(key)), value, value**2)
        cells, place = np.unique(key, return_inverse=True)
        photo, rater = np.divmod(cells, votes.raters)
        sums = [np.asarray(np.bincount(place, values), np.float64) for values in (None, value, value**2)]
        return cls(photo, rater, *sums)

    def components(self, keep: Flags | None = None, interaction: bool = True) -> Floats:
        """Variance components of all cells, or of some.

        For each grouping (photos, raters, cells, single votes) the equations hold its sum of squares, Σ (sum)² / size,
        and each factor's coefficient in its expectation, Σ (votes in both)² / size; from both, the same with all
        votes as one group is taken.

        Parameters
        ----------
        keep : ndarray of bool, shape (cells,), optional
            Which cells to use.
        interaction : bool
            Whether γ is told from ε.

        Returns
        -------
        ndarray of float64, shape (4,) or (3,)
            σ²α, σ²β, σ²γ, σ²ε, or without the interaction σ²α, σ²β, σ²ε; may come out below 0. NaN where the design
            cannot tell them.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> votes = VoteSet.from_matrix(2 * rng.normal(size=(200, 1)) + rng.normal(size=(200, 20)))
        >>> Cells.of(votes).components(interaction=False).round(1).tolist()  # 4, 0 and 1
        [3.6, -0.0, 1.0]
        """
        n, total, squares = self.n, self.total, self.squares
        if keep is not None:
            n, total, squares = n * keep, total * keep, squares * keep
        votes, twice = float(n.sum()), n * n
        level = float(total.sum()) / votes
        total = total - level * n
        photo, rater = (_grouped(index, n, total, twice) for index in (self.photo, self.rater))
        of_cells = float((total**2 / np.maximum(n, 1)).sum())
        of_votes = float(squares.sum()) - votes * level**2
        rows = [
            [votes, photo.shared, photo.shared, photo.groups],
            [rater.shared, votes, rater.shared, rater.groups],
            [votes, votes, votes, float(np.count_nonzero(n))],
            [votes, votes, votes, votes],
        ]
        whole = [photo.squares / votes, rater.squares / votes, float(twice.sum()) / votes, 1.0]
        right = np.array([photo.sum_of_squares, rater.sum_of_squares, of_cells, of_votes])
        chosen = [0, 1, 2, 3] if interaction else [0, 1, 3]
        matrix = np.asarray(rows) - np.asarray(whole)
        try:
            return np.asarray(np.linalg.solve(matrix[np.ix_(chosen, chosen)], right[chosen]), np.float64)
        except np.linalg.LinAlgError:
            return np.full(len(chosen), np.nan)


@dataclass(frozen=True)
class _Grouped:
    """Photos, or raters: how many have votes, Σ (sum)² / size, Σ (votes in a cell)² / size, and Σ size²."""

    groups: float
    sum_of_squares: float
    shared: float
    squares: float


def _grouped(index: Ints, n: Floats, total: Floats, twice: Floats) -> _Grouped:
    size = np.bincount(index, n)
    there = size > 0
    size, sums = size[there], np.bincount(index, total)[there]
    return _Grouped(
        groups=float(len(size)),
        sum_of_squares=float((sums**2 / size).sum()),
        shared=float((np.bincount(index, twice)[there] / size).sum()),
        squares=float((size**2).sum()),
    )

"""Pairwise judgements to scores: Bradley-Terry and Thurstone's case V, with correct covariances.

Judgements are sparse: a list of pairs with how often each side won. Every connected part of the comparison
graph has its own zero; a part where someone never loses to the rest has no finite solution without a prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import log_ndtr

from labeling.scoring.laplacians import solve_zero_sum, zero_sum_inverse
from labeling.scoring.votes import Floats, Ints
from schemas.errors import BadInput

Model = Literal["bradley_terry", "thurstone"]
Information = Literal["expected", "observed"]
"""Fisher information nφ²/(Φ(1-Φ)), or the likelihood's own curvature: the same thing for Bradley-Terry."""
MOST_STEPS = 100
STEP_ACCURACY = 1e-10
"""Newton's next step mends what conjugate gradients leave over."""


@dataclass(frozen=True)
class Wins:
    """Who won against whom, once for each ordered pair.

    Parameters
    ----------
    winner, loser : ndarray of int64, shape (pairs,)
        Indices of photos.
    count : ndarray of float64, shape (pairs,)
        How often; a tie is half a win for each side.
    photos : int
        How many photos there are.
    """

    winner: Ints
    loser: Ints
    count: Floats
    photos: int

    @classmethod
    def from_judgements(cls, left: Ints, right: Ints, outcome: npt.ArrayLike, photos: int) -> Wins:
        """Judgements one by one.

        Parameters
        ----------
        left, right : ndarray of int64, shape (judgements,)
            The photos shown.
        outcome : array_like, shape (judgements,)
            1 left won, 0 right won, 0.5 tie.
        photos : int
            How many photos there are.
        """
        won = np.asarray(outcome, np.float64)
        if (left == right).any():
            raise BadInput("a photo is compared with itself", field="left_id, right_id")
        counts = sparse.coo_array(
            (np.r_[won, 1 - won], (np.r_[left, right], np.r_[right, left])), (photos, photos)
        ).tocsr()
        counts.eliminate_zeros()
        pairs = counts.tocoo()
        return cls(pairs.coords[0].astype(np.int64), pairs.coords[1].astype(np.int64), pairs.data, photos)

    @classmethod
    def from_matrix(cls, matrix: npt.ArrayLike) -> Wins:
        """From a matrix of counts: row won against column."""
        counts = np.asarray(matrix, np.float64)
        winner, loser = np.nonzero(counts)
        return cls(winner, loser, counts[winner, loser], len(counts))

    def graph(self) -> sparse.csr_array:
        """Winners to losers, as a sparse matrix of counts."""
        return sparse.coo_array((self.count, (self.winner, self.loser)), (self.photos, self.photos)).tocsr()


@dataclass(frozen=True)
class PairScores:
    """Scores from pairs.

    Parameters
    ----------
    score : ndarray of float64, shape (photos,)
        Log-odds (Bradley-Terry) or z (Thurstone), with mean 0 in each part.
    part : ndarray of int64, shape (photos,)
        The connected part of each photo: differences across parts mean nothing.
    information : csr_array, shape (photos, photos)
        Fisher information of the judgements as a graph Laplacian: W = nP(1-P), or nφ²/(Φ(1-Φ)).
    prior : float
        Precision of the normal prior on the scores that was added; 0 for none.
    model : str
        'bradley_terry' or 'thurstone'.
    """

    score: Floats
    part: Ints
    information: sparse.csr_array
    prior: float
    model: Model

    def covariance(self) -> Floats:
        """Covariance in the zero-sum gauge of each part, shape (photos, photos); NaN between parts.

        Dense: for up to some thousand photos.
        """
        out = np.full((len(self.score), len(self.score)), np.nan)
        for part in range(int(self.part.max()) + 1):
            members = np.flatnonzero(self.part == part)
            block = self.information[members][:, members]
            out[np.ix_(members, members)] = zero_sum_inverse(block, self.prior)
        return out

    def standard_errors(self) -> Floats:
        """Standard error of each score in the zero-sum gauge of its part, shape (photos,); dense as `covariance`."""
        return np.sqrt(np.diag(self.covariance()))

    def difference_errors(self, first: Ints, second: Ints, accuracy: float = 1e-6) -> Floats:
        """Standard errors of score[first] - score[second], without any dense matrix.

        Parameters
        ----------
        first, second : ndarray of int64, shape (asked,)
            Indices of photos.
        accuracy : float
            Relative accuracy of the variances.

        Returns
        -------
        ndarray of float64, shape (asked,)
            NaN for two photos of different parts, which share no zero.
        """
        columns = np.arange(len(first))
        right = np.zeros((len(self.score), len(first)))
        np.add.at(right, (first, columns), 1.0)
        np.add.at(right, (second, columns), -1.0)
        apart = self.part[first] != self.part[second]
        right[:, apart] = 0.0
        solved = solve_zero_sum(self.information, right, self.prior, accuracy)
        variance = solved[first, columns] - solved[second, columns]
        return np.where(apart, np.nan, np.sqrt(np.maximum(variance, 0.0)))


def bradley_terry(wins: Wins, prior: float = 0.0) -> PairScores:
    """Maximum-likelihood Bradley-Terry scores: P(i beats j) = 1 / (1 + exp(s_j - s_i)).

    Source: Bradley and Terry, Biometrika 39 (1952); Hunter, Annals of Statistics 32 (2004).

    Parameters
    ----------
    wins : Wins
        The judgements; ties as half wins.
    prior : float
        Precision of a normal prior on the scores, 0 for none.

    Raises
    ------
    BadInput
        Without a prior, where somebody in a part never loses (or never wins) against the rest of it: the
        likelihood has no maximum then.

    Examples
    --------
    >>> found = bradley_terry(Wins.from_matrix([[0, 2, 0], [0, 0, 1], [1, 0, 0]]))
    >>> found.score.round(4).tolist()
    [0.4196, -0.4196, 0.0]
    """
    return _fit(wins, "bradley_terry", prior)


def thurstone(wins: Wins, prior: float = 0.0, information: Information = "expected") -> PairScores:
    """Maximum-likelihood scores of Thurstone's case V: P(i beats j) = Φ(s_i - s_j). Arguments as `bradley_terry`.

    Source: Thurstone, Psychological Review 34 (1927); Tsukida and Gupta, UWEETR-2011-0004.

    Parameters
    ----------
    wins, prior
        As for `bradley_terry`.
    information : str
        What standard errors rest on: 'expected' or 'observed' information.

    Examples
    --------
    >>> thurstone(Wins.from_matrix([[0, 2, 0], [0, 0, 1], [1, 0, 0]])).score.round(4).tolist()
    [0.2701, -0.2701, 0.0]
    """
    return _fit(wins, "thurstone", prior, information)


def _fit(wins: Wins, model: Model, prior: float, information: Information = "expected") -> PairScores:
    """Newton's method; each step is halved until the likelihood grows."""
    graph = wins.graph()
    _, label = connected_components(graph, directed=False)
    part = np.asarray(label, np.int64)
    if not prior:
        _refuse_unbounded(graph, part)
    score: Floats = np.zeros(wins.photos)
    value = _likelihood(wins, score, model, prior)
    for _ in range(MOST_STEPS):
        slope, curvature = _derivatives(wins, score, model)
        won, lost = np.bincount(wins.winner, slope, wins.photos), np.bincount(wins.loser, slope, wins.photos)
        gradient = np.asarray(won - lost - prior * score, np.float64)
        step = solve_zero_sum(_laplacian(wins, curvature), gradient, prior, STEP_ACCURACY)
        size, fresh = 1.0, value
        while size > 1e-8:
            fresh = _likelihood(wins, score + size * step, model, prior)
            if fresh >= value:
                break
            size /= 2
        score, gain, value = score + size * step, fresh - value, fresh
        if np.abs(size * step).max() < 1e-10 or (gain <= 0 and np.abs(step).max() < 1e-6):
            break
    score = np.asarray(score - (np.bincount(part, score) / np.bincount(part))[part], np.float64)
    observed = _laplacian(wins, _derivatives(wins, score, model)[1])
    kind = observed if information == "observed" else _information(wins, score, model)
    return PairScores(score, part, kind, prior, model)


def _refuse_unbounded(graph: sparse.csr_array, part: Ints) -> None:
    """Raise unless everybody can be reached from everybody over wins, in each part."""
    strong, label = connected_components(graph, directed=True, connection="strong")
    if strong > int(part.max()) + 1:
        smallest = int(np.bincount(label).argmin())
        example = int(np.flatnonzero(label == smallest)[0])
        raise BadInput(
            f"the wins fall into {strong} groups that never lose to, or never win against, the rest of their part "
            f"(photo number {example} is in one): such scores run to infinity",
            expected="a strongly connected graph of wins, or a prior",
            todo="Collect more judgements, or give a prior.",
        )


def _likelihood(wins: Wins, score: Floats, model: Model, prior: float) -> float:
    d = score[wins.winner] - score[wins.loser]
    each = -np.logaddexp(0.0, -d) if model == "bradley_terry" else log_ndtr(d)
    return float(wins.count @ each - prior / 2 * (score @ score))


def _derivatives(wins: Wins, score: Floats, model: Model) -> tuple[Floats, Floats]:
    """First and negative second derivative of each pair's log-likelihood, by the difference of its scores."""
    d = score[wins.winner] - score[wins.loser]
    if model == "bradley_terry":
        p = 1 / (1 + np.exp(-d))
        return wins.count * (1 - p), wins.count * p * (1 - p)
    mills = np.exp(-(d**2) / 2 - log_ndtr(d)) / np.sqrt(2 * np.pi)
    return wins.count * mills, wins.count * mills * (mills + d)


def _information(wins: Wins, score: Floats, model: Model) -> sparse.csr_array:
    """Expected information of all judgements: nP(1-P), or nφ²/(Φ(1-Φ))."""
    d = score[wins.winner] - score[wins.loser]
    if model == "bradley_terry":
        p = 1 / (1 + np.exp(-d))
        return _laplacian(wins, wins.count * p * (1 - p))
    weight = np.exp(-(d**2) - log_ndtr(d) - log_ndtr(-d)) / (2 * np.pi)
    return _laplacian(wins, wins.count * weight)


def _laplacian(wins: Wins, weight: Floats) -> sparse.csr_array:
    """diag(ΣW) - W of symmetric weights, from weights of ordered pairs."""
    diagonal = np.bincount(wins.winner, weight, wins.photos) + np.bincount(wins.loser, weight, wins.photos)
    places = np.arange(wins.photos)
    rows = np.r_[wins.winner, wins.loser, places]
    columns = np.r_[wins.loser, wins.winner, places]
    return sparse.coo_array((np.r_[-weight, -weight, diagonal], (rows, columns)), (wins.photos,) * 2).tocsr()

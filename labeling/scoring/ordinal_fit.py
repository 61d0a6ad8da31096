"""Newton's method for the cumulative model, on sparse designs of millions of votes.

-log p(vote) is convex in thresholds, photos and raters together, so damped Newton steps lead to the one maximum of the
penalised likelihood from anywhere. Photos are eliminated from each step (their block is diagonal), and what is left,
raters and thresholds, is solved by conjugate gradients: no matrix of photos by raters is formed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg

from labeling.scoring.votes import Floats, Ints, VoteSet

Places = npt.NDArray[np.uint8]

MOST_STEPS = 60
ENOUGH = 1e-7
"""Largest change of any parameter, in logits, at which Newton's method ends."""
SOLVED = 1e-4
"""Residual of a step's equations, as a share of their right side."""
AT_ONCE = 1 << 18
"""Votes whose temporary arrays are held together."""
SMALLEST = 1e-300
LONGEST = 2.0
"""Farthest that a photo moves in one step, in logits: where all its votes are at one end the curvature vanishes."""


@dataclass(frozen=True)
class Point:
    """Parameters of the model.

    Parameters
    ----------
    thresholds : ndarray of float64, shape (steps,)
        τ, ascending: τ_k lies between categories k and k + 1.
    quality, shift : ndarray of float64, shape (photos,) and (raters,)
        ψ and Δ, in logits.
    """

    thresholds: Floats
    quality: Floats
    shift: Floats

    def moved(self, step: Point, share: float) -> Point:
        """The point a share of a step further on."""
        return Point(
            self.thresholds + share * step.thresholds,
            self.quality + share * step.quality,
            self.shift + share * step.shift,
        )

    def largest(self) -> float:
        """The largest entry, whatever its sign."""
        return float(max(np.abs(part).max() for part in (self.thresholds, self.quality, self.shift)))


@dataclass(frozen=True)
class Slopes:
    """Loss and derivatives at a point. F is the logistic function; a vote of category k lies between τ_(k-1) and τ_k.

    Parameters
    ----------
    loss : float
        -Σ log p, without the prior.
    pull : ndarray of float64, shape (votes,)
        Derivative of a vote's -log p by ψ + Δ.
    upper, lower : ndarray of float64, shape (votes,)
        F(1-F) at the vote's upper and lower bound; their sum is the second derivative by ψ + Δ.
    gradient : ndarray of float64, shape (steps,)
        By the thresholds.
    curvature : ndarray of float64, shape (steps, steps)
        By two thresholds.
    """

    loss: float
    pull: Floats
    upper: Floats
    lower: Floats
    gradient: Floats
    curvature: Floats


def slopes_at(votes: VoteSet, place: Places, point: Point) -> Slopes:
    """Loss and derivatives of all votes, some of them at a time.

    Parameters
    ----------
    place : ndarray of uint8, shape (votes,)
        Category of each vote, from 0.
    """
    size, steps = len(place), len(point.thresholds)
    pull, upper, lower = (np.empty(size) for _ in range(3))
    sums = np.zeros((5, steps + 1))
    loss = 0.0
    for begin in range(0, size, AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        k = place[some].astype(np.intp)
        u, v, p = _bounds(votes, some, k, point)
        loss -= float(np.log(p).sum())
        np.subtract(1 - u, v, out=pull[some])
        du = np.multiply(u, 1 - u, out=upper[some])
        dv = np.multiply(v, 1 - v, out=lower[some])
        ru, rv = du / p, dv / p
        of_votes = (ru, rv, ru * ru - ru * (1 - 2 * u), rv * rv + rv * (1 - 2 * v), ru * rv)
        sums += [np.bincount(k, values, steps + 1) for values in of_votes]
    # τ_k is the upper bound of category k and the lower one of category k + 1.
    gradient = sums[1, 1:] - sums[0, :-1]
    curvature = np.diag(sums[2, :-1] + sums[3, 1:])
    inner = np.arange(steps - 1)
    curvature[inner, inner + 1] = curvature[inner + 1, inner] = -sums[4, 1:-1]
    return Slopes(loss, pull, upper, lower, gradient, curvature)


def information(votes: VoteSet, place: Places, point: Point) -> Floats:
    """Observed information of each vote on ψ + Δ: F(1-F) at both its bounds."""
    return _information(slopes_at(votes, place, point))


def _information(slopes: Slopes) -> Floats:
    return np.maximum(slopes.upper + slopes.lower, 1e-12)


def loss_at(votes: VoteSet, place: Places, point: Point, prior: float) -> float:
    """What is minimised: -Σ log p, with the prior."""
    total = prior / 2 * float(point.quality @ point.quality + point.shift @ point.shift)
    for begin in range(0, len(place), AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        total -= float(np.log(_bounds(votes, some, place[some].astype(np.intp), point)[2]).sum())
    return total


def _bounds(votes: VoteSet, some: slice, k: Ints, point: Point) -> tuple[Floats, Floats, Floats]:
    """F at the upper and the lower bound of some votes, and their difference, exact near both ends."""
    bounds = np.r_[-np.inf, point.thresholds, np.inf]
    centre = point.quality[votes.photo[some]] + point.shift[votes.rater[some]]
    with np.errstate(over="ignore", invalid="ignore"):
        above, below = np.exp(centre - bounds[k + 1]), np.exp(centre - bounds[k])
        u, v = 1 / (1 + above), 1 / (1 + below)
        p = np.where(below < 1, below * v - above * u, u - v)
    return u, v, np.maximum(p, SMALLEST)


class _Step:
    """Newton's equations at a point, with the photos eliminated."""

    def __init__(self, votes: VoteSet, place: Places, point: Point, slopes: Slopes, prior: float) -> None:
        steps = len(point.thresholds)
        self.w = votes.incidence(_information(slopes))
        self.d = np.asarray(self.w.sum(axis=1), np.float64).ravel() + prior
        self.of_raters = np.asarray(self.w.sum(axis=0), np.float64).ravel() + prior
        self.by_photo = _crossed(votes.photo, votes.photos, place, steps, slopes)
        self.by_rater = _crossed(votes.rater, votes.raters, place, steps, slopes)
        self.curvature = slopes.curvature
        self.steps = steps
        self.g_photo = votes.per_photo(slopes.pull) + prior * point.quality
        self.g_rest = np.r_[slopes.gradient, votes.per_rater(slopes.pull) + prior * point.shift]

    def _photos_of(self, rest: Floats) -> Floats:
        return np.asarray(self.by_photo @ rest[: self.steps] + self.w @ rest[self.steps :], np.float64)

    def _image(self, rest: Floats) -> Floats:
        """The reduced matrix times a vector."""
        of_thresholds, of_raters = rest[: self.steps], rest[self.steps :]
        t = self._photos_of(rest) / self.d
        return np.concatenate(
            [
                self.curvature @ of_thresholds + self.by_rater.T @ of_raters - self.by_photo.T @ t,
                self.by_rater @ of_thresholds + self.of_raters * of_raters - self.w.T @ t,
            ]
        )

    def solved(self) -> tuple[Point, float]:
        """The step, and how much the loss would fall by it along its slope."""
        t = self.g_photo / self.d
        right = -self.g_rest + np.r_[self.by_photo.T @ t, self.w.T @ t]
        rest = self._conjugate_gradients(right)
        quality = -(self.g_photo + self._photos_of(rest)) / self.d
        thresholds, shift = rest[: self.steps], rest[self.steps :]
        held = np.clip(quality, -LONGEST, LONGEST)
        falls = -float(self.g_rest @ rest + self.g_photo @ held)
        if falls > 0:
            return Point(thresholds, held, shift), falls
        return Point(thresholds, quality, shift), -float(self.g_rest @ rest + self.g_photo @ quality)

    def _conjugate_gradients(self, right: Floats) -> Floats:
        block = self.curvature - self.by_photo.T @ (self.by_photo / self.d[:, None])
        block[np.diag_indices_from(block)] *= 1 + 1e-9
        inverse = linalg.pinvh(block)
        squares = self.w.copy()
        squares.data **= 2
        diagonal = np.maximum(self.of_raters - squares.T @ (1 / self.d), 1e-9 * self.of_raters)
        x = np.zeros_like(right)
        residual, enough = right.copy(), SOLVED * float(np.linalg.norm(right))
        direction, rho = np.zeros_like(right), 1.0
        for _ in range(2 * len(right)):
            if np.linalg.norm(residual) <= enough:
                break
            z = np.r_[inverse @ residual[: self.steps], residual[self.steps :] / diagonal]
            rho, before = float(residual @ z), rho
            direction = z + rho / before * direction
            image = self._image(direction)
            along = float(direction @ image)
            if along <= 0 or rho <= 0:
                break
            x += rho / along * direction
            residual -= rho / along * image
        return x


def _crossed(index: Ints, size: int, place: Places, steps: int, slopes: Slopes) -> Floats:
    """Second derivatives by a photo (or rater) and a threshold, shape (size, steps)."""
    cell = index * (steps + 1) + place
    of_upper = np.bincount(cell, slopes.upper, size * (steps + 1)).reshape(size, steps + 1)
    of_lower = np.bincount(cell, slopes.lower, size * (steps + 1)).reshape(size, steps + 1)
    return np.asarray(-(of_upper[:, :-1] + of_lower[:, 1:]), np.float64)


def fitted(votes: VoteSet, place: Places, start: Point, prior: float) -> Point:
    """The point of the largest penalised likelihood.

    Parameters
    ----------
    place : ndarray of uint8, shape (votes,)
        Category of each vote, from 0.
    start : Point
        Where to begin.
    prior : float
        Precision of the normal prior on ψ and Δ.
    """
    point, loss = start, loss_at(votes, place, start, prior)
    for _ in range(MOST_STEPS):
        step, falls = _Step(votes, place, point, slopes_at(votes, place, point), prior).solved()
        share = 1.0
        while True:
            after = point.moved(step, share)
            if (np.diff(after.thresholds) > 0).all():
                found = loss_at(votes, place, after, prior)
                if found <= loss - 1e-4 * share * falls + 1e-12 * abs(loss):
                    break
            share /= 2
            if share < 1e-6:
                return point
        point, loss = after, found
        if share == 1.0 and step.largest() < ENOUGH:
            break
    return point

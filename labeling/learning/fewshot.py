"""The few-shot benchmark: methods, floors and ceilings on the same episodes, with intervals over raters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from labeling.learning.figures import Figure, mean_figure, spearman
from labeling.learning.taste import Taste

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_QUERY = 5


class Method(StrEnum):
    """What foresees a rater's votes."""

    GENERIC = "generic"
    """The generic score: the floor."""
    FITTED = "generic_fitted"
    """Generic score with a line fitted to the rater."""
    ALONE = "residual"
    """The rater's own residual model on the embedding."""
    KINDRED = "kindred"
    """The same with a prior learnt from other raters: latent taste factors."""
    OTHERS = "mean_of_others"
    """Mean of all other raters on the very photo: what nobody has in practice."""


@dataclass(frozen=True)
class Episode:
    """Support and query votes of one rater: rows of photos, and values.

    Episodes of a rater with as many shots and the same `series` are the folds of one draw: their query votes are put
    in one order as well (`Result.whole`); none are where it is empty.
    """

    rater: str
    shots: int
    support: Ints
    support_values: Floats
    query: Ints
    query_values: Floats
    series: str = ""


@dataclass(frozen=True)
class Ground:
    """What is known of the photos before the rater is asked.

    Attributes
    ----------
    generic : ndarray, shape (photos,)
        Generic score of each photo, as far as it may be known.
    features : ndarray, shape (photos, q)
    alone, kindred : Taste
    others : ndarray, shape (photos,), optional
        Mean votes of other raters.
    """

    generic: Floats
    features: Floats
    alone: Taste
    kindred: Taste
    others: Floats | None = None


@dataclass(frozen=True)
class Result:
    """One method at one number of shots: means over raters, with intervals over raters.

    Attributes
    ----------
    srcc : Figure
        Rank correlation of an episode's query votes.
    rmse : Figure
    whole : Figure, optional
        Rank correlation of all query votes of a rater, each foreseen in the fold that leaves its photo out. A rater's
        level is one thing in all folds and says nothing about order, but each fold estimates it anew: predictions are
        taken less their mean over all photos.
    """

    method: Method
    shots: int
    raters: int
    episodes: int
    srcc: Figure
    rmse: Figure
    whole: Figure | None = None


def foresee(ground: Ground, episode: Episode, method: Method) -> Floats:
    """Predicted votes on the query photos."""
    generic = ground.generic[episode.query]
    if method is Method.GENERIC:
        return generic
    if method is Method.OTHERS:
        if ground.others is None:
            raise ValueError("the means of others are not known here")
        return ground.others[episode.query]
    residual = episode.support_values - ground.generic[episode.support]
    taste = ground.kindred if method is Method.KINDRED else ground.alone
    if method is Method.FITTED:
        taste = Taste(taste.mean[:2], taste.covariance[:2, :2], taste.noise)
    q = len(taste.mean)
    weights, _ = taste.adapt(ground.features[episode.support, :q], residual)
    return np.asarray(generic + ground.features[episode.query, :q] @ weights)


def benchmark(pairs: Sequence[tuple[Ground, Episode]], seed: int = 0, draws: int = 1000) -> list[Result]:
    """All methods on all episodes.

    A rater's episodes of the same number of shots (several draws or folds) are averaged first; intervals are over
    raters. Episodes whose query votes are all equal, or fewer than five, have no rank correlation and are left out.
    """
    rows: dict[tuple[Method, int], dict[str, list[tuple[float, float]]]] = {}
    wholes: dict[tuple[Method, int], _Wholes] = {}
    for ground, episode in pairs:
        is_judged = len(episode.query) >= LEAST_QUERY and np.ptp(episode.query_values) > 0
        for method in Method if is_judged or episode.series else ():
            if method is Method.OTHERS and ground.others is None:
                continue
            guess = foresee(ground, episode, method)
            if episode.series:
                wholes.setdefault((method, episode.shots), _Wholes()).add(
                    episode, guess - _level(ground, episode, method)
                )
            if not is_judged:
                continue
            order = spearman(guess, episode.query_values)
            miss = float(np.mean((guess - episode.query_values) ** 2))
            # A prediction that does not vary orders nothing: its rank correlation is none, that is 0.
            per_rater = rows.setdefault((method, episode.shots), {})
            per_rater.setdefault(episode.rater, []).append((0.0 if np.isnan(order) else order, miss))
    results = []
    for (method, shots), per_rater in sorted(
        rows.items(), key=lambda item: (item[0][1], list(Method).index(item[0][0]))
    ):
        means = np.array([np.mean(values, axis=0) for _, values in sorted(per_rater.items())])
        whole = wholes.get((method, shots))
        results.append(
            Result(
                method,
                shots,
                len(means),
                sum(len(values) for values in per_rater.values()),
                mean_figure("srcc", means[:, 0], seed, draws),
                mean_figure("rmse", np.sqrt(means[:, 1]), seed, draws),
                mean_figure("whole srcc", whole.correlations(), seed, draws) if whole else None,
            )
        )
    return results


def _level(ground: Ground, episode: Episode, method: Method) -> float:
    """Mean of what is foreseen of all photos."""
    everything = np.arange(len(ground.generic))
    return float(foresee(ground, replace(episode, query=everything), method).mean())


class _Wholes:
    """Predicted and real query votes by rater and series."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, list[tuple[Floats, Floats]]]] = {}

    def add(self, episode: Episode, guess: Floats) -> None:
        series = self._parts.setdefault(episode.rater, {})
        series.setdefault(episode.series, []).append((guess, episode.query_values))

    def correlations(self) -> Floats:
        """Of each rater, in order: the mean over series; raters without any spread are left out."""
        found = []
        for _, series in sorted(self._parts.items()):
            joined = [[np.concatenate(side) for side in zip(*parts, strict=True)] for parts in series.values()]
            known = [spearman(guess, value) for guess, value in joined if np.ptp(value) > 0]
            if known:
                found.append(np.mean(np.nan_to_num(known)))
        return np.array(found)


def draw_episodes(
    rater: str,
    photos: Ints,
    values: Floats,
    unseen: npt.NDArray[np.bool_],
    shots: Sequence[int],
    seed: int,
    series: str = "",
) -> list[Episode]:
    """Episodes of one rater: support from photos that may be seen, query all votes on unseen ones.

    Fewer shots are the first of more, so that methods are compared on nested supports.

    Parameters
    ----------
    photos, values : ndarray, shape (n,)
        All votes of the rater.
    unseen : ndarray of bool, shape (all photos,)
        Photos kept for the query.
    shots : sequence of int
        Numbers of shots for which the rater has too few votes are left out.
    series : str
        See `Episode`.
    """
    asked = unseen[photos]
    seen = np.random.default_rng([seed, *rater.encode()]).permutation(np.flatnonzero(~asked))
    return [
        Episode(rater, k, photos[seen[:k]], values[seen[:k]], photos[asked], values[asked], series)
        for k in shots
        if len(seen) >= k
    ]


def retest_agreement(rater: Ints, photo: Ints, value: Floats) -> tuple[float, int]:
    """Mean rank correlation within raters between first and second votes on the same photos; and raters counted.

    Takes votes in the order in which they were cast; NaN where no rater has five repeated photos.
    """
    found = []
    order = np.argsort(rater, kind="stable")
    for _, group in itertools.groupby(order, key=lambda k: rater[k]):
        first: dict[int, float] = {}
        pairs: dict[int, tuple[float, float]] = {}
        for k in group:
            shown = int(photo[k])
            if shown in first:
                pairs.setdefault(shown, (first[shown], float(value[k])))
            else:
                first[shown] = float(value[k])
        if len(pairs) >= LEAST_QUERY:
            both = np.array(list(pairs.values()))
            agreement = spearman(both[:, 0], both[:, 1])
            if np.isfinite(agreement):
                found.append(agreement)
    return (float(np.mean(found)) if found else float("nan")), len(found)

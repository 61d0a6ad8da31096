"""What a simulated rater answers to a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labeling.protocols.answers import Answer, Reply
from labeling.simulation.panel import RaterKind, SimulatedRater, Spread
from labeling.simulation.quality import TRAITS
from schemas.codes import Outcome
from schemas.protocols import Problem, Protocol, ProtocolKind, Scale

FIVE_STEPS = 4.0
"""Range of the scale that a panel's figures are meant for."""

SAME_AGAIN = 0.95
"""How often a straight-liner gives its usual answer."""

COPY_NOISE = 0.1
TIE_WITHIN = 0.15
"""Two photos are equally good to a rater where they differ by less, on a scale of five steps."""

ATTRIBUTE_SHARE = 0.7
"""Correlation of an attribute with the whole."""

PACE_SPREAD = 0.35


@dataclass(frozen=True)
class Seen:
    """A photo as it bears on votes: latent quality, and traits that tastes differ on."""

    photo_id: str
    quality: float
    traits: Sequence[float]


def reply(
    protocol: Protocol,
    rater: SimulatedRater,
    photos: Sequence[Seen],
    *,
    position: int,
    again: bool,
    seed: str,
    spread: Spread | None = None,
) -> Reply:
    """The reply of one rater to one task.

    Parameters
    ----------
    photos : sequence of Seen
        In the order shown.
    position : int
        Place in the rater's order, from 1: drift grows with it.
    again : bool
        A second showing: other noise, same taste.
    seed : str
        The same seed gives the same reply.
    """
    spread = spread or Spread()
    shown = "|".join(photo.photo_id for photo in photos)
    rng = np.random.default_rng(list(f"{seed}/{rater.voice}/{shown}/{again}".encode()))
    seconds = float(max(0.3, rater.seconds * rng.lognormal(0, PACE_SPREAD)))
    chance = rng.random()
    if rater.kind is not RaterKind.SPAMMER and chance < rater.skips:
        return Reply(None, seconds)
    if rater.kind is not RaterKind.SPAMMER and chance < rater.skips + rater.problems:
        return Reply(Answer(problem=Problem.CANNOT_RATE), seconds)
    felt = [_felt(rater, photo, position, rng, spread) for photo in photos]
    if rater.kind is RaterKind.DUPLICATE:
        own = np.random.default_rng(list(f"{seed}/{rater.name}/{shown}/{again}".encode()))
        felt = [value + own.normal(0, COPY_NOISE) for value in felt]
    if protocol.is_comparison:
        return Reply(_comparison(protocol, rater, felt, rng), seconds)
    values = {protocol.question: _vote(rater, felt[0], protocol.scale, rng)}
    for question in protocol.questions[1:]:
        aside = ATTRIBUTE_SHARE * felt[0] + np.sqrt(1 - ATTRIBUTE_SHARE**2) * rng.normal(0, spread.quality)
        values[question.name] = _vote(rater, float(aside), question.scale, rng)
    return Reply(Answer(values=values), seconds)


def _felt(rater: SimulatedRater, photo: Seen, position: int, rng: np.random.Generator, spread: Spread) -> float:
    """How good a photo seems now, from the middle of a scale of five steps."""
    taste = float(np.dot(rater.taste, photo.traits)) / np.sqrt(len(TRAITS))
    drift = rater.drift * position / 100
    noise = rng.normal(0, rater.inconsistency)
    return float(spread.quality * photo.quality + rater.bias + taste + drift + noise)


def _vote(rater: SimulatedRater, felt: float, scale: Scale, rng: np.random.Generator) -> float:
    """The step of the scale nearest to what is felt; other kinds of raters do not look."""
    steps = round((scale.high - scale.low) / scale.step)
    if rater.kind is RaterKind.SPAMMER:
        return scale.low + scale.step * int(rng.integers(0, steps + 1))
    if rater.kind is RaterKind.STRAIGHT_LINER and rng.random() < SAME_AGAIN:
        felt = rater.bias
    wanted = (scale.low + scale.high) / 2 + felt * (scale.high - scale.low) / FIVE_STEPS
    nearest = scale.low + scale.step * np.floor((wanted - scale.low) / scale.step + 0.5)
    return float(np.clip(nearest, scale.low, scale.high))


def _comparison(protocol: Protocol, rater: SimulatedRater, felt: Sequence[float], rng: np.random.Generator) -> Answer:
    if rater.kind is RaterKind.SPAMMER:
        felt = [float(rng.random()) for _ in felt]
    elif rater.kind is RaterKind.STRAIGHT_LINER and rng.random() < SAME_AGAIN:
        felt = [-float(place) for place in range(len(felt))]
    if protocol.kind is ProtocolKind.BEST_FRAME:
        return Answer(best_frame=int(np.argmax(felt)) + 1)
    if protocol.tie and abs(felt[0] - felt[1]) < TIE_WITHIN:
        return Answer(outcome=Outcome.TIE)
    return Answer(outcome=Outcome.LEFT if felt[0] >= felt[1] else Outcome.RIGHT)

"""A panel of simulated raters: bias, inconsistency, private taste, drift, and those who should be found out.

The model is the one behind the scores (ITU-T P.910 Annex E, with taste and drift added): a vote is the photo's
quality + the rater's bias + the rater's taste for this photo + drift + noise, rounded to the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from labeling.simulation.quality import TRAITS
from schemas.errors import WrongUse


class RaterKind(StrEnum):
    """How a simulated rater goes about it."""

    CAREFUL = "careful"
    STRAIGHT_LINER = "straight_liner"
    """Gives nearly always the same answer, fast."""
    SPAMMER = "spammer"
    """Answers at random, faster than anybody can look."""
    DUPLICATE = "duplicate"
    """The same person under a second account: the votes of another, with little noise."""


@dataclass(frozen=True)
class Spread:
    """How different raters are, in units of a scale of five steps; wider scales stretch them.

    Parameters
    ----------
    quality : float
        Standard deviation of quality between photos.
    bias : float
        Standard deviation of raters' biases.
    inconsistency : tuple of float
        Least and largest standard deviation of a rater's noise.
    taste : float
        Standard deviation of a rater's private taste over photos.
    drift : float
        Standard deviation of the change over 100 tasks.
    """

    quality: float = 0.8
    bias: float = 0.4
    inconsistency: tuple[float, float] = (0.4, 0.8)
    taste: float = 0.3
    drift: float = 0.05


@dataclass(frozen=True)
class Mix:
    """How many raters there are of each kind; the rest are careful."""

    raters: int
    straight_liners: int = 0
    spammers: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class SimulatedRater:
    """One rater; all figures in units of a scale of five steps, taste per trait.

    Parameters
    ----------
    name : str
        Name in the namespace of its simulation.
    voice : str
        Whose noise it draws: its own name, or that of the rater whom a duplicate copies.
    seconds : float
        Median response time.
    """

    name: str
    kind: RaterKind
    voice: str
    bias: float
    inconsistency: float
    taste: tuple[float, ...]
    drift: float
    seconds: float
    skips: float
    problems: float


MEDIAN_SECONDS = 6.0
SECONDS_OF = {RaterKind.STRAIGHT_LINER: 1.5, RaterKind.SPAMMER: 0.7}
SKIPS = 0.005
PROBLEMS = 0.003


def panel(mix: Mix, seed: str, spread: Spread | None = None) -> list[SimulatedRater]:
    """Draw a panel; the careful come first, so that a larger panel begins with the same people.

    Raises
    ------
    WrongUse
        There are more of the other kinds than raters, or nobody is left to be copied.
    """
    spread = spread or Spread()
    others = mix.straight_liners + mix.spammers + mix.duplicates
    careful = mix.raters - others
    if careful < (1 if mix.duplicates else 0) or mix.raters < 1:
        raise WrongUse(f"a panel of {mix.raters} raters has no room for {others} who are not careful.")
    kinds = [
        *[RaterKind.CAREFUL] * careful,
        *[RaterKind.STRAIGHT_LINER] * mix.straight_liners,
        *[RaterKind.SPAMMER] * mix.spammers,
        *[RaterKind.DUPLICATE] * mix.duplicates,
    ]
    raters = [_rater(number, kind, seed, spread) for number, kind in enumerate(kinds, start=1)]
    for number in range(mix.raters - mix.duplicates, mix.raters):
        raters[number] = _copy(raters[number].name, raters[(number - (mix.raters - mix.duplicates)) % careful])
    return raters


def _rater(number: int, kind: RaterKind, seed: str, spread: Spread) -> SimulatedRater:
    rng = np.random.default_rng(list(f"{seed}/rater {number}".encode()))
    name = f"rater {number}"
    bias, drift, pace = rng.normal(0, spread.bias), rng.normal(0, spread.drift), rng.lognormal(0, 0.25)
    taste = rng.normal(0, spread.taste, len(TRAITS))
    return SimulatedRater(
        name=name,
        kind=kind,
        voice=name,
        bias=float(bias),
        inconsistency=float(rng.uniform(*spread.inconsistency)),
        taste=tuple(float(weight) for weight in taste),
        drift=float(drift),
        seconds=float(SECONDS_OF.get(kind, MEDIAN_SECONDS) * pace),
        skips=SKIPS,
        problems=PROBLEMS,
    )


def _copy(name: str, of: SimulatedRater) -> SimulatedRater:
    return SimulatedRater(
        name=name,
        kind=RaterKind.DUPLICATE,
        voice=of.name,
        bias=of.bias,
        inconsistency=of.inconsistency,
        taste=of.taste,
        drift=of.drift,
        seconds=of.seconds,
        skips=of.skips,
        problems=of.problems,
    )

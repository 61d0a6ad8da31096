"""Votes whose truth is known: the simulation behind the table of findings in docs/scores.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeling.scoring.votes import Floats, VoteSet


@dataclass(frozen=True)
class Design:
    """How many photos, raters, votes per photo, and how many raters vote at random."""

    photos: int
    raters: int
    per_photo: int
    random: int


ROWS = (
    Design(79, 26, 26, 0),
    Design(79, 26, 26, 4),
    Design(300, 60, 15, 6),
    Design(300, 20, 5, 0),
    Design(300, 60, 5, 6),
    Design(300, 20, 3, 0),
)


def simulate(design: Design, seed: int) -> tuple[VoteSet, Floats]:
    """Quality uniform on 1.5 to 4.5, biases N(0, .4) and centred, rater SD uniform on .4 to .8, votes on 1 to 5."""
    rng = np.random.default_rng(seed)
    quality = rng.uniform(1.5, 4.5, design.photos)
    bias = rng.normal(0, 0.4, design.raters)
    bias -= bias.mean()
    spread = rng.uniform(0.4, 0.8, design.raters)
    photo = np.repeat(np.arange(design.photos), design.per_photo)
    rater = np.concatenate([rng.choice(design.raters, design.per_photo, replace=False) for _ in range(design.photos)])
    vote = np.clip(np.round(quality[photo] + bias[rater] + spread[rater] * rng.normal(size=len(photo))), 1, 5)
    careless = rng.choice(design.raters, design.random, replace=False)
    at_random = np.isin(rater, careless)
    vote[at_random] = rng.integers(1, 6, int(at_random.sum()))
    return VoteSet(photo, rater, vote, design.photos, design.raters), quality

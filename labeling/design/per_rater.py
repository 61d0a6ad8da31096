"""A project per rater: every rater an order of its own, with training, stabilising, anchors and hidden repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labeling.design.balance import Balance, balance
from labeling.design.blocks import incomplete_blocks
from labeling.design.order import NOTHING, presentation_order
from labeling.design.stimuli import Stimulus, task_key, task_of
from schemas.codes import TaskRole
from schemas.ratings import Task

FEWEST_REPEATS = 2
"""One repeat tells nothing about a rater's consistency."""


@dataclass(frozen=True)
class Sizes:
    """How large a study is; see `schemas.settings.study.StudySettings`."""

    raters: int
    overlap: int
    repeats: float
    gap: int
    stabilising: int
    seed: str


@dataclass(frozen=True)
class Study:
    """The tasks of all raters, and how even the design is."""

    tasks: list[Task]
    balance: Balance
    repeats: int
    """Hidden repeats of the rater who has the fewest."""
    stabilising: int
    """Stabilising tasks of the rater who has the fewest."""


def per_rater(batch_id: str, stimuli: Sequence[Stimulus], secret: bytes, sizes: Sizes) -> Study:
    """Design a study.

    Parameters
    ----------
    stimuli : sequence of Stimulus
        Rated and audit items (given to `overlap` raters each), anchors and training items (given to all).
    secret : bytes
        Key of the task keys.
    sizes : Sizes
        Raters, votes, repeats.

    Raises
    ------
    WrongUse
        There are too few raters, the design is not connected, or near copies cannot be kept apart.
    """
    ordered = sorted(stimuli, key=lambda s: s.photos)
    shared = [s for s in ordered if s.role in (TaskRole.RATE, TaskRole.AUDIT)]
    anchors = [s for s in ordered if s.role is TaskRole.ANCHOR]
    training = [s for s in ordered if s.role is TaskRole.TRAINING]
    seed = f"{sizes.seed}/{batch_id}"
    seen = incomplete_blocks(len(shared), sizes.raters, sizes.overlap, seed, common=len(anchors))
    tasks: list[Task] = []
    fewest_repeats, fewest_first = len(shared), sizes.stabilising
    for slot in range(1, sizes.raters + 1):
        rng = np.random.default_rng(list(f"{seed}/slot {slot}".encode()))
        own = [shared[row] for row in np.flatnonzero(seen[:, slot - 1])]
        others = [shared[row] for row in np.flatnonzero(~seen[:, slot - 1])]
        first = _first_tasks(training, others, sizes.stabilising, rng)
        main = own + anchors
        repeats = repeats_of(len(own), sizes.repeats, sizes.gap)
        rated = [i for i, s in enumerate(own) if s.role is TaskRole.RATE]
        chosen = sorted(int(i) for i in rng.choice(rated, size=min(repeats, len(rated)), replace=False))
        order = presentation_order(
            [s.alike for s in main],
            range(len(own), len(main)),
            chosen,
            sizes.gap,
            rng,
            before=first[-1].alike if first else NOTHING,
        )
        tasks += _tasks_of(batch_id, slot, first, [(main[i], second) for i, second in order], secret)
        fewest_repeats = min(fewest_repeats, len(chosen))
        fewest_first = min(fewest_first, len(first) - len(training))
    return Study(tasks, balance(seen), fewest_repeats, fewest_first)


def repeats_of(count: int, share: float, gap: int) -> int:
    """Number of hidden repeats in a list: the share, at least two, none in a list too short for the distance."""
    wanted = max(FEWEST_REPEATS, round(share * count)) if share else 0
    return wanted if count >= gap + 2 * wanted else 0


def _first_tasks(
    training: Sequence[Stimulus], others: Sequence[Stimulus], count: int, rng: np.random.Generator
) -> list[Stimulus]:
    """Training items, then stabilising ones: photos of the study that this rater does not rate otherwise."""
    known = [training[int(i)] for i in rng.permutation(len(training))]
    candidates = [others[int(i)] for i in rng.permutation(len(others)) if others[int(i)].role is TaskRole.RATE]
    first: list[Stimulus] = []
    for stimulus in [*known, *candidates]:
        if len(first) == len(known) + count:
            break
        if not first or stimulus in known or not first[-1].alike & stimulus.alike:
            first.append(stimulus)
    return first


def _tasks_of(
    batch_id: str, slot: int, first: Sequence[Stimulus], main: Sequence[tuple[Stimulus, bool]], secret: bytes
) -> list[Task]:
    """The rows of one rater, numbered from 1."""
    tasks = []
    firsts: dict[tuple[str, ...], str] = {}
    shown = [(s, False, TaskRole.TRAINING) for s in first]
    shown += [(s, second, TaskRole.REPEAT if second else s.role) for s, second in main]
    for position, (stimulus, second, role) in enumerate(shown, start=1):
        key = task_key(secret, batch_id, stimulus, f"slot {slot}, position {position}")
        if role is not TaskRole.TRAINING and not second:
            firsts[stimulus.photos] = key
        tasks.append(
            task_of(
                stimulus,
                key,
                batch_id,
                role=role,
                slot=slot,
                position=position,
                repeat_of=firsts[stimulus.photos] if second else None,
            )
        )
    return tasks

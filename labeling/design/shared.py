"""The shared queue: one task per stimulus, which Label Studio hands to as many raters as the overlap says.

Its order is Label Studio's, so that it has no first tasks: what every rater shall practise on is a queue of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labeling.design.stimuli import Stimulus, task_key, task_of
from schemas.codes import TaskRole
from schemas.ratings import Task

SHORTEST_FOR_REPEATS = 5
"""A queue holds repeats when it is at least this many times as long as their distance should be.

The order of a shared queue is Label Studio's: a repeat's distance can only be likely, not certain.
"""


PRACTICE_SLOT = 0
"""The place in the design of practice tasks beside a shared queue; places of raters begin with 1."""


def practice_block(batch_id: str, stimuli: Sequence[Stimulus], secret: bytes, *, seed: str) -> list[Task]:
    """The training items among the stimuli, in one order for all raters; they are never analysed."""
    training = sorted((s for s in stimuli if s.role is TaskRole.TRAINING), key=lambda s: s.photos)
    rng = np.random.default_rng(list(f"{seed}/{batch_id}/practice".encode()))
    return [
        task_of(item, task_key(secret, batch_id, item, "practice"), batch_id, slot=PRACTICE_SLOT, position=position)
        for position, item in enumerate((training[int(i)] for i in rng.permutation(len(training))), start=1)
    ]


def shared_queue(
    batch_id: str, stimuli: Sequence[Stimulus], secret: bytes, *, repeats: float, gap: int, seed: str
) -> list[Task]:
    """The tasks of a shared queue, ordered by their keys: an order that means nothing.

    Parameters
    ----------
    repeats : float
        Share of the stimuli to be rated that are shown a second time.
    gap : int
        Distance that repeats should have; short queues hold none.
    """
    tasks = []
    firsts = {}
    for stimulus in stimuli:
        key = task_key(secret, batch_id, stimulus, "shared")
        firsts[stimulus.photos] = key
        tasks.append(task_of(stimulus, key, batch_id))
    rated = sorted((s for s in stimuli if s.role is TaskRole.RATE), key=lambda s: s.photos)
    if len(rated) >= SHORTEST_FOR_REPEATS * gap:
        rng = np.random.default_rng(list(f"{seed}/{batch_id}/repeats".encode()))
        for index in sorted(rng.choice(len(rated), size=round(repeats * len(rated)), replace=False)):
            again = rated[index]
            key = task_key(secret, batch_id, again, "shared, second showing")
            tasks.append(task_of(again, key, batch_id, role=TaskRole.REPEAT, repeat_of=firsts[again.photos]))
    return sorted(tasks, key=lambda task: task.task_key)

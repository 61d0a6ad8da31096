"""What is shown, before it is given to raters; and the opaque keys of tasks."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from schemas.codes import TaskRole
from schemas.ratings import Task

KEY_DIGITS = 24
"""96 bits: among a billion tasks two share a key with probability below 1e-10."""


@dataclass(frozen=True)
class Stimulus:
    """One thing to be rated: a photo, a pair, or the frames of a burst.

    Parameters
    ----------
    photos : tuple of str
        Its photos in the order shown.
    role : TaskRole
        RATE, AUDIT, ANCHOR or TRAINING.
    selected_by : str
        How it came into the batch.
    probability : float or None
        Inclusion probability.
    stratum : str or None
        The stratum it was chosen from.
    alike : frozenset of str
        Near copies share a word here, and so do pairs with a photo in common; they never stand next to each
        other.
    """

    photos: tuple[str, ...]
    role: TaskRole
    selected_by: str
    probability: float | None = None
    stratum: str | None = None
    alike: frozenset[str] = frozenset()


def task_key(secret: bytes, batch_id: str, stimulus: Stimulus, place: str) -> str:
    """The key of a task: 24 hex digits that tell nothing to anybody without the secret.

    Parameters
    ----------
    secret : bytes
        The key of pseudonyms.
    place : str
        What tells showings of one stimulus in one batch apart, such as ``slot 3, position 17``.
    """
    parts = ("task", batch_id, *stimulus.photos, stimulus.role.value, place)
    message = "".join(f"{len(part)}:{part}" for part in parts).encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:KEY_DIGITS]


def task_of(
    stimulus: Stimulus,
    key: str,
    batch_id: str,
    *,
    role: TaskRole | None = None,
    slot: int | None = None,
    position: int | None = None,
    repeat_of: str | None = None,
) -> Task:
    """The row of one showing."""
    return Task(
        task_key=key,
        batch_id=batch_id,
        photo_id=stimulus.photos[0],
        right_photo_id=stimulus.photos[1] if len(stimulus.photos) == 2 else None,
        frame_ids=list(stimulus.photos) if len(stimulus.photos) > 2 else None,
        role=(role or stimulus.role).value,
        slot=slot,
        position=position,
        repeat_of=repeat_of,
        inclusion_probability=stimulus.probability,
        stratum=stimulus.stratum,
        selected_by=stimulus.selected_by,
    )


def photos_of(task: Task) -> tuple[str, ...]:
    """The photos of a task in the order shown: that of `Protocol.picture_keys`."""
    if task.frame_ids:
        return tuple(task.frame_ids)
    return (task.photo_id,) if task.right_photo_id is None else (task.photo_id, task.right_photo_id)

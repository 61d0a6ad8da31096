"""What Label Studio is given: a project for a protocol, and a task that tells nothing but its opaque key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from labeling.design.stimuli import photos_of
from labeling.protocols.markup import label_config
from labeling.protocols.texts import instructions
from schemas.protocols import Protocol
from schemas.ratings import Task

KEY = "key"
MARKER = "salon:"

T = TypeVar("T")


def picture_names(task: Task, protocol: Protocol) -> dict[str, str]:
    """A file name per picture key; made from the task's key, so that two showings of a photo look unlike."""
    keys = protocol.picture_keys
    if len(keys) == 1:
        return {keys[0]: f"{task.task_key}.jpg"}
    # A burst may have fewer frames than the protocol shows at most: the last one fills up.
    count = len(photos_of(task))
    return {key: f"{task.task_key}-{min(n, count - 1) + 1}.jpg" for n, key in enumerate(keys)}


def payload(task: Task, protocol: Protocol, addresses: Mapping[str, str]) -> dict[str, Any]:
    """One task as it is imported.

    Parameters
    ----------
    task : Task
        Only its key is used.
    protocol : Protocol
        Names the keys of the pictures.
    addresses : mapping
        File name to address, as raters' browsers will ask for it.
    """
    names = picture_names(task, protocol)
    return {"data": {KEY: task.task_key, **{key: addresses[name] for key, name in names.items()}}}


def marker(*parts: str) -> str:
    """A word in a project's description by which the project is found again after a fault."""
    text = "\0".join(parts)
    return MARKER + hashlib.sha256(text.encode()).hexdigest()[:20]


def config_hash(config: str) -> str:
    """What a project's labelling configuration is known by; 32 hex digits."""
    return hashlib.sha256(config.strip().encode()).hexdigest()[:32]


def project_settings(protocol: Protocol, *, title: str, marked: str, overlap: int, in_order: bool) -> dict[str, Any]:
    """Settings of a project; what would bias raters or let them pass without an answer is off.

    Parameters
    ----------
    title : str
        What raters see as its name.
    marked : str
        From `marker`.
    overlap : int
        Raters per task, at least 1.
    in_order : bool
        Tasks come in the order of their import; else each rater has an order of their own.
    """
    return {
        "title": title,
        "description": marked,
        "label_config": label_config(protocol),
        "expert_instruction": instructions(protocol),
        "show_instruction": True,
        "show_skip_button": True,
        "skip_queue": "IGNORE_SKIPPED",
        "enable_empty_annotation": False,
        "show_annotation_history": False,
        "show_collab_predictions": protocol.allow_predictions,
        "reveal_preannotations_interactively": False,
        "maximum_annotations": overlap,
        "sampling": "Sequential sampling" if in_order else "Uniform sampling",
    }


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Consecutive pieces of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]

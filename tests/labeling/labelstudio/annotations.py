"""Builders of what Label Studio answers, as it was recorded from version 1.23."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from labeling.labelstudio.annotations import Project, Shown
from labeling.protocols.catalogue import built_in
from schemas.codes import TaskRole
from schemas.ratings import Task

KEY = "0123456789abcdef01234567"
SENT = datetime(2024, 5, 1, 10, 0, tzinfo=UTC)
DATA = {"key": KEY, "image": f"/data/local-files/?d=batch-1/{KEY}.jpg"}
ANNA, BEN = 2, 3


def task(**changes: Any) -> Task:
    fields: dict[str, Any] = {
        "task_key": KEY,
        "batch_id": "batch-1",
        "photo_id": "a" * 64,
        "role": TaskRole.RATE.value,
        "selected_by": "test",
    }
    return Task(**fields | changes)


def project(**changes: Any) -> Project:
    fields: dict[str, Any] = {
        "namespace": "labelstudio:1-1",
        "number": 7,
        "protocol": built_in()["acr-5"],
        "is_unchanged": True,
        "key": b"a key of the tests",
        "accounts": frozenset({1, ANNA, BEN}),
        "raters": frozenset(),
        "shown": {KEY: Shown(task(), DATA)},
        "now": SENT + timedelta(days=1),
    }
    return Project(**fields | changes)


def score(value: object = "4", **changes: Any) -> dict[str, Any]:
    region = {"from_name": "beauty", "to_name": "image", "type": "choices", "value": {"choices": [value]}}
    return region | changes


def at(seconds: float) -> str:
    """The server's spelling of a moment so many seconds after the task was sent."""
    return (SENT + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def annotation(**changes: Any) -> dict[str, Any]:
    """An annotation by Anna, as a browser makes it."""
    fields: dict[str, Any] = {
        "id": 11,
        "result": [score()],
        "completed_by": ANNA,
        "updated_by": ANNA,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": at(60),
        "updated_at": at(60),
        "draft_created_at": None,
        "lead_time": 5.25,
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "task": 5,
        "project": 7,
        "parent_prediction": None,
        "parent_annotation": None,
    }
    return fields | changes


def server_task(*annotations: object, **changes: Any) -> dict[str, Any]:
    """A task of Label Studio with annotations."""
    fields: dict[str, Any] = {
        "id": 5,
        "data": dict(DATA),
        "created_at": at(0),
        "updated_at": at(60),
        "annotations": list(annotations),
    }
    return fields | changes

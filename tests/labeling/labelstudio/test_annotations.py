from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.labelstudio.annotations import Shown, read_task
from labeling.protocols.catalogue import built_in
from schemas.codes import RejectedReason
from schemas.ratings import RejectedRating
from tests.labeling.labelstudio.annotations import (
    ANNA,
    BEN,
    DATA,
    KEY,
    SENT,
    annotation,
    at,
    project,
    score,
    server_task,
    task,
)

FORGED: dict[str, tuple[dict[str, Any], RejectedReason]] = {
    "another account wrote it": ({"updated_by": BEN}, RejectedReason.FORGED),
    "nobody was logged in": ({"updated_by": None}, RejectedReason.FORGED),
    "no completer": ({"completed_by": None}, RejectedReason.MISSING_RATER),
    "a completer of the wrong type": ({"completed_by": "2"}, RejectedReason.BAD_FIELD),
    "true as a completer": ({"completed_by": True, "updated_by": True}, RejectedReason.BAD_FIELD),
    "an unknown completer": ({"completed_by": 99, "updated_by": 99}, RejectedReason.UNKNOWN_RATER),
    "imported": ({"import_id": 4}, RejectedReason.FORGED),
    "imported, by its last action": ({"last_action": "imported"}, RejectedReason.FORGED),
    "made in bulk": ({"bulk_created": True}, RejectedReason.FORGED),
    "copied from another annotation": ({"parent_annotation": 3}, RejectedReason.FORGED),
    "copied from a prediction": ({"parent_prediction": 3}, RejectedReason.WRONG_PROTOCOL),
    "of another task": ({"task": 6}, RejectedReason.BAD_FIELD),
    "of another project": ({"project": 8}, RejectedReason.BAD_FIELD),
    "no id": ({"id": None}, RejectedReason.BAD_FIELD),
    "skipped in words": ({"was_cancelled": "no"}, RejectedReason.BAD_FIELD),
    "older than its task": ({"created_at": at(-5)}, RejectedReason.BAD_TIME),
    "from the future": ({"created_at": at(1e6), "updated_at": at(1e6)}, RejectedReason.BAD_TIME),
    "changed before it was made": ({"updated_at": at(30)}, RejectedReason.BAD_TIME),
    "a time in words": ({"created_at": "yesterday"}, RejectedReason.BAD_TIME),
    "a time without zone": ({"created_at": "2024-05-01T10:01:00"}, RejectedReason.BAD_TIME),
    "negative seconds": ({"lead_time": -1}, RejectedReason.BAD_FIELD),
    "seconds in words": ({"lead_time": "5"}, RejectedReason.BAD_FIELD),
    "endless seconds": ({"lead_time": float("inf")}, RejectedReason.BAD_FIELD),
    "longer than the task exists": ({"lead_time": 1e6}, RejectedReason.BAD_TIME),
    "no result": ({"result": None}, RejectedReason.BAD_FIELD),
    "an empty result": ({"result": []}, RejectedReason.EMPTY_RESULT),
    "a result that is an object": ({"result": {}}, RejectedReason.BAD_FIELD),
    "regions that are words": ({"result": ["4"]}, RejectedReason.BAD_FIELD),
    "an unknown control": ({"result": [score(from_name="taste")]}, RejectedReason.UNKNOWN_CONTROL),
    "an unknown picture": ({"result": [score(to_name="left")]}, RejectedReason.UNKNOWN_CONTROL),
    "the wrong kind of control": ({"result": [score(type="rating")]}, RejectedReason.BAD_FIELD),
    "above the scale": ({"result": [score("6")]}, RejectedReason.OFF_SCALE),
    "below the scale": ({"result": [score("0")]}, RejectedReason.OFF_SCALE),
    "between the steps": ({"result": [score("3.5")]}, RejectedReason.OFF_SCALE),
    "a number where a word is expected": ({"result": [score(4)]}, RejectedReason.BAD_FIELD),
    "two choices": ({"result": [score(value={"choices": ["4", "5"]})]}, RejectedReason.BAD_FIELD),
    "no choice": ({"result": [score(value={"choices": []})]}, RejectedReason.BAD_FIELD),
    "no value": ({"result": [score(value=None)]}, RejectedReason.BAD_FIELD),
    "answered twice in one": ({"result": [score("4"), score("5")]}, RejectedReason.BAD_FIELD),
    "a problem that is none": (
        {"result": [score("bored", from_name="problem")]},
        RejectedReason.BAD_FIELD,
    ),
}


def test_a_browsers_annotation_becomes_a_submission() -> None:
    read = read_task(project(), server_task(annotation()))
    assert not read.rejected
    (submission,) = read.submissions
    assert submission.answer is not None
    assert submission.answer.values == {"beauty": 4.0}
    assert submission.submitted_at == SENT + timedelta(seconds=60)
    assert submission.seconds == 5.25
    assert submission.rater_id == project().rater(ANNA)


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_or_malformed_annotation_is_rejected_with_its_reason(kind: str) -> None:
    changes, reason = FORGED[kind]
    read = read_task(project(), server_task(annotation(**changes)))
    assert not read.submissions
    (rejected,) = read.rejected
    assert rejected.reason == reason
    assert rejected.detail
    assert not rejected.detail.endswith(".")


def test_an_annotation_for_another_raters_task_is_rejected() -> None:
    mine = project()
    shown = {KEY: Shown(task(), DATA, mine.rater(BEN))}
    read = read_task(project(shown=shown), server_task(annotation()))
    assert [row.reason for row in read.rejected] == [RejectedReason.FORGED]


def test_a_task_that_was_not_sent_gives_no_rating() -> None:
    read = read_task(project(), server_task(annotation(), data={"key": "f" * 24, "image": DATA["image"]}))
    assert [row.reason for row in read.rejected] == [RejectedReason.UNKNOWN_TASK]
    assert read.task_key is None


def test_a_task_whose_picture_was_exchanged_gives_no_rating_and_proves_nothing() -> None:
    read = read_task(project(), server_task(annotation(), data={**DATA, "image": "/data/local-files/?d=other.jpg"}))
    assert [row.reason for row in read.rejected] == [RejectedReason.FORGED]
    assert read.is_tampered


def test_nothing_counts_once_the_projects_question_was_changed() -> None:
    read = read_task(project(is_unchanged=False), server_task(annotation()))
    assert [row.reason for row in read.rejected] == [RejectedReason.WRONG_PROTOCOL]


def test_a_suggestion_may_be_taken_over_only_where_the_protocol_allows_it() -> None:
    allowed = built_in()["acr-5"].model_copy(update={"allow_predictions": True})
    read = read_task(project(protocol=allowed), server_task(annotation(parent_prediction=3)))
    assert len(read.submissions) == 1


def test_a_skipped_task_is_a_submission_without_answer() -> None:
    read = read_task(project(), server_task(annotation(result=[], was_cancelled=True)))
    assert [s.answer for s in read.submissions] == [None]


def test_votes_of_an_account_that_is_gone_stay_good() -> None:
    gone = project(accounts=frozenset({1}), raters=frozenset({project().rater(ANNA)}))
    assert len(read_task(gone, server_task(annotation())).submissions) == 1


def test_what_is_kept_of_a_rejected_annotation_names_nobody_and_does_not_change_with_time() -> None:
    rows: list[RejectedRating] = []
    for ago in ("1 minute", "2 hours"):
        raw = annotation(updated_by=BEN, created_username="Ben ben@example.org, 3", created_ago=ago)
        rows += read_task(project(), server_task(raw)).rejected
    assert rows[0] == rows[1]
    assert "example.org" not in rows[0].raw
    assert json.loads(rows[0].raw)["completed_by"].startswith("r")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(annotation())), JSON, min_size=1, max_size=4))
def test_any_json_is_taken_or_rejected_but_never_ends_the_run(changes: dict[str, Any]) -> None:
    read = read_task(project(), server_task(annotation(**changes)))
    assert len(read.submissions) + len(read.rejected) == 1
    for submission in read.submissions:
        assert submission.answer is None or set(submission.answer.values.values()) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    for row in read.rejected:
        json.loads(row.raw)


@given(JSON)
def test_any_json_in_place_of_annotations_is_survived(junk: Any) -> None:
    read = read_task(project(), server_task(annotations=junk))
    assert not read.submissions


@given(JSON)
def test_any_json_in_place_of_a_tasks_data_is_survived(junk: Any) -> None:
    assert not read_task(project(), server_task(annotation(), data=junk)).submissions

"""One annotation, checked field by field: a submission that can become votes, or the reason why it is none.

In the open edition any account may post anything as anybody. What the server itself writes (who was logged in,
its clock, what the annotation was made from) is held against what the client claims.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labeling.identity import pseudonym
from labeling.protocols.answers import Answer, Refusal, parse
from schemas.codes import RejectedReason
from schemas.protocols import Protocol
from schemas.ratings import RejectedRating, Task

CLOCK_TOLERANCE = timedelta(minutes=5)
"""By how much the server's clock may be ahead of ours."""

MOST_RAW = 20_000
"""Characters of a rejected annotation that are kept."""

KEPT_FIELDS = (
    "id",
    "result",
    "completed_by",
    "updated_by",
    "was_cancelled",
    "ground_truth",
    "created_at",
    "updated_at",
    "lead_time",
    "import_id",
    "last_action",
    "bulk_created",
    "parent_annotation",
    "parent_prediction",
    "task",
    "project",
)
"""What is kept of a rejected annotation: no names, and nothing that changes while the annotation does not."""


@dataclass(frozen=True)
class Shown:
    """What a rater was shown, as it was sent.

    Parameters
    ----------
    task : Task
        The row of the tasks table.
    data : mapping
        The payload's data: key and picture addresses.
    rater_id : str or None
        The only rater whose answer counts; None in a shared queue.
    """

    task: Task
    data: Mapping[str, Any]
    rater_id: str | None = None


@dataclass(frozen=True)
class Project:
    """What has to be known to judge the annotations of one project.

    Parameters
    ----------
    namespace : str
        The server, see `LabelStudio.namespace`.
    number : int
        Label Studio's number of the project.
    protocol : Protocol
        What its tasks were sent under.
    is_unchanged : bool
        Its labelling configuration is still the protocol's.
    key : bytes
        Of the pseudonyms.
    accounts : frozenset of int
        Members of the organisation.
    raters : frozenset of str
        Pseudonyms known from earlier, whose accounts may be gone by now.
    shown : mapping
        Task key to what was sent.
    now : datetime
        Our clock.
    """

    namespace: str
    number: int
    protocol: Protocol
    is_unchanged: bool
    key: bytes
    accounts: frozenset[int]
    raters: frozenset[str]
    shown: Mapping[str, Shown]
    now: datetime

    @property
    def source(self) -> str:
        """The name of the project in `rejected_ratings`."""
        return f"{self.namespace}/project-{self.number}"

    def rater(self, account: int) -> str:
        """The pseudonym of an account."""
        return pseudonym(self.key, self.namespace, str(account))


@dataclass(frozen=True)
class Submission:
    """One rater's answer to one task; `answer` is None where the task was skipped."""

    place: str
    rater_id: str
    submitted_at: datetime
    seconds: float | None
    answer: Answer | None


@dataclass(frozen=True)
class Read:
    """What one task of Label Studio holds.

    Parameters
    ----------
    task_key : str or None
        The task that was sent; None where it is none of ours.
    submissions : tuple of Submission
        Answers that can become votes.
    rejected : tuple of RejectedRating
        Annotations that cannot.
    disputed : frozenset of datetime
        When annotations were made that another account has overwritten since: votes of that moment, taken in
        before, were not taken back by their rater.
    is_tampered : bool
        The task itself was changed: nothing is to be concluded from what it holds now.
    """

    task_key: str | None
    submissions: tuple[Submission, ...] = ()
    rejected: tuple[RejectedRating, ...] = ()
    disputed: frozenset[datetime] = frozenset()
    is_tampered: bool = False


def read_task(project: Project, raw: Mapping[str, Any]) -> Read:
    """Check a task as the server gives it, with all its annotations."""
    found = raw.get("annotations")
    annotations = found if isinstance(found, list) else []
    shown, wrong = _shown(project, raw)
    submissions: list[Submission] = []
    rejected: list[RejectedRating] = []
    disputed: set[datetime] = set()
    for annotation in annotations:
        fields = annotation if isinstance(annotation, dict) else {}
        outcome = wrong or read_annotation(project, shown, raw, fields)
        if isinstance(outcome, Submission):
            submissions.append(outcome)
            continue
        place = f"task {raw.get('id')}, annotation {fields.get('id')}"
        rejected.append(_rejected(project, place, outcome, annotation))
        made = _moment(fields.get("created_at"))
        if outcome.reason is RejectedReason.FORGED and made is not None:
            disputed.add(made)
    return Read(
        shown.task.task_key if shown else None,
        tuple(submissions),
        tuple(rejected),
        frozenset(disputed),
        is_tampered=wrong is not None,
    )


def _shown(project: Project, raw: Mapping[str, Any]) -> tuple[Shown | None, Refusal | None]:
    """The task that was sent, if this is it and nobody has changed it."""
    data = raw.get("data")
    key = data.get("key") if isinstance(data, dict) else None
    shown = project.shown.get(key) if isinstance(key, str) else None
    if shown is None:
        return None, Refusal(
            RejectedReason.UNKNOWN_TASK, f"data.key: expected a task that was sent, got {_quoted(key)}"
        )
    if data != dict(shown.data):
        return shown, Refusal(RejectedReason.FORGED, "data: the task's pictures are not those that were sent")
    return shown, None


def read_annotation(
    project: Project, shown: Shown | None, task: Mapping[str, Any], raw: Mapping[str, Any]
) -> Submission | Refusal:
    """Check one annotation of a task that was sent."""
    if shown is None:
        return Refusal(RejectedReason.UNKNOWN_TASK, "data.key: not a task that was sent")
    number = raw.get("id")
    if not _is_number(number):
        return Refusal(RejectedReason.BAD_FIELD, f"id: expected a number, got {_quoted(number)}")
    refusal = _belongs(project, task, raw) or _rater(project, shown, raw) or _origin(project, raw)
    if refusal:
        return refusal
    times = _times(project, task, raw)
    if isinstance(times, Refusal):
        return times
    submitted_at, seconds = times
    answer: Answer | None = None
    if raw.get("was_cancelled") is not True:
        parsed = parse(project.protocol, raw.get("result"))
        if isinstance(parsed, Refusal):
            return parsed
        answer = parsed
    return Submission(
        place=f"task {task.get('id')}, annotation {number}",
        rater_id=project.rater(int(raw["completed_by"])),
        submitted_at=submitted_at,
        seconds=seconds,
        answer=answer,
    )


def _belongs(project: Project, task: Mapping[str, Any], raw: Mapping[str, Any]) -> Refusal | None:
    """It says of itself where it stands, and its project asks what was meant to be asked."""
    for name, expected in (("task", task.get("id")), ("project", project.number)):
        if raw.get(name, expected) != expected:
            return Refusal(RejectedReason.BAD_FIELD, f"{name}: expected {expected}, got {_quoted(raw.get(name))}")
    if not isinstance(raw.get("was_cancelled"), bool):
        got = _quoted(raw.get("was_cancelled"))
        return Refusal(RejectedReason.BAD_FIELD, f"was_cancelled: expected true or false, got {got}")
    if not project.is_unchanged:
        return Refusal(
            RejectedReason.WRONG_PROTOCOL,
            "label_config: the project's configuration is no longer that of the protocol it was sent under",
        )
    return None


def _rater(project: Project, shown: Shown, raw: Mapping[str, Any]) -> Refusal | None:
    """The completer is a known account, was the one logged in, and the task was meant for them."""
    completer = raw.get("completed_by")
    if completer is None:
        return Refusal(RejectedReason.MISSING_RATER, "completed_by: expected an account, got nothing")
    if not _is_number(completer):
        return Refusal(RejectedReason.BAD_FIELD, f"completed_by: expected a number, got {_quoted(completer)}")
    rater = project.rater(completer)
    if completer not in project.accounts and rater not in project.raters:
        return Refusal(RejectedReason.UNKNOWN_RATER, "completed_by: no account of this organisation")
    if raw.get("updated_by") != completer:
        return Refusal(RejectedReason.FORGED, "completed_by: another account was logged in when it was written")
    if shown.rater_id is not None and shown.rater_id != rater:
        return Refusal(RejectedReason.FORGED, "completed_by: the task was meant for another rater")
    return None


def _origin(project: Project, raw: Mapping[str, Any]) -> Refusal | None:
    """It was given by a person in answer to the picture: not imported, copied or made in bulk."""
    if raw.get("import_id") is not None or raw.get("last_action") in ("imported", "prediction"):
        return Refusal(RejectedReason.FORGED, "import_id: imported, not given by a rater")
    if raw.get("bulk_created"):
        return Refusal(RejectedReason.FORGED, "bulk_created: made for many tasks at once")
    if raw.get("parent_annotation") is not None:
        return Refusal(RejectedReason.FORGED, "parent_annotation: copied from another annotation")
    if raw.get("parent_prediction") is not None and not project.protocol.allow_predictions:
        return Refusal(RejectedReason.WRONG_PROTOCOL, "parent_prediction: the protocol allows no suggestions")
    return None


def _times(
    project: Project, task: Mapping[str, Any], raw: Mapping[str, Any]
) -> tuple[datetime, float | None] | Refusal:
    """When it was submitted, and how long it took; both must be possible."""
    moments = {}
    for name, text in (
        ("created_at", raw.get("created_at")),
        ("updated_at", raw.get("updated_at")),
        ("task.created_at", task.get("created_at")),
    ):
        moment = _moment(text)
        if moment is None:
            return Refusal(RejectedReason.BAD_TIME, f"{name}: expected a time with zone, got {_quoted(text)}")
        moments[name] = moment
    created, sent = moments["created_at"], moments["task.created_at"]
    if not sent <= created <= moments["updated_at"] <= project.now + CLOCK_TOLERANCE:
        return Refusal(
            RejectedReason.BAD_TIME,
            f"created_at: expected after {sent.isoformat()} and not in the future, got {created.isoformat()}",
        )
    seconds = raw.get("lead_time")
    if seconds is None:
        return created, None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
        return Refusal(RejectedReason.BAD_FIELD, f"lead_time: expected seconds, 0 or more, got {_quoted(seconds)}")
    if seconds > (moments["updated_at"] - sent + CLOCK_TOLERANCE).total_seconds():
        return Refusal(RejectedReason.BAD_TIME, f"lead_time: {seconds:g} s is longer than the task has existed")
    return created, float(seconds)


def _rejected(project: Project, place: str, refusal: Refusal, annotation: object) -> RejectedRating:
    raw = raw_text(project, annotation)
    return RejectedRating(
        source=project.source,
        place=place,
        content_id=hashlib.sha256(raw.encode()).hexdigest()[:32],
        reason=refusal.reason.value,
        detail=refusal.detail,
        raw=raw,
        rejected_at=project.now,
    )


def raw_text(project: Project, annotation: object) -> str:
    """A rejected annotation as JSON, accounts under their pseudonyms."""
    if not isinstance(annotation, dict):
        return json.dumps(str(annotation)[:MOST_RAW], ensure_ascii=False)
    kept = {name: annotation[name] for name in KEPT_FIELDS if name in annotation}
    for name in ("completed_by", "updated_by"):
        if _is_number(kept.get(name)):
            kept[name] = project.rater(kept[name])
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= MOST_RAW else json.dumps({"cut": text[:MOST_RAW]}, ensure_ascii=False)


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _quoted(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)[:60]

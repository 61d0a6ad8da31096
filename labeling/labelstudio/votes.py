"""Submissions become votes; what stands in the warehouse already decides which rows are new.

Rows are never changed. A correction is a row of the same identity whose id also hashes the row before it, so
that 4, then 5, then 4 again are three rows; a vote that is gone from its source gets a row that says withdrawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from labeling.design.stimuli import photos_of
from labeling.identity import content_id, identity, moment
from labeling.labelstudio.annotations import Submission
from labeling.protocols.answers import Answer, pairs_of
from schemas.codes import Outcome, RatingStatus
from schemas.protocols import Protocol
from schemas.ratings import Comparison, Rating, Task

SESSION_GAP = timedelta(minutes=30)
"""A pause that begins a new session."""

PROBLEM_SEPARATOR = "; "


@dataclass(frozen=True)
class Setting:
    """What all votes of one pass have in common."""

    namespace: str
    protocol: Protocol
    protocol_version: str
    batch_id: str
    simulated: bool
    simulated_raters: frozenset[str]
    recorded_at: datetime


@dataclass(frozen=True)
class Place:
    """Where a submission stands in its rater's work; times and device where a gateway saw them."""

    position: int
    session_id: str
    presented_at: datetime | None = None
    device: str | None = None


Vote = Rating | Comparison


def votes_of(
    setting: Setting, task: Task, submissions: Sequence[Submission], places: Mapping[str, Place]
) -> list[Vote]:
    """The votes in all submissions to one task, without row ids.

    Of several answers of one rater to the same task the first counts; the others are kept as duplicates.
    """
    found: list[Vote] = []
    answered: set[str] = set()
    for submission in sorted(submissions, key=lambda s: (s.submitted_at, s.place)):
        status = _status(submission, answered)
        build = _comparisons if setting.protocol.is_comparison else _ratings
        found += build(setting, task, submission, status, places[submission.place])
    return found


def _status(submission: Submission, answered: set[str]) -> RatingStatus:
    """What becomes of a submission; notes its rater among those who have answered."""
    if submission.answer is None:
        return RatingStatus.SKIPPED
    if submission.rater_id in answered:
        return RatingStatus.DUPLICATE
    answered.add(submission.rater_id)
    return RatingStatus.CANNOT_RATE if submission.answer.problem is not None else RatingStatus.COUNTED


def _ratings(setting: Setting, task: Task, submission: Submission, status: RatingStatus, place: Place) -> list[Vote]:
    answer = submission.answer or Answer()
    questions = {question.name: question for question in setting.protocol.questions}
    main = setting.protocol.question
    values: dict[str, float | None] = dict(answer.values) or {main: None}
    return [
        Rating(
            rating_id="",
            identity=_identity(setting, submission, task.photo_id, name),
            photo_id=task.photo_id,
            question=name,
            scale=questions[name].scale.id,
            scale_low=questions[name].scale.low,
            scale_high=questions[name].scale.high,
            value=value,
            repeat_of=task.repeat_of,
            **_common(setting, task, submission, status, place),
        )
        for name, value in values.items()
    ]


def _comparisons(
    setting: Setting, task: Task, submission: Submission, status: RatingStatus, place: Place
) -> list[Vote]:
    photos = photos_of(task)
    answer = submission.answer or Answer()
    pairs: list[tuple[str, str, Outcome | None]] = [*pairs_of(answer, photos)] or [(photos[0], photos[1], None)]
    return [
        Comparison(
            comparison_id="",
            identity=_identity(setting, submission, "|".join(sorted((left, right))), setting.protocol.question),
            left_id=left,
            right_id=right,
            outcome=outcome.value if outcome else None,
            question=setting.protocol.question,
            **_common(setting, task, submission, status, place),
        )
        for left, right, outcome in pairs
    ]


def _identity(setting: Setting, submission: Submission, stimulus: str, question: str) -> str:
    when = moment(submission.submitted_at, None, 1)
    return identity(setting.namespace, submission.rater_id, stimulus, question, when)


def _common(setting: Setting, task: Task, submission: Submission, status: RatingStatus, place: Place) -> dict[str, Any]:
    """Columns that ratings and comparisons share."""
    answer = submission.answer or Answer()
    words = [*([answer.problem.value] if answer.problem else []), *answer.reasons]
    return {
        "rater_id": submission.rater_id,
        "session_id": place.session_id,
        "batch_id": setting.batch_id,
        "task_key": task.task_key,
        "protocol_version": setting.protocol_version,
        "position": place.position,
        "role": task.role,
        "presented_at": place.presented_at or _begun(submission),
        "submitted_at": submission.submitted_at,
        "seconds": submission.seconds,
        "device": place.device,
        "reason": PROBLEM_SEPARATOR.join(words) or None,
        "source": setting.namespace,
        "status": status.value,
        "simulated": setting.simulated or submission.rater_id in setting.simulated_raters,
        "recorded_at": setting.recorded_at,
    }


def _begun(submission: Submission) -> datetime | None:
    """When the rater began, as the browser's stopwatch says."""
    if submission.seconds is None:
        return None
    return submission.submitted_at - timedelta(seconds=submission.seconds)


def places_in_order(
    namespace: str, batch_id: str, submissions: Iterable[Submission], earlier: Iterable[tuple[str, datetime]]
) -> dict[str, Place]:
    """Position and session of every submission, by its place.

    Parameters
    ----------
    submissions : iterable of Submission
        Of this pass.
    earlier : iterable of (rater_id, submitted_at)
        What the warehouse holds of the batch; times may repeat those of the pass.
    """
    times: dict[str, set[datetime]] = {}
    found = list(submissions)
    for rater, when in [*earlier, *((s.rater_id, s.submitted_at) for s in found)]:
        times.setdefault(rater, set()).add(when)
    by_rater: dict[str, dict[datetime, Place]] = {}
    for rater, moments in times.items():
        by_rater[rater] = placed = {}
        begun = last = None
        for position, when in enumerate(sorted(moments), start=1):
            if begun is None or last is None or when - last > SESSION_GAP:
                begun = when
            last = when
            session = identity(namespace, rater, batch_id, "session", begun.isoformat())[:16]
            placed[when] = Place(position, session)
    return {s.place: by_rater[s.rater_id][s.submitted_at] for s in found}


NEXT_MOMENT = timedelta(microseconds=1)


def new_rows(votes: Iterable[Vote], current: Mapping[str, Vote]) -> list[Vote]:
    """The votes whose identity is new, or whose content differs from the row that stands."""
    fresh = []
    for vote in votes:
        before = current.get(vote.identity)
        if before is not None and _content(before) == _content(vote):
            continue
        fresh.append(_with_id(vote, before))
    return fresh


def withdrawals(gone: Iterable[Vote], recorded_at: datetime) -> list[Vote]:
    """Rows that say that votes are no longer in their source; those that say so already get none."""
    return [
        _with_id(dataclasses.replace(vote, status=RatingStatus.WITHDRAWN.value, recorded_at=recorded_at), vote)
        for vote in gone
        if vote.status != RatingStatus.WITHDRAWN
    ]


def _content(vote: Vote) -> tuple[object, ...]:
    """What makes two rows of one identity say the same."""
    said = vote.value if isinstance(vote, Rating) else (vote.left_id, vote.right_id, vote.outcome)
    return (said, vote.status, vote.reason)


def _with_id(vote: Vote, before: Vote | None) -> Vote:
    """The vote with its row id: a hash of identity, content and the row that it follows."""
    row = content_id(vote.identity, *_content(vote), row_id(before) if before is not None else "")
    if before is not None:
        # The row recorded last stands: a clock that jumped back must not let the older one win.
        vote = dataclasses.replace(vote, recorded_at=max(vote.recorded_at, before.recorded_at + NEXT_MOMENT))
    if isinstance(vote, Rating):
        return dataclasses.replace(vote, rating_id=row)
    return dataclasses.replace(vote, comparison_id=row)


def row_id(vote: Vote) -> str:
    """The key of a vote's row."""
    return vote.rating_id if isinstance(vote, Rating) else vote.comparison_id

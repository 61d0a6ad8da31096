"""One annotation's ``result``, read field by field: an answer, or the reason why it is none.

Any account of Label Studio can post any JSON as an annotation; nothing is taken for granted here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.codes import Outcome, RejectedReason
from schemas.protocols import (
    PROBLEM_CONTROL,
    REASONS_CONTROL,
    Problem,
    Protocol,
    ProtocolKind,
    Question,
)

MOST_SHOWN = 60
"""Characters of a wrong value that are quoted in a detail."""


@dataclass(frozen=True)
class Answer:
    """What one annotation says.

    Parameters
    ----------
    values : dict of str to float
        Question to vote, in the scale's own units; empty where there is a problem, and for comparisons.
    outcome : Outcome or None
        Pairwise only.
    best_frame : int or None
        Best frame only: number of the chosen frame, from 1.
    problem : Problem or None
        Why there is no vote. Where a problem is given, votes beside it do not count.
    reasons : tuple of str
        The short reasons ticked, in the protocol's words.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    best_frame: int | None = None
    problem: Problem | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What came of one task: an answer (None where it was skipped) and the time it took."""

    answer: Answer | None
    seconds: float


@dataclass(frozen=True)
class Refusal:
    """Why an annotation is no rating, in a code and in one sentence."""

    reason: RejectedReason
    detail: str


class _Wrong(Exception):
    """Carries a refusal up to `parse`."""

    def __init__(self, reason: RejectedReason, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


def parse(protocol: Protocol, result: object) -> Answer | Refusal:
    """Read the ``result`` of one annotation.

    Parameters
    ----------
    protocol : Protocol
        The protocol under which the task was sent.
    result : object
        What stands in the annotation: a list of regions where nothing is forged or broken.

    Returns
    -------
    Answer or Refusal
        A refusal for the first field that is wrong; an annotation is taken whole or not at all.
    """
    try:
        return _answer(protocol, _by_control(protocol, result))
    except _Wrong as wrong:
        return wrong.refusal


def pairs_of(answer: Answer, photos: tuple[str, ...]) -> tuple[tuple[str, str, Outcome], ...]:
    """The comparisons in an answer, as (left photo, right photo, outcome).

    Parameters
    ----------
    answer : Answer
        Of a pairwise or best-frame protocol.
    photos : tuple of str
        The task's photos in the order of `Protocol.picture_keys`.

    Returns
    -------
    tuple
        One comparison for a pair; for a burst, the chosen frame against each of the others.
    """
    if answer.outcome is not None:
        return ((photos[0], photos[1], answer.outcome),)
    if answer.best_frame is None:
        return ()
    best = answer.best_frame - 1
    return tuple(
        (photos[best], other, Outcome.LEFT) if best < n else (other, photos[best], Outcome.RIGHT)
        for n, other in enumerate(photos)
        if n != best
    )


def _by_control(protocol: Protocol, result: object) -> dict[str, Mapping[str, Any]]:
    """The regions by the control they answer; every one known, aimed and typed as the protocol says."""
    if not isinstance(result, list):
        raise _Wrong(RejectedReason.BAD_FIELD, f"result: expected a list, got {_shown(result)}")
    if not result:
        raise _Wrong(RejectedReason.EMPTY_RESULT, "result: expected at least one answer, got an empty list")
    types = _control_types(protocol)
    found: dict[str, Mapping[str, Any]] = {}
    for region in result:
        if not isinstance(region, dict):
            raise _Wrong(RejectedReason.BAD_FIELD, f"result: expected objects, got {_shown(region)}")
        name = region.get("from_name")
        if not isinstance(name, str) or name not in types:
            raise _Wrong(
                RejectedReason.UNKNOWN_CONTROL, f"from_name: expected one of {_listed(types)}, got {_shown(name)}"
            )
        if region.get("to_name") != protocol.picture_keys[0]:
            raise _Wrong(
                RejectedReason.UNKNOWN_CONTROL,
                f"{name}.to_name: expected '{protocol.picture_keys[0]}', got {_shown(region.get('to_name'))}",
            )
        if region.get("type") != types[name]:
            raise _Wrong(
                RejectedReason.BAD_FIELD, f"{name}.type: expected '{types[name]}', got {_shown(region.get('type'))}"
            )
        if name in found:
            raise _Wrong(RejectedReason.BAD_FIELD, f"{name}: answered twice in one annotation")
        value = region.get("value")
        if not isinstance(value, dict):
            raise _Wrong(RejectedReason.BAD_FIELD, f"{name}.value: expected an object, got {_shown(value)}")
        found[name] = value
    return found


def _control_types(protocol: Protocol) -> dict[str, str]:
    """Label Studio's type of every control in the protocol's configuration."""
    types = {protocol.question: "number" if protocol.kind is ProtocolKind.SLIDER else "choices"}
    types |= dict.fromkeys((question.name for question in protocol.questions[1:]), "rating")
    if protocol.reasons:
        types[REASONS_CONTROL] = "choices"
    types[PROBLEM_CONTROL] = "choices"
    return types


def _answer(protocol: Protocol, found: Mapping[str, Mapping[str, Any]]) -> Answer:
    reasons = _reasons(protocol, found)
    if PROBLEM_CONTROL in found:
        code = _single(PROBLEM_CONTROL, found[PROBLEM_CONTROL])
        if code not in {problem.value for problem in Problem}:
            raise _Wrong(RejectedReason.BAD_FIELD, f"problem: expected one of {_listed(Problem)}, got {_shown(code)}")
        return Answer(problem=Problem(code), reasons=reasons)
    if protocol.question not in found:
        raise _Wrong(RejectedReason.MISSING_SCORE, f"{protocol.question}: neither a score nor a problem")
    if protocol.is_comparison:
        return _comparison(protocol, found[protocol.question], reasons)
    values: dict[str, float] = {}
    for question in protocol.questions:
        if question.name in found:
            values[question.name] = _number(protocol, question, found[question.name])
        elif question.required:
            raise _Wrong(RejectedReason.MISSING_SCORE, f"{question.name}: expected a score, got none")
    return Answer(values=values, reasons=reasons)


def _comparison(protocol: Protocol, value: Mapping[str, Any], reasons: tuple[str, ...]) -> Answer:
    code = _single(protocol.question, value)
    if protocol.kind is ProtocolKind.PAIRWISE:
        allowed = [outcome.value for outcome in Outcome if protocol.tie or outcome is not Outcome.TIE]
    else:
        allowed = [str(number) for number in range(1, protocol.frames + 1)]
    if code not in allowed:
        raise _Wrong(
            RejectedReason.OFF_SCALE, f"{protocol.question}: expected one of {_listed(allowed)}, got {_shown(code)}"
        )
    if protocol.kind is ProtocolKind.PAIRWISE:
        return Answer(outcome=Outcome(code), reasons=reasons)
    return Answer(best_frame=int(code), reasons=reasons)


def _number(protocol: Protocol, question: Question, value: Mapping[str, Any]) -> float:
    """The vote on one question, on its scale."""
    is_overall = question.name == protocol.question
    if is_overall and protocol.kind is ProtocolKind.STEPS:
        text = _single(question.name, value)
        steps = {str(step): float(step) for step in range(protocol.low, protocol.high + 1)}
        if text not in steps:
            raise _Wrong(
                RejectedReason.OFF_SCALE,
                f"{question.name}: expected {protocol.low} to {protocol.high}, got {_shown(text)}",
            )
        return steps[text]
    key = "number" if is_overall else "rating"
    raw = value.get(key)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _Wrong(RejectedReason.NOT_A_NUMBER, f"{question.name}.{key}: expected a number, got {_shown(raw)}")
    scale = question.scale
    # Compared as it came: an integer of a thousand digits is a number in JSON, and no float.
    if not scale.low <= raw <= scale.high or not scale.accepts(float(raw)):
        raise _Wrong(
            RejectedReason.OFF_SCALE,
            f"{question.name}: expected {scale.low:g} to {scale.high:g} in steps of {scale.step:g}, got {_shown(raw)}",
        )
    return float(raw)


def _reasons(protocol: Protocol, found: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    if REASONS_CONTROL not in found:
        return ()
    words = {f"reason{number}": text for number, text in enumerate(protocol.reasons, start=1)}
    chosen = _choices(REASONS_CONTROL, found[REASONS_CONTROL])
    for code in chosen:
        if code not in words:
            raise _Wrong(RejectedReason.BAD_FIELD, f"reasons: expected one of {_listed(words)}, got {_shown(code)}")
    return tuple(text for code, text in words.items() if code in chosen)


def _single(control: str, value: Mapping[str, Any]) -> str:
    chosen = _choices(control, value)
    if len(chosen) != 1:
        raise _Wrong(RejectedReason.BAD_FIELD, f"{control}.choices: expected one choice, got {_shown(chosen)}")
    return chosen[0]


def _choices(control: str, value: Mapping[str, Any]) -> list[str]:
    chosen = value.get("choices")
    if not isinstance(chosen, list) or not chosen or not all(isinstance(part, str) for part in chosen):
        raise _Wrong(RejectedReason.BAD_FIELD, f"{control}.choices: expected a list of words, got {_shown(chosen)}")
    return chosen


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _shown(value: object) -> str:
    """A wrong value, short enough for a sentence."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"

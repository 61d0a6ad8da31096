"""A simulated panel at work: accounts that take tasks from the queue and submit annotations as people's browsers do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from labeling.labelstudio.client import LabelStudio
from labeling.labelstudio.payloads import KEY
from labeling.labelstudio.session import Payload
from labeling.protocols.answers import Answer, Reply
from schemas.protocols import PROBLEM_CONTROL, REASONS_CONTROL, Protocol, ProtocolKind

LOOK_AGAIN_S = 0.5

Judge = Callable[[str], Reply]
"""From a task's key to what the rater does."""


def work_through(client: LabelStudio, project: int, protocol: Protocol, judge: Judge, most: int | None = None) -> int:
    """Take tasks from a project's queue until it is empty, or `most` are done; returns how many were.

    Parameters
    ----------
    client : LabelStudio
        Logged in as the rater.
    project : int
        Label Studio's project.
    protocol : Protocol
        Its protocol.
    judge : callable
        What the rater does with the task of a key.
    most : int, optional
        When to stop.
    """
    done = 0
    while most is None or done < most:
        task = client.next_task(project) or _looked_again(client, project)
        if task is None:
            break
        submit(client, task, protocol, judge(str(task["data"][KEY])))
        done += 1
    return done


def _looked_again(client: LabelStudio, project: int) -> Payload | None:
    """The next task after a moment: a task that another rater is just submitting counts twice for that moment,
    as answered and as being worked on, and then seems to have all the raters it needs."""
    time.sleep(LOOK_AGAIN_S)
    return client.next_task(project)


def submit(client: LabelStudio, task: Mapping[str, Any], protocol: Protocol, reply: Reply) -> Payload:
    """Submit or skip one task as the account of `client`."""
    if reply.answer is None:
        content: Payload = {"result": [], "was_cancelled": True, "lead_time": reply.seconds}
    else:
        content = {"result": result_of(protocol, reply.answer), "lead_time": reply.seconds}
    return client.annotate(int(task["id"]), content)


def result_of(protocol: Protocol, answer: Answer) -> list[Payload]:
    """An answer as Label Studio's front end would send it: the inverse of `labeling.protocols.answers.parse`."""
    regions = []
    if answer.problem is not None:
        regions.append(_choice(protocol, PROBLEM_CONTROL, [answer.problem.value]))
    elif answer.outcome is not None:
        regions.append(_choice(protocol, protocol.question, [answer.outcome.value]))
    elif answer.best_frame is not None:
        regions.append(_choice(protocol, protocol.question, [str(answer.best_frame)]))
    for question, value in answer.values.items():
        if question != protocol.question:
            regions.append(_region(protocol, question, "rating", {"rating": int(value)}))
        elif protocol.kind is ProtocolKind.SLIDER:
            regions.append(_region(protocol, question, "number", {"number": value}))
        else:
            regions.append(_choice(protocol, question, [str(int(value))]))
    if answer.reasons:
        codes = [f"reason{protocol.reasons.index(words) + 1}" for words in answer.reasons]
        regions.append(_choice(protocol, REASONS_CONTROL, codes))
    return regions


def _choice(protocol: Protocol, control: str, choices: list[str]) -> Payload:
    return _region(protocol, control, "choices", {"choices": choices})


def _region(protocol: Protocol, control: str, kind: str, value: Payload) -> Payload:
    return {"from_name": control, "to_name": protocol.picture_keys[0], "type": kind, "value": value}

"""What a rater may ask of Label Studio: an allow-list of calls, and what is cut out of bodies and answers.

The open edition has no roles: any account can read, change and delete everything. Only calls that the labelling
page of version 1.23 makes are let through, and only for the rater's own projects, tasks and annotations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Subject(StrEnum):
    """What has to belong to the rater."""

    NOTHING = "nothing"
    """Open to everybody: the login page and its assets."""
    LOGIN = "login"
    """Any rater who is logged in."""
    PROJECT = "project"
    TASK = "task"
    ANNOTATION = "annotation"
    PICTURE = "picture"
    HOME = "home"
    """Leads to the rater's own labelling page."""
    HOLLOW = "hollow"
    """Answered by the gateway itself: the page asks for it, and it would show what others do."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Ruling:
    """What a request needs.

    Parameters
    ----------
    subject : Subject
        What has to belong to the rater.
    number : int or None
        Of the project, task or annotation.
    name : str
        Of the rule: the gateway treats some calls in a way of their own.
    """

    subject: Subject
    number: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Rule:
    """One line of the allow-list; `number` in the pattern, else ``project`` in the query, is what it is about."""

    methods: str
    pattern: str
    subject: Subject
    name: str = ""


RULES: tuple[Rule, ...] = (
    Rule("GET", r"/(static|react-app|label-studio-frontend)/[\w./@+~-]+", Subject.NOTHING),
    Rule("GET", r"/favicon\.ico", Subject.NOTHING),
    Rule("GET POST", r"/user/login/?", Subject.NOTHING),
    Rule("GET", r"/logout/?", Subject.NOTHING),
    Rule("GET", r"/|/projects/?", Subject.HOME),
    Rule("GET", r"/projects/(?P<number>\d+)(/data)?/?", Subject.PROJECT, "page"),
    Rule("GET", r"/api/(version|current-user/whoami|current-user/hotkeys)/?", Subject.LOGIN),
    Rule("GET", r"/api/(projects|users|ml|label_links|tasks)/?", Subject.HOLLOW, "list"),
    Rule("GET", r"/api/projects/(?P<number>\d+)/?", Subject.PROJECT),
    Rule("GET", r"/api/projects/(?P<number>\d+)/next/?", Subject.PROJECT, "next"),
    Rule("GET", r"/api/projects/(?P<number>\d+)/label-stream-history/?", Subject.PROJECT),
    Rule("GET", r"/api/dm/(columns|project)/?", Subject.PROJECT),
    Rule("GET POST", r"/api/dm/views/?", Subject.PROJECT),
    Rule("POST", r"/api/dm/actions/?", Subject.PROJECT, "action"),
    Rule("GET", r"/api/tasks/(?P<number>\d+)/?", Subject.TASK, "task"),
    Rule("GET", r"/api/tasks/(?P<number>\d+)/annotations/?", Subject.TASK, "annotations"),
    Rule("POST", r"/api/tasks/(?P<number>\d+)/annotations/?", Subject.TASK, "submit"),
    Rule("POST", r"/api/tasks/(?P<number>\d+)/drafts/?", Subject.TASK, "draft"),
    Rule("GET PATCH", r"/api/annotations/(?P<number>\d+)/?", Subject.ANNOTATION, "correct"),
    Rule("GET", r"/tasks/(?P<number>\d+)/(presign|resolve)/?", Subject.TASK, "picture"),
    Rule("GET", r"/data/local-files/?", Subject.PICTURE),
)

SUBMITTED_FIELDS = frozenset({"result", "was_cancelled", "lead_time", "started_at", "unique_id", "draft_id"})
"""What a rater's browser may say of an annotation; who gave it is what the server knows."""

DRAFT_FIELDS = SUBMITTED_FIELDS - {"draft_id", "unique_id"}


def rule_on(method: str, path: str, query: Mapping[str, str]) -> Ruling:
    """What a request needs; everything that is not on the list is refused."""
    if "//" in path or ".." in path or "%" in path or "\\" in path:
        return Ruling(Subject.REFUSED)
    for rule in RULES:
        match = re.fullmatch(rule.pattern, path)
        if match is None or method not in rule.methods.split():
            continue
        if rule.name == "action" and query.get("id") != "next_task":
            return Ruling(Subject.REFUSED)
        if rule.subject in (Subject.PROJECT, Subject.TASK, Subject.ANNOTATION):
            text = match.groupdict().get("number") or query.get("project", "")
            number = number_of(text)
            # A page may name its project twice; both must be the same.
            if number is None or (rule.subject is Subject.PROJECT and query.get("project", text) != text):
                return Ruling(Subject.REFUSED)
            return Ruling(rule.subject, number, rule.name)
        return Ruling(rule.subject, None, rule.name)
    return Ruling(Subject.REFUSED)


def number_of(text: str) -> int | None:
    """The number of a project, task or annotation; None where the text is none that Label Studio could have given."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def clean_body(ruling: Ruling, body: Any) -> Any:
    """The body that is passed on; what a rater must not say is left out.

    Raises
    ------
    ValueError
        It is not the JSON object that the call takes.
    """
    if ruling.name == "action":
        # Filters and orders of one's own would undo the design.
        nothing: dict[str, Any] = {"all": False, "included": []}
        return {
            "ordering": [],
            "selectedItems": nothing,
            "filters": {"conjunction": "and", "items": []},
            "project": str(ruling.number),
        }
    if ruling.name in ("submit", "correct", "draft"):
        if not isinstance(body, dict):
            raise ValueError("expected a JSON object")
        allowed = DRAFT_FIELDS if ruling.name == "draft" else SUBMITTED_FIELDS
        return {name: value for name, value in body.items() if name in allowed}
    return body


def blind(answer: Any, user: int, suggestions: bool) -> Any:
    """An answer about tasks or annotations without what others have said.

    Parameters
    ----------
    answer : JSON
        A task, an annotation, or a list of them.
    user : int
        The rater's account.
    suggestions : bool
        The protocol lets raters see predictions.
    """
    if isinstance(answer, list):
        return [blind(part, user, suggestions) for part in answer if _is_own(part, user)]
    if not isinstance(answer, dict):
        return answer
    cut = {name: value for name, value in answer.items() if name not in OTHERS}
    for name in ("annotations", "drafts"):
        if isinstance(answer.get(name), list):
            cut[name] = [part for part in answer[name] if _is_own(part, user)]
    if not suggestions and "predictions" in answer:
        cut["predictions"] = []
    return cut


OTHERS = frozenset(
    {"annotators", "annotations_results", "annotations_ids", "avg_lead_time", "updated_by", "completed_by_others"}
)
"""Fields of a task that sum up what all raters did."""


def _is_own(part: Any, user: int) -> bool:
    """Whether an annotation or draft is the rater's; anything else passes."""
    if not isinstance(part, dict):
        return True
    owner = part.get("completed_by", part.get("user"))
    if isinstance(owner, dict):
        owner = owner.get("id")
    if isinstance(owner, str):  # drafts name their user in words, the number last
        return owner.rsplit(" ", 1)[-1] == str(user)
    return owner is None or owner == user


def hollow(path: str) -> Any:
    """An empty answer in the shape that the page expects."""
    if path.rstrip("/").endswith("/tasks"):
        return {"total": 0, "total_annotations": 0, "total_predictions": 0, "tasks": []}
    if path.rstrip("/").endswith(("/users", "/ml")):
        return []
    return {"count": 0, "next": None, "previous": None, "results": []}

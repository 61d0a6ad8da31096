from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.labelstudio.gatekeeping import Ruling, Subject, blind, clean_body, rule_on


@pytest.mark.parametrize(
    ("method", "path", "query", "subject", "number"),
    [
        ("GET", "/projects/7/data", {"labeling": "1"}, Subject.PROJECT, 7),
        ("POST", "/api/tasks/5/annotations/", {"project": "7"}, Subject.TASK, 5),
        ("POST", "/api/dm/actions", {"id": "next_task", "project": "7"}, Subject.PROJECT, 7),
        ("PATCH", "/api/annotations/11", {}, Subject.ANNOTATION, 11),
        ("GET", "/api/tasks", {"project": "7"}, Subject.HOLLOW, None),
        ("GET", "/static/css/main.css", {}, Subject.NOTHING, None),
        ("GET", "/static/../api/invite", {}, Subject.REFUSED, None),
        ("GET", "/api/projects/7/export", {}, Subject.REFUSED, None),
        ("DELETE", "/api/annotations/11", {}, Subject.REFUSED, None),
        ("GET", "/api/projects/7", {"project": "8"}, Subject.REFUSED, None),
        ("GET", "/api/dm/project", {}, Subject.REFUSED, None),
        ("GET", "/api/tasks/" + "9" * 5000, {}, Subject.REFUSED, None),
        ("GET", "/api/dm/project", {"project": "٧"}, Subject.REFUSED, None),
        ("POST", "/user/signup/", {"token": "x"}, Subject.REFUSED, None),
    ],
)
def test_calls_are_judged_by_what_they_are_about(
    method: str, path: str, query: dict[str, str], subject: Subject, number: int | None
) -> None:
    ruling = rule_on(method, path, query)
    assert (ruling.subject, ruling.number) == (subject, number)


@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), st.text(alphabet="/.%apitaskproject0123-", max_size=40)
)
def test_whatever_is_asked_only_own_things_are_in_reach(method: str, path: str) -> None:
    ruling = rule_on(method, "/" + path, {})
    if ruling.subject in (Subject.PROJECT, Subject.TASK, Subject.ANNOTATION):
        assert ruling.number is not None
    if method in ("PUT", "DELETE"):
        assert ruling.subject is Subject.REFUSED


def test_a_browser_cannot_say_who_answered_or_which_task_comes_next() -> None:
    body = {"result": [], "completed_by": 3, "ground_truth": True, "lead_time": 2.0, "task": 9}
    assert clean_body(Ruling(Subject.TASK, 5, "submit"), body) == {"result": [], "lead_time": 2.0}
    chosen = {"filters": {"items": ["mine"]}, "ordering": ["-tasks:id"], "selectedItems": {"all": True}}
    clean = clean_body(Ruling(Subject.PROJECT, 7, "action"), chosen)
    assert clean["ordering"] == []
    assert clean["filters"]["items"] == []
    with pytest.raises(ValueError, match="JSON object"):
        clean_body(Ruling(Subject.TASK, 5, "submit"), [1])


def test_a_task_shows_nothing_of_what_others_said() -> None:
    task = {
        "id": 5,
        "data": {"key": "k"},
        "annotations": [{"id": 1, "completed_by": 2}, {"id": 2, "completed_by": {"id": 3}}],
        "drafts": [{"id": 9, "user": "Ben ben@example.org, 3"}, {"id": 8, "user": "anna@example.org, 2"}],
        "predictions": [{"score": 0.9}],
        "annotators": [2, 3],
        "annotations_results": "everything",
    }
    seen = blind(task, 2, suggestions=False)
    assert [a["id"] for a in seen["annotations"]] == [1]
    assert [d["id"] for d in seen["drafts"]] == [8]
    assert seen["predictions"] == []
    assert not {"annotators", "annotations_results"} & set(seen)
    assert blind(task, 2, suggestions=True)["predictions"] == [{"score": 0.9}]
    assert blind([{"id": 1, "completed_by": 2}, {"id": 2, "completed_by": 3}], 2, suggestions=False) == [
        {"id": 1, "completed_by": 2}
    ]

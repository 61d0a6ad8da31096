"""A takedown reaches Label Studio: tasks that show a photo, and a rater's answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.context import open_run
from flows.curate import curate
from flows.labelstudio.collect import collect
from flows.labelstudio.connection import connect
from flows.labelstudio.panel import rate_as_panel
from flows.labelstudio.send import send
from flows.publish import publish
from flows.score import score
from flows.select import select
from flows.takedown import takedown
from labeling.protocols.answers import Answer, Reply
from schemas.errors import PermanentFault
from schemas.protocols import Protocol
from tests.flows.labelstudio.studies import picture
from tests.labelstudio_server import TestServer

pytestmark = [pytest.mark.server, pytest.mark.slow]


def judge(rater: int, key: str, protocol: Protocol) -> Reply:
    """A vote by the task's key."""
    return Reply(Answer(values={protocol.question: 1.0 + (int(key, 16) + rater) % 5}), 4.5)


def test_tasks_and_answers_are_gone_from_a_real_label_studio(
    labelstudio: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        (tmp_path / f"{number}.jpg").write_bytes(picture(number, (480, 360)))
    warehouse = labelstudio.warehouse("[study]\noverlap = 3\n[filter]\nrules = {}\n")
    root = warehouse.location.root
    curate(root=root, sources=[str(tmp_path)])
    select(root=root, n=8, simulated=True)
    send(root=root)
    rate_as_panel(root, "batch-1", 3, judge)
    collect(root=root)
    score(root=root)
    publish(root=root, name="beauty")
    card = Path(root, "releases/beauty/1.0.0/README.md").read_text()
    assert "> How do you rate the beauty of this photo?" in card and "*Bad*, *Poor*" in card

    run = open_run(root)
    photo = warehouse.query("SELECT min(photo_id) AS p FROM photos").to_pylist()[0]["p"]
    with monkeypatch.context() as patched:
        patched.setenv("LABEL_STUDIO_API_KEY", "0" * 40)
        with pytest.raises(PermanentFault, match="nothing was erased: 1 tasks in Label Studio"):
            takedown(root=root, photos=[photo])
    assert warehouse.query("SELECT count(*) AS n FROM ratings WHERE photo_id = $1", [photo]).to_pylist() == [{"n": 3}]

    assert takedown(root=root, photos=[photo]).counts["tasks or answers in Label Studio"] == 1
    assert str(takedown(root=root, photos=[photo], prove=True).counts["Label Studio"]) == "erased"
    shown = list(Path(root, "renditions").rglob("*.jpg"))
    assert len(shown) == 2 * 7  # made once and shown once, for each of the photos that are left

    rater = warehouse.query("SELECT min(rater_id) AS r FROM ratings").to_pylist()[0]["r"]
    held = takedown(root=root, photos=[], rater=rater, prove=True).counts
    assert str(held["Label Studio"]).startswith("STILL HELD in 7 answers")
    assert takedown(root=root, photos=[], rater=rater).counts["tasks or answers in Label Studio"] == 7
    assert str(takedown(root=root, photos=[], rater=rater, prove=True).counts["Label Studio"]) == "not held"
    collect(root=root, reconcile=True)
    assert warehouse.query("SELECT count(DISTINCT rater_id) AS n FROM ratings").to_pylist() == [{"n": 2}]
    projects = warehouse.query("SELECT DISTINCT project_id FROM projects")["project_id"].to_pylist()
    with connect(run) as link:
        left = [a for p in projects for task in link.client.export(p) for a in task["annotations"]]
    assert len(left) == 7 * 2

"""Photos in, a real Label Studio, three annotators with accounts of their own, ratings out."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest

from flows.context import open_run
from flows.curate import curate
from flows.labelstudio.collect import collect
from flows.labelstudio.panel import rate_as_panel
from flows.labelstudio.raters import hours
from flows.labelstudio.send import send
from flows.publish import publish
from flows.score import score
from flows.select import select
from labeling.protocols.answers import Answer, Reply
from schemas.protocols import Problem, Protocol
from tests.flows.labelstudio.studies import picture
from tests.labelstudio_server import TestServer

PHOTOS = 20
RATERS = 3


@pytest.mark.server
def test_every_answer_of_three_annotators_reaches_the_tables_once(labelstudio: TestServer, tmp_path: Path) -> None:
    for number in range(PHOTOS):
        (tmp_path / f"{number}.jpg").write_bytes(picture(number, (480, 360)))
    # The pictures are smooth noise, which the filter would rightly call blurred.
    warehouse = labelstudio.warehouse("[study]\noverlap = 3\n[filter.rules.blurred]\nenabled = false\n")
    root = warehouse.location.root
    curate(root=root, sources=[str(tmp_path)])
    select(root=root, n=PHOTOS, simulated=True)
    assert send(root=root).counts["new tasks"] == PHOTOS

    first: dict[int, str] = {}

    def judge(rater: int, key: str, protocol: Protocol) -> Reply:
        """The first task of rater 0 is skipped, that of rater 1 cannot be rated; all else gets a vote."""
        if rater == 0 and first.setdefault(0, key) == key:
            return Reply(None, 2.0)
        if rater == 1 and first.setdefault(1, key) == key:
            return Reply(Answer(problem=Problem.CANNOT_RATE), 3.0)
        return Reply(Answer(values={protocol.question: 1.0 + (int(key, 16) + rater) % 5}), 4.5)

    assert rate_as_panel(root, "batch-1", RATERS, judge) == PHOTOS * RATERS
    assert collect(root=root).counts["new ratings"] == PHOTOS * RATERS

    ratings = warehouse.query("SELECT * FROM current_ratings").to_pylist()
    assert len({(row["rater_id"], row["task_key"]) for row in ratings}) == len(ratings) == PHOTOS * RATERS
    assert [row["status"] for row in ratings].count("skipped") == 1
    assert [row["status"] for row in ratings].count("cannot_rate") == 1
    counted = [row for row in ratings if row["status"] == "counted"]
    assert len(counted) == PHOTOS * RATERS - 2
    assert all(row["value"] in {1, 2, 3, 4, 5} and row["seconds"] == 4.5 for row in counted)
    assert all(row["simulated"] for row in ratings)
    assert {row["rater_id"][0] for row in ratings} == {"r"}
    assert sorted({row["position"] for row in ratings}) == list(range(1, PHOTOS + 1))

    worked = hours(open_run(root))
    assert {answers for answers, _ in worked.values()} == {PHOTOS}
    assert all(minutes > 0 for _, minutes in worked.values())

    again = collect(root=root)
    assert (again.counts["new ratings"], again.counts["changed"], again.counts["withdrawn"]) == (0, 0, 0)
    assert collect(root=root, reconcile=True).counts == again.counts
    score(root=root)
    means = warehouse.query("SELECT * FROM scores WHERE method = 'mos' AND screening = 'none'").to_pylist()
    assert sum(row["n"] for row in means) == len(counted)
    assert all(row["simulated"] for row in means)

    release = publish(root=root, name="rated").files["release"]
    loaded = datasets.load_dataset(release, cache_dir=str(tmp_path / "cache"))
    photos = [row for split in loaded.values() for row in split]
    assert len(photos) == PHOTOS
    assert {row["image"].size for row in photos} == {(480, 360)}
    assert sum(row["n"] for row in photos) == len(counted)
    assert all(row["simulated"] for row in photos)
    votes = datasets.load_dataset(release, "ratings", cache_dir=str(tmp_path / "cache"))
    assert sum(split.num_rows for split in votes.values()) == PHOTOS * RATERS

"""The audit end to end: rules drop, a batch shows some of it to (simulated) raters, their answers judge the rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from flows.ingest import ingest
from schemas.ratings import TASKS
from tests.command_line import salon
from tests.conftest import real_data
from warehouse.store import Warehouse

Capture = pytest.CaptureFixture[str]
RULES = """
[filter.rules.soft]
kind = "range"
measure = "sharpness"
at_least = {soft}
[filter.rules.unsafe]
kind = "range"
measure = "brightness"
at_most = {bright}
[study]
audit_share = 0.3
overlap = 5
"""


@pytest.mark.slow
def test_simulated_raters_judge_what_a_rule_dropped_and_never_see_what_is_unsafe(
    tmp_path: Path, capfd: Capture
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for file in sorted(real_data("oasis", "images").iterdir())[::10]:
        shutil.copy2(file, photos / file.name)
    root = tmp_path / "warehouse"
    warehouse = Warehouse.create(root)
    ingest(root=str(root), sources=[str(photos)])
    limits = warehouse.query(
        "SELECT quantile_cont(sharpness, 0.35) AS soft, quantile_cont(brightness, 0.8) AS bright FROM properties"
    ).to_pylist()[0]
    (root / "salon.toml").write_text(RULES.format(**limits))
    counts = json.loads(salon(capfd, root, "filter", "--json").out)["counts"]
    assert counts["dropped by soft"] >= 10 and counts["dropped by unsafe"] >= 8
    assert salon(capfd, root, "simulate", "--n", "20", "--raters", "8").code == 0
    shown = {row["photo_id"] for row in warehouse.table(TASKS).read().to_pylist() if row["role"] == "audit"}
    unsafe, soft = (
        {row["photo_id"] for row in warehouse.query(
            "SELECT photo_id FROM verdicts WHERE rule = ? AND NOT kept", [rule]
        ).to_pylist()}
        for rule in ("unsafe", "soft")
    )  # fmt: skip
    assert len(shown) == 6 and shown <= soft - unsafe

    ended = salon(capfd, root, "filter", "--audit", "--json")
    assert ended.code == 0
    answer = json.loads(ended.out)
    assert answer["counts"]["audited photos"] == 6
    wrong, of = answer["counts"]["wrongly dropped by soft"].split(" (")[0].split(" of ")
    assert 0 <= int(wrong) <= int(of) == 6
    assert "wrongly dropped by unsafe" not in answer["counts"]
    assert "Some of these ratings are simulated." in answer["notes"]
    # The share follows from the answers: what the page counts is what the tables say.
    means = {
        row["photo_id"]: row["mean"]
        for row in warehouse.query(
            "SELECT photo_id, avg(value) AS mean FROM counted_ratings WHERE role = 'audit' GROUP BY photo_id"
        ).to_pylist()
    }
    bar = answer["counts"]["bar (mean rating)"]
    assert int(wrong) == sum(means.get(photo, 0) >= bar - 0.001 for photo in shown)
    assert "simulated" in Path(answer["files"]["report"]).read_text().lower()

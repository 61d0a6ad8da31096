"""Raw sessions with dropouts and double submissions, against the means that their authors published."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from flows.import_ratings import Request, take_file
from labeling.importing.columns import Wanted
from tests.conftest import real_data
from tests.labeling.photos import photo_id_of, warehouse_with
from warehouse.store import Warehouse

STUDIES: dict[str, dict[str, tuple[str, str]]] = {
    "study1": {
        "appeal": ("published_study1_means.csv", "appeal_mean"),
        "realism": ("published_study1_means.csv", "realism_mean"),
        "prompt_match": ("published_study1_means.csv", "prompt_matching_mean"),
    },
    "study2": {
        "appeal": ("published_study2_appeal.csv", "rating"),
        "quality": ("published_study2_quality.csv", "rating"),
    },
}


def rows_of(name: str) -> list[dict[str, str]]:
    with real_data("avt_ai", name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def uri(image_key: str) -> str:
    return f"/avt/{image_key}.png"


def imported(folder: Path, study: str) -> Warehouse:
    """The study as its tool logged it: aborted sessions, pairs submitted twice, times of the server."""
    file = real_data("avt_ai", f"votes_{study}.csv")
    keys = sorted({row["image_key"] for row in rows_of(file.name)})
    warehouse = warehouse_with(folder / "wh", [uri(key) for key in keys])
    # A path names a picture up to its ending: 'craiyon/p01' and 'glide/p01' share the file name p01.png.
    wanted = Wanted(
        photo="image_key",
        rater="rater_id",
        scores=tuple(STUDIES[study]),
        submitted_at="submitted_at",
        finished="session_completed",
    )
    take_file(warehouse.location.root, Request(file=str(file), wanted=wanted, scale="1-5", source=study))
    return warehouse


@pytest.mark.parametrize("study", STUDIES)
def test_published_means_come_out_exactly(tmp_path: Path, study: str) -> None:
    warehouse = imported(tmp_path, study)
    for question, (file, column) in STUDIES[study].items():
        found: list[dict[str, Any]] = warehouse.query(
            "SELECT photo_id, avg(value) AS mean FROM counted_ratings WHERE question = ? GROUP BY photo_id", [question]
        ).to_pylist()
        mean = {row["photo_id"]: row["mean"] for row in found}
        published = {photo_id_of(uri(row["image_key"])): float(row[column]) for row in rows_of(file)}
        assert mean == pytest.approx(published, abs=1e-12)
    rows = len(rows_of(f"votes_{study}.csv"))
    assert warehouse.tables["ratings"].count() == rows * len(STUDIES[study])  # every vote is kept
    unfinished = warehouse.query("SELECT count(*) AS n FROM ratings WHERE status = 'unfinished'").to_pylist()[0]["n"]
    assert unfinished > 0
    assert warehouse.query("SELECT count(*) AS n FROM ratings WHERE status = 'duplicate'").to_pylist() == [{"n": 0}]

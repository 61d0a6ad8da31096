"""`salon status`: what each stage has done, what waits for it and since when, for people and for Prometheus."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.context import open_run
from flows.deduplication.candidates import mark_compared, read_photos
from flows.filter import everything_passes
from flows.status import prometheus, status_of
from schemas.photos import PHOTOS, VERDICTS
from tests.benchmarks.synthetic_tables import MOMENT, filled, write_tables
from tests.command_line import salon
from warehouse.store import Warehouse

COUNT = 40


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return write_tables(str(tmp_path / "w"), COUNT)


def test_what_has_not_been_through_a_stage_waits_for_it_since_it_came(warehouse: Warehouse) -> None:
    run = open_run(warehouse.location.root)
    mark_compared(run, read_photos(run))
    ids = warehouse.table(PHOTOS).read(["photo_id"])["photo_id"]
    warehouse.table(VERDICTS).replace(everything_passes(ids.slice(10)))
    late = datetime(2026, 3, 1, tzinfo=UTC)
    warehouse.table(PHOTOS).insert(filled(PHOTOS, 1, photo_id="f" * 64, ingested_at=late))
    stages = {stage.name: stage for stage in status_of(run).stages}
    assert (stages["ingest"].done, stages["ingest"].waiting) == (COUNT + 1, 0)
    assert (stages["dedupe"].waiting, stages["dedupe"].waiting_since) == (1, late)
    assert (stages["filter"].done, stages["filter"].waiting) == (COUNT - 10, 11)
    assert stages["filter"].waiting_since == MOMENT
    assert (stages["embed"].done, stages["embed"].waiting) == (0, COUNT + 1)
    assert (stages["select"].waiting, stages["select"].waiting_since) == (COUNT - 10, None)
    assert stages["collect"].waiting == 0


def test_people_machines_and_prometheus_read_the_same_figures(
    warehouse: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = warehouse.location.root
    shown = salon(capfd, root, "status")
    assert "2026-01-01 00:00" in shown.out, "since when photos wait for the filter"
    told = json.loads(salon(capfd, root, "status", "--json", "--prometheus", tmp_path / "salon.prom").out)
    waiting = {stage["name"]: stage["waiting"] for stage in told["stages"]}
    assert waiting["filter"] == COUNT
    text = (tmp_path / "salon.prom").read_text()
    assert f'salon_stage_waiting{{stage="filter"}} {COUNT}' in text
    (lag,) = [line for line in text.splitlines() if line.startswith('salon_stage_lag_seconds{stage="filter"}')]
    assert float(lag.split()[-1]) > (datetime.now(UTC) - MOMENT).total_seconds() - 60
    assert prometheus(status_of(open_run(root))).startswith("# HELP salon_stage_done")

"""What stands now: the newest row of each rating's identity and of each photo's properties, however many there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.properties import PROPERTIES
from schemas.ratings import RATINGS, Rating
from tests.benchmarks.synthetic_tables import filled
from warehouse.store import Warehouse

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def rating(number: int, identity: int, minutes: int) -> Rating:
    return Rating(
        rating_id=f"{number:04}", identity=f"i{identity}", photo_id="p", rater_id="r", question="beauty", scale="1-7",
        scale_low=1, scale_high=7, value=1.0 + number % 7, role="rate", source="test", status="counted", simulated=True,
        recorded_at=MOMENT + timedelta(minutes=minutes),
    )  # fmt: skip


@pytest.mark.parametrize("identities", [1, 7, 40, 10_000])
def test_current_ratings_are_those_of_a_window_over_all_rows(tmp_path: Path, identities: int) -> None:
    rng = np.random.default_rng(identities)
    warehouse = Warehouse.create(str(tmp_path))
    rows = [rating(number, int(rng.integers(identities)), int(rng.integers(4))) for number in range(120)]
    warehouse.table(RATINGS).insert(rows[:70])
    warehouse.table(RATINGS).insert(rows[70:])
    newest = """SELECT rating_id FROM ratings QUALIFY row_number() OVER (
        PARTITION BY identity ORDER BY recorded_at DESC, rating_id) = 1 ORDER BY rating_id"""
    found = warehouse.query("SELECT * FROM current_ratings ORDER BY rating_id")
    assert found["rating_id"].to_pylist() == warehouse.query(newest)["rating_id"].to_pylist()
    assert found.column_names == RATINGS.schema.names


def test_current_properties_are_those_of_a_window_over_all_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    warehouse = Warehouse.create(str(tmp_path))
    for version in ("default@1", "default@2", "full@2", "default@10"):
        ids = pa.array([f"p{number}" for number in range(60) if rng.random() < 0.5])
        warehouse.table(PROPERTIES).insert(filled(PROPERTIES, len(ids), photo_id=ids, version=version))
    newest = """SELECT photo_id, version FROM properties QUALIFY row_number() OVER (PARTITION BY photo_id
        ORDER BY TRY_CAST(split_part(version, '@', 2) AS INTEGER) DESC, version DESC) = 1 ORDER BY photo_id"""
    found = warehouse.query("SELECT photo_id, version FROM current_properties ORDER BY photo_id")
    assert found.equals(warehouse.query(newest))
    assert len(set(found["version"].to_pylist())) == 4

"""What stands now: the newest row of each rating's identity and of each photo's properties, however many there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import NotEnoughMemory, WrongUse
from schemas.photos import DUPLICATES, PHOTOS, VERDICTS
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


def test_a_query_that_does_not_fit_says_how_to_give_it_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse.create(tmp_path)
    too_much = "SELECT list(n ORDER BY hash(n)) FROM (SELECT n FROM photos RIGHT JOIN range(4000000) t(n) ON false)"
    with pytest.raises(NotEnoughMemory, match=r"table photos: .* SALON_QUERY_MEMORY=4GB"):
        warehouse.query(too_much, memory="20MB")
    monkeypatch.setenv("SALON_QUERY_MEMORY", "20MB")
    with pytest.raises(NotEnoughMemory, match="SALON_QUERY_MEMORY=4GB"):
        warehouse.query_for_people(too_much)
    monkeypatch.setenv("SALON_QUERY_MEMORY", "2GB")
    assert len(warehouse.query(too_much, memory="20MB").column(0)[0]) == 4_000_000
    monkeypatch.setenv("SALON_QUERY_MEMORY", "much")
    with pytest.raises(WrongUse, match="SALON_QUERY_MEMORY: expected a size such as 4GB, got 'much'"):
        warehouse.query("SELECT 1")


def test_kept_and_unjudged_photos_are_those_that_texts_tell(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    rng = np.random.default_rng(0)
    ids = [f"photo {k}" for k in range(300)]
    warehouse.table(PHOTOS).insert(filled(PHOTOS, 300, photo_id=pa.array(ids), uri=pa.array(ids)))
    copies, originals = pa.array(ids[:40]), pa.array(ids[40:80])
    warehouse.table(DUPLICATES).insert(filled(DUPLICATES, 40, photo_id=copies, representative_id=originals))
    for rule in ("dark", "blank", "blurred"):
        some = pa.array([photo for photo in ids if rng.random() < 0.6])
        kept = pa.array(rng.random(len(some)) < 0.7)
        warehouse.table(VERDICTS).insert(filled(VERDICTS, len(some), photo_id=some, rule=rule, kept=kept))
    by_text = "SELECT photo_id FROM verdicts GROUP BY photo_id"
    for view, told in (
        ("kept", f"SEMI JOIN ({by_text} HAVING bool_and(kept)) v USING (photo_id)"),
        ("unjudged", f"ANTI JOIN ({by_text}) v USING (photo_id)"),
    ):
        found = warehouse.query(f"SELECT photo_id FROM {view} ORDER BY photo_id")
        assert found == warehouse.query(f"SELECT photo_id FROM representatives {told} ORDER BY photo_id")
        assert 10 < found.num_rows < 200
    assert warehouse.query("SELECT count(*) AS n FROM judged") == warehouse.query(
        f"SELECT count(*) AS n FROM ({by_text})"
    )

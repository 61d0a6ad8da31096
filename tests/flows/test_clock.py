"""A clock that jumps back loses nothing: the correction that came last stands, whatever time it was recorded at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import import_ratings
from flows.import_ratings import Request, take_file
from labeling.labelstudio.votes import new_rows, withdrawals
from schemas.ratings import RATINGS, Rating
from tests.labeling.photos import warehouse_with
from warehouse.store import Warehouse


class Clock(datetime):
    """The clock of this machine, set back by some days."""

    days = 0

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) - timedelta(days=cls.days)


def take(warehouse: Warehouse, folder: Path, value: int) -> None:
    path = folder / "votes.csv"
    path.write_text(f"photo,rater,score\na,ana,{value}\nb,ana,3\n")
    take_file(warehouse.location.root, Request(file=str(path), scale="1-7"))


def test_corrections_of_an_import_stand_when_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = warehouse_with(tmp_path / "w", ["/photos/a.jpg", "/photos/b.jpg"])
    monkeypatch.setattr(import_ratings, "datetime", Clock)
    for days, value in enumerate((2, 5, 2, 6)):
        monkeypatch.setattr(Clock, "days", days)  # each correction a day before the last
        take(warehouse, tmp_path, value)
        rows = warehouse.query("SELECT value FROM counted_ratings ORDER BY value").to_pylist()
        assert sorted([float(value), 3.0]) == [row["value"] for row in rows]
    assert warehouse.table(RATINGS).count() == 5, "every version is kept"


def rating(**changes: object) -> Rating:
    fields: dict[str, object] = {
        "rating_id": "first", "identity": "i", "photo_id": "p", "rater_id": "r", "question": "q", "scale": "acr-5",
        "scale_low": 1.0, "scale_high": 5.0, "value": 3.0, "role": "rate", "source": "s", "status": "counted",
        "simulated": False, "recorded_at": datetime(2026, 1, 2, tzinfo=UTC),
    }  # fmt: skip
    return Rating(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any change


def test_changes_and_withdrawals_of_label_studio_stand_when_the_clock_was_set_back() -> None:
    standing = rating()
    earlier = datetime(2026, 1, 1, tzinfo=UTC)
    (changed,) = new_rows([rating(value=4.0, recorded_at=earlier)], {"i": standing})
    assert changed.recorded_at > standing.recorded_at
    (gone,) = withdrawals([changed], earlier)
    assert gone.recorded_at > changed.recorded_at
    (later,) = new_rows([rating(value=4.0, recorded_at=datetime(2027, 1, 1, tzinfo=UTC))], {"i": standing})
    assert later.recorded_at == datetime(2027, 1, 1, tzinfo=UTC), "a clock that goes forward is believed"

"""Rows that were released before come first, as they stood."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from flows.release.order import as_first_released

NAMES = st.lists(st.text("abcdef", min_size=1, max_size=3), max_size=40, unique=True)


def ratings(names: list[str]) -> dict[str, pa.Table]:
    return {"ratings": pa.table({"rating_id": pa.array(names, pa.string()), "value": [float(len(n)) for n in names]})}


@given(NAMES, NAMES)
def test_rows_of_the_version_before_keep_their_order_and_new_ones_follow(old: list[str], new: list[str]) -> None:
    found = as_first_released(ratings(new), ratings(old))["ratings"]
    assert found["rating_id"].to_pylist() == [n for n in old if n in new] + [n for n in new if n not in old]
    assert found["value"].to_pylist() == [len(name) for name in found["rating_id"].to_pylist()]
    assert as_first_released({"ratings": found}, ratings(old))["ratings"].equals(found)


def test_a_table_that_the_version_before_did_not_have_stays_as_it_is() -> None:
    assert as_first_released(ratings(["b", "a"]), {})["ratings"]["rating_id"].to_pylist() == ["b", "a"]

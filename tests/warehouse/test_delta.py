"""Writes are insert-only, atomic and safe beside other writers; derived tables are replaced only when they differ."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns import column
from schemas.errors import IntegrityFault, WarehouseVersion, WrongUse
from schemas.photos import DUPLICATES, FINGERPRINTS, Duplicate, Fingerprint
from warehouse.delta import Table
from warehouse.digests import digest
from warehouse.filesystem import Location
from warehouse.marker import MARKER
from warehouse.store import Warehouse


def fingerprint(number: int, **changes: object) -> Fingerprint:
    fields: dict[str, object] = {
        "photo_id": f"{number:064x}",
        "method": "phash64@1",
        "bits": number.to_bytes(8, "big"),
    }
    return Fingerprint(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any change


def duplicate(photo: str, **changes: object) -> Duplicate:
    fields: dict[str, object] = {
        "photo_id": photo,
        "group_id": "g",
        "representative_id": "a",
        "relation": "near",
        "distance": 1.0,
        "method": "phash64@1",
        "reason": "test",
    }
    return Duplicate(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any change


def test_inserting_the_same_rows_again_adds_nothing_and_makes_no_version(tmp_path: Path) -> None:
    table = Warehouse.create(tmp_path).table(FINGERPRINTS)
    rows = [fingerprint(n) for n in range(50)]
    assert table.insert(rows) == 50
    version = table.version
    assert table.insert(rows) == 0
    assert table.insert([*rows, fingerprint(50), fingerprint(50)]) == 1
    assert table.version == version + 1
    assert table.count() == 51


@settings(max_examples=15, deadline=None)
@given(shards=st.lists(st.lists(st.integers(0, 40), max_size=25), max_size=6))
def test_any_sequence_of_overlapping_inserts_holds_each_key_once(shards: list[list[int]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        location = Location.of(root)
        for shard in shards:
            Table(location, FINGERPRINTS).insert([fingerprint(n) for n in shard])  # as a new process would start
        ids = Table(location, FINGERPRINTS).read(["photo_id"])["photo_id"].to_pylist()
    assert sorted(ids) == sorted({f"{n:064x}" for shard in shards for n in shard})


WRITER = """
import sys
from warehouse.store import Warehouse
from schemas.photos import FINGERPRINTS, Fingerprint
table = Warehouse.open(sys.argv[1]).table(FINGERPRINTS)
for start in range(0, 400, 40):
    table.insert([Fingerprint(photo_id=f"{n:064x}", method="m", bits=b"12345678") for n in range(start, start + 60)])
"""


def test_three_processes_that_insert_the_same_keys_at_once_leave_each_key_once(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    ids = warehouse.table(FINGERPRINTS).read(["photo_id"])["photo_id"].to_pylist()
    assert sorted(ids) == [f"{n:064x}" for n in range(420)]


def test_replacing_with_equal_rows_in_another_order_writes_nothing(tmp_path: Path) -> None:
    table = Warehouse.create(tmp_path).table(DUPLICATES)
    rows = [duplicate("a", relation="representative"), duplicate("b")]
    assert table.replace(rows)
    version = table.version
    assert not table.replace(rows[::-1])
    assert table.version == version
    assert table.replace([duplicate("b", distance=2.0)], where="photo_id = 'b'")
    assert table.read(["photo_id", "distance"]).sort_by("photo_id").to_pylist() == [
        {"photo_id": "a", "distance": 1.0},
        {"photo_id": "b", "distance": 2.0},
    ]
    assert table.read(version=version).num_rows == 2, "older versions stay readable"


def test_replacing_refuses_rows_that_repeat_a_key(tmp_path: Path) -> None:
    with pytest.raises(IntegrityFault, match="1 rows repeat a key"):
        Warehouse.create(tmp_path).table(DUPLICATES).replace([duplicate("a"), duplicate("a")])


def test_a_null_in_a_required_column_is_refused_by_name(tmp_path: Path) -> None:
    rows = pa.table({"photo_id": ["a"], "method": ["m"], "bits": pa.array([None], pa.binary())})
    with pytest.raises((IntegrityFault, ValueError), match="bits"):
        Warehouse.create(tmp_path).table(FINGERPRINTS).insert(rows)


def test_deleted_keys_may_be_inserted_again(tmp_path: Path) -> None:
    table = Warehouse.create(tmp_path).table(FINGERPRINTS)
    table.insert([fingerprint(1), fingerprint(2)])
    assert table.delete(f"photo_id = '{1:064x}'") == 1
    assert table.insert([fingerprint(1), fingerprint(2)]) == 1


def test_after_a_delete_rows_are_still_found_by_text(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    table = warehouse.table(FINGERPRINTS)
    table.insert([fingerprint(n) for n in range(6)])
    version = table.version
    assert table.delete("photo_id = 'nobody'") == 0
    assert table.version == version, "nothing to delete, nothing written"
    assert table.delete(f"photo_id IN ('{1:064x}', '{2:064x}')") == 2
    wanted = [f"{n:064x}" for n in (2, 3, 4)]
    assert table.read(["photo_id"], where=pc.field("photo_id").isin(wanted)).num_rows == 2
    text = "SELECT count(*) AS n FROM fingerprints WHERE photo_id IN (?, ?)"
    assert warehouse.query(text, wanted[:2]).to_pylist() == [{"n": 1}]
    literal = f"SELECT count(*) AS n FROM fingerprints WHERE photo_id = '{3:064x}'"
    assert warehouse.query_for_people(literal).to_pylist() == [{"n": 1}]


def test_the_digest_ignores_order_and_chunks_but_sees_every_value() -> None:
    one = pa.table({"k": ["a", "b", None], "v": [1.0, 0.1 + 0.2, None], "l": [[1.0], None, []]})
    same = pa.concat_tables([one.slice(1), one.slice(0, 1)])
    nearly = one.set_column(1, "v", pa.array([1.0, 0.3, None]))
    other = one.set_column(1, "v", pa.array([1.0, 0.3001, None]))
    assert digest(one, ["k"]) == digest(same, ["k"]) == digest(nearly, ["k"])
    assert digest(one, ["k"]) != digest(other, ["k"])
    assert digest(one, ["k"]) != digest(one.set_column(2, "l", pa.array([[1.0], [], []])), ["k"])


@dataclass(frozen=True, kw_only=True)
class LaterDuplicate(Duplicate):
    """The record as a later Salon may have it: with one more optional column."""

    looked_at_by: str | None = column("who looked at it", optional=True)


def test_a_table_made_before_a_column_was_added_is_read_and_written_with_it(tmp_path: Path) -> None:
    location = Location.of(tmp_path)
    earlier = Table(location, DUPLICATES)
    earlier.insert([duplicate("a")])
    later = Table(location, replace(DUPLICATES, row=LaterDuplicate))
    assert later.read(["photo_id", "looked_at_by"]).to_pylist() == [{"photo_id": "a", "looked_at_by": None}]
    later.insert([LaterDuplicate(**asdict(duplicate("b")), looked_at_by="ana")])
    assert later.read(["looked_at_by"])["looked_at_by"].to_pylist().count("ana") == 1
    assert later.read(["photo_id", "looked_at_by"], version=1).to_pylist() == [{"photo_id": "a", "looked_at_by": None}]


def test_people_can_read_tables_and_nothing_else(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    warehouse.table(FINGERPRINTS).insert([fingerprint(7)])
    assert warehouse.query_for_people("SELECT count(*) AS n FROM fingerprints").to_pylist() == [{"n": 1}]
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    for text in (
        "DROP TABLE fingerprints",
        "SELECT 1; SELECT 2",
        f"SELECT * FROM '{secret}'",
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY fingerprints TO '{tmp_path}/out.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM no_such_table",
    ):
        with pytest.raises(WrongUse):
            warehouse.query_for_people(text)
    assert not (tmp_path / "out.csv").exists()


def test_a_warehouse_of_a_newer_salon_is_refused_in_one_sentence(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    (tmp_path / MARKER).write_text('{"schema_version": 99}')
    with pytest.raises(WarehouseVersion, match="made by a newer Salon"):
        Warehouse.open(tmp_path)


def test_a_folder_without_a_warehouse_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="salon init"):
        Warehouse.open(tmp_path)

"""Warehouses and releases of every schema version so far are opened; migrations go forward, never backward."""

from __future__ import annotations

import tarfile
from pathlib import Path

import datasets
import pytest

from schemas.errors import WarehouseVersion, WrongUse
from schemas.photos import FINGERPRINTS, PHOTOS, Fingerprint
from schemas.ratings import RATINGS, SCORES
from schemas.tables import SCHEMA_VERSION
from warehouse.filesystem import Location
from warehouse.marker import Marker, read_marker, write_marker
from warehouse.migrations import MIGRATIONS, migrate, refuse_other_version
from warehouse.releases.verify import verify
from warehouse.store import Warehouse

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
VERSIONS = sorted(int(path.name.split("-")[2].split(".")[0]) for path in FIXTURES.glob("warehouse-schema-*.tar.gz"))


def unpacked(version: int, to: Path) -> Path:
    with tarfile.open(FIXTURES / f"warehouse-schema-{version}.tar.gz") as archive:
        archive.extractall(to, filter="data")
    return to / "warehouse"


def test_there_is_a_fixture_and_a_migration_of_every_version() -> None:
    assert [*range(1, SCHEMA_VERSION)] == sorted(MIGRATIONS)
    assert [*range(1, SCHEMA_VERSION + 1)] == VERSIONS, "python -m tests.fixtures.make_warehouse, once per version"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_warehouse_of_an_earlier_version_is_brought_forward_read_and_written(version: int, tmp_path: Path) -> None:
    root = unpacked(version, tmp_path)
    assert migrate(root) == [*range(version + 1, SCHEMA_VERSION + 1)]
    assert migrate(root) == []
    warehouse = Warehouse.open(root)
    assert (warehouse.table(PHOTOS).count(), warehouse.table(RATINGS).count()) == (7, 24)
    for table in warehouse.tables.values():
        assert table.read().schema.equals(table.spec.schema), table.spec.name
    rows = warehouse.query("SELECT count(DISTINCT photo_id) AS n, bool_and(simulated) AS s FROM scores").to_pylist()
    assert rows == [{"n": 6, "s": True}]
    assert warehouse.table(SCORES).count() >= 6
    assert warehouse.table(FINGERPRINTS).insert([Fingerprint(photo_id="f" * 64, method="m", bits=b"12345678")]) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_release_of_an_earlier_version_verifies_and_loads(version: int, tmp_path: Path) -> None:
    release = unpacked(version, tmp_path) / "releases" / "fixture" / "1.0.0"
    assert not verify(release).faults
    loaded = datasets.load_dataset(str(release), "scores", cache_dir=str(tmp_path / "cache"))
    rows = [row for split in loaded.values() for row in split]
    assert sorted(row["n"] for row in rows) == [4] * 6
    assert {round(row["mos"], 6) for row in rows} <= {2.25, 2.5, 2.75, 3.0, 3.25, 3.5}


def test_steps_are_taken_in_order_and_a_step_that_was_killed_is_taken_again(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    location = Location.of(tmp_path)
    tables = read_marker(location).tables
    write_marker(location, Marker(1, tables))
    taken: list[int] = []

    def broken(_: Location) -> None:
        taken.append(2)
        raise OSError("killed")

    steps = {1: lambda _: taken.append(1), 2: broken}
    with pytest.raises(OSError, match="killed"):
        migrate(tmp_path, steps, 3)
    assert (taken, read_marker(location)) == ([1, 2], Marker(2, tables))
    assert migrate(tmp_path, {1: steps[1], 2: lambda _: taken.append(20)}, 3) == [3]
    assert taken == [1, 2, 20]


def test_other_versions_are_refused_with_what_to_do(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    location = Location.of(tmp_path)
    with pytest.raises(WarehouseVersion, match=r"made by an older Salon .* run `salon maintain`"):
        refuse_other_version(location, SCHEMA_VERSION, SCHEMA_VERSION + 1)
    write_marker(location, Marker(SCHEMA_VERSION + 1))
    for attempt in (Warehouse.open, migrate):
        with pytest.raises(WarehouseVersion, match=r"made by a newer Salon .* install that Salon"):
            attempt(tmp_path)
    with pytest.raises(WrongUse, match="no warehouse here"):
        migrate(tmp_path / "nothing")

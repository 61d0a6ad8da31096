"""Pictures in shards: every wanted one once, whatever was written, deleted or compacted in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.photos import PICTURES, Picture
from warehouse.delta import Table
from warehouse.pictures import picture_shards, read_pictures
from warehouse.store import Warehouse


def picture(number: int, version: str = "canonical@1") -> Picture:
    return Picture(photo_id=f"{number:064x}", version=version, width=1, height=1, bytes=f"{version} {number}".encode())


@pytest.fixture
def table(tmp_path: Path) -> Table:
    made = Warehouse.create(tmp_path / "wh").table(PICTURES)
    for start in (0, 10, 20):
        made.insert([picture(n) for n in range(start, start + 10)])
    made.insert([picture(n, "canonical@2") for n in range(30)])
    return made


def read(table: Table, wanted: list[int], rows: int = 4) -> dict[str, bytes]:
    shards = picture_shards(table, "canonical@1", [f"{n:064x}" for n in wanted], rows)
    assert all(1 <= len(shard.photo_ids) <= rows for shard in shards)
    pairs = [pair for shard in shards for pair in read_pictures(table, "canonical@1", shard, rows=3)]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def expected(wanted: list[int]) -> dict[str, bytes]:
    return {f"{n:064x}": f"canonical@1 {n}".encode() for n in wanted}


def test_every_wanted_picture_comes_once_and_in_its_version(table: Table) -> None:
    assert read(table, list(range(30))) == expected(list(range(30)))
    assert read(table, [3, 4, 25]) == expected([3, 4, 25])
    assert read(table, [99]) == {}


def test_deleted_rows_are_gone_and_the_files_written_then_are_read(table: Table) -> None:
    table.delete(f"photo_id = '{5:064x}'")
    assert read(table, [4, 5, 6]) == expected([4, 6])
    table.insert([picture(5)])
    assert read(table, [4, 5, 6]) == expected([4, 5, 6])


def test_a_shard_whose_file_was_compacted_away_is_still_read(table: Table) -> None:
    shards = picture_shards(table, "canonical@1", [f"{n:064x}" for n in range(30)], 100)
    table.delta().optimize.compact()
    pairs = [pair for shard in shards for pair in read_pictures(table, "canonical@1", shard)]
    assert dict(pairs) == expected(list(range(30)))
    assert len(pairs) == 30

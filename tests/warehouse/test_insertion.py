"""An insert in pieces is one commit, with each key once, whoever writes beside it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from schemas.photos import DUPLICATE_PAIRS, PICTURES, DuplicatePair, Picture
from warehouse.delta import Table
from warehouse.filesystem import Location
from warehouse.insertion import Insertion


def picture(number: int, size: int = 100) -> Picture:
    return Picture(photo_id=f"{number:064x}", version="canonical@1", width=1, height=1, bytes=b"\xff" * size)


def new_table(folder: Path) -> Table:
    table = Table(Location.of(folder), PICTURES)
    table.create()
    return table


def numbers(table: Table) -> list[int]:
    return sorted(int(text, 16) for text in table.read(["photo_id"])["photo_id"].to_pylist())


def test_pieces_are_one_commit_that_nobody_sees_before_its_end(tmp_path: Path) -> None:
    table, reader = new_table(tmp_path), Table(Location.of(tmp_path), PICTURES)
    insertion = Insertion(table)
    for start in (0, 5, 10):
        insertion.add([picture(n) for n in range(start, start + 5)])
    assert (reader.count(), reader.version) == (0, 0)
    assert insertion.commit() == 15
    assert insertion.commit() == 15  # the same again changes nothing
    assert (numbers(reader), reader.version) == (list(range(15)), 1)
    assert reader.read().schema == PICTURES.schema
    whole = new_table(tmp_path / "whole")
    whole.insert([picture(n) for n in range(15)])
    assert reader.digest() == whole.digest()


def test_keys_that_are_there_and_keys_that_repeat_go_in_once(tmp_path: Path) -> None:
    table = new_table(tmp_path)
    table.insert([picture(1), picture(2)])
    insertion = Insertion(table)
    insertion.add([picture(2), picture(3), picture(3)])
    insertion.add([picture(3), picture(4)])
    assert insertion.commit() == 2
    assert numbers(table) == [1, 2, 3, 4]
    nothing = Insertion(table)
    nothing.add([picture(n) for n in range(1, 5)])
    assert (nothing.commit(), table.version) == (0, 2)


def test_a_writer_that_comes_first_with_some_of_the_keys_costs_no_row_and_doubles_none(tmp_path: Path) -> None:
    table, other = new_table(tmp_path), Table(Location.of(tmp_path), PICTURES)
    insertion = Insertion(table)
    insertion.add([picture(n) for n in range(10)])
    other.insert([picture(n) for n in range(5, 15)])
    assert insertion.commit() == 5
    assert numbers(table) == list(range(15))
    assert len(list((tmp_path / "tables" / "pictures").glob("*.parquet"))) == 2  # the first try's file is gone


def test_a_writer_that_comes_first_with_other_keys_changes_nothing(tmp_path: Path) -> None:
    table, other = new_table(tmp_path), Table(Location.of(tmp_path), PICTURES)
    insertion = Insertion(table)
    insertion.add([picture(n) for n in range(10)])
    other.insert([picture(20)])
    assert insertion.commit() == 10
    assert numbers(table) == [*range(10), 20]


def test_what_is_discarded_leaves_neither_row_nor_file(tmp_path: Path) -> None:
    table = new_table(tmp_path)
    insertion = Insertion(table)
    insertion.add([picture(1)])
    insertion.discard()
    assert table.count() == 0
    assert not list((tmp_path / "tables" / "pictures").glob("*.parquet"))


def test_each_piece_is_a_row_group_and_pictures_are_not_compressed_again(tmp_path: Path) -> None:
    table = new_table(tmp_path)
    insertion = Insertion(table)
    for n in range(3):
        insertion.add([picture(n, 50_000)])
    insertion.commit()
    found = pq.ParquetFile(next((tmp_path / "tables" / "pictures").glob("*.parquet"))).metadata
    assert found.num_row_groups == 3
    assert found.row_group(0).column(PICTURES.schema.get_field_index("bytes")).compression == "UNCOMPRESSED"


def test_a_table_of_an_older_salon_gains_its_new_columns(tmp_path: Path) -> None:
    def pair(number: int) -> DuplicatePair:
        name = f"{number:064x}"
        return DuplicatePair(
            photo_a=name, photo_b="f" * 64, method="m", distance=0, verified=True, measure=1, relation="near", look="l"
        )

    older = pa.schema([field for field in DUPLICATE_PAIRS.schema if field.name not in ("look", "agreeing")])
    rows = DUPLICATE_PAIRS.to_arrow([pair(1)]).select(older.names).cast(older)
    write_deltalake(str(tmp_path / "tables" / "duplicate_pairs"), rows)
    table = Table(Location.of(tmp_path), DUPLICATE_PAIRS)
    for number in (2, 3):
        insertion = Insertion(table)
        insertion.add([pair(number)])
        assert insertion.commit() == 1
    assert sorted(table.read()["look"].to_pylist(), key=str) == [None, "l", "l"]
    assert table.version == 3  # one version for the columns, one for each insert

"""Votes from files: what gets in, what is refused and named, and that the same again adds nothing."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.import_ratings import Request, import_ratings, take_file
from flows.outcome import Outcome
from labeling.identity import content_id, identity, moment, pseudonym
from labeling.importing.columns import Wanted
from schemas.errors import BadInput, WrongUse
from tests.labeling.photos import photo_id_of, warehouse_with
from warehouse.store import Warehouse

KEY = "k" * 32
URIS = ["/one/cat.jpg", "/one/dog.jpg", "/two/dog.jpg", "s3://box/tree.of.life.png"]
HEADER = ["photo", "rater", "score"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with photos, made once: a copy of it is made much faster than another one."""
    folder = tmp_path_factory.mktemp("template") / "wh"
    warehouse_with(folder, URIS)
    return folder


@pytest.fixture
def warehouse(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", KEY)
    return Warehouse.open(shutil.copytree(template, tmp_path / "wh"))


def written(folder: Path, rows: Iterable[Sequence[object]], header: Sequence[str] = HEADER) -> str:
    path = folder / "votes.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return str(path)


def take(warehouse: Warehouse, file: str, **more: Any) -> Outcome:
    """Without Prefect, whose server takes a second a run; the last test takes the flow itself."""
    about = {name: more.pop(name) for name in ("scale", "source", "simulated") if name in more}
    request = Request(file=file, wanted=Wanted(**more), **{"scale": "1-7", **about})
    return take_file(warehouse.location.root, request)


def ratings(warehouse: Warehouse) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.query("SELECT * FROM ratings ORDER BY ALL").to_pylist()
    return rows


def test_a_photo_is_found_by_id_uri_file_name_stem_and_path(warehouse: Warehouse, tmp_path: Path) -> None:
    tree = photo_id_of("s3://box/tree.of.life.png")
    names = [tree, f"sha256:{tree.upper()}", "s3://box/tree.of.life.png", "tree.of.life.png", "tree.of.life"]
    take(warehouse, written(tmp_path, [(name, f"r{n}", 4) for n, name in enumerate([*names, "box/tree.of.life.png"])]))
    rows = ratings(warehouse)
    assert [row["photo_id"] for row in rows] == [tree] * 6


def test_a_name_that_two_photos_share_is_a_fault_and_its_path_is_not(warehouse: Warehouse, tmp_path: Path) -> None:
    outcome = take(warehouse, written(tmp_path, [("dog.jpg", "a", 4), ("two/dog.jpg", "a", 4), ("dog", "b", 3)]))
    assert [row["photo_id"] for row in ratings(warehouse)] == [photo_id_of("/two/dog.jpg")]
    assert outcome.counts["rejected: ambiguous_photo"] == 2
    assert "line 2" in outcome.notes[0] and "'photo'" in outcome.notes[0]


FAULTS = [
    ("999", "off_scale", 2),
    ("-2", "off_scale", 2),
    ("3.5", "off_scale", 2),
    ("nice", "not_a_number", 2),
    ("nan", "not_a_number", 2),
    ("inf", "not_a_number", 2),
    ("1e999", "not_a_number", 2),
    ("", "missing_score", 2),
    ("elephant.jpg", "unknown_photo", 0),
    ("", "missing_photo", 0),
    ("  ", "missing_rater", 1),
]


def test_spoiled_rows_are_named_by_line_and_field_and_the_others_are_taken(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows: list[list[object]] = [["cat.jpg", f"r{n}", 5] for n in range(2 * len(FAULTS))]
    for number, (text, _, column) in enumerate(FAULTS):
        rows[2 * number][column] = text
    outcome = take(warehouse, written(tmp_path, rows))
    assert [row["value"] for row in ratings(warehouse)] == [5] * len(FAULTS)
    for number, (_, _, column) in enumerate(FAULTS):
        assert f"votes.csv, line {2 * number + 2}, field '{HEADER[column]}'" in outcome.notes[number]
    rejected = warehouse.query("SELECT place, reason FROM rejected_ratings ORDER BY place::INT").to_pylist()
    assert [(int(row["place"]), row["reason"]) for row in rejected] == [
        (2 * number + 2, reason) for number, (_, reason, _) in enumerate(FAULTS)
    ]


def test_lines_are_counted_over_quoted_line_breaks_and_blank_lines(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(b'\xef\xbb\xbfnote;photo;rater;score\r\n"two\r\nlines";cat.jpg;a;4\r\n\r\nx;cat.jpg;b;77\r\n')
    outcome = take(warehouse, str(path))
    assert "line 5" in outcome.notes[0]
    assert [row["value"] for row in ratings(warehouse)] == [4]


def test_a_row_with_too_few_fields_is_a_fault(warehouse: Warehouse, tmp_path: Path) -> None:
    outcome = take(warehouse, written(tmp_path, [("cat.jpg", "a", 4), ("cat.jpg", "b")]))
    assert "line 3" in outcome.notes[0] and "expected 3 fields, got 2" in outcome.notes[0]


def test_a_doubled_row_is_taken_once_and_said(warehouse: Warehouse, tmp_path: Path) -> None:
    outcome = take(warehouse, written(tmp_path, [("cat.jpg", "a", 4), ("dog.jpg", "a", 4), ("cat.jpg", "a", 4)]))
    assert len(ratings(warehouse)) == 1
    assert any("line 4" in note and "doubled" in note and "line 2" in note for note in outcome.notes)


def test_a_second_score_that_nothing_tells_apart_is_kept_as_duplicate(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, written(tmp_path, [("cat.jpg", "a", 4), ("cat.jpg", "a", 6)]))
    assert {(row["value"], row["status"]) for row in ratings(warehouse)} == {(4, "counted"), (6, "duplicate")}
    assert [row["value"] for row in warehouse.query("SELECT * FROM counted_ratings").to_pylist()] == [4]


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [("submitted_at", "2024-01-01 10:00:00.5", "2024-01-01T11:00:00+00:00"), ("position", "1", "2")],
)
def test_votes_at_other_times_or_positions_are_two_ratings(
    warehouse: Warehouse, tmp_path: Path, column: str, first: str, second: str
) -> None:
    file = written(tmp_path, [("cat.jpg", "a", 4, first), ("cat.jpg", "a", 4, second)], [*HEADER, column])
    take(warehouse, file)
    assert [row["status"] for row in ratings(warehouse)] == ["counted", "counted"]


def test_the_same_file_again_adds_nothing_and_writes_no_version(warehouse: Warehouse, tmp_path: Path) -> None:
    file = written(tmp_path, [("cat.jpg", "a", 4), ("cat.jpg", "a", 6), ("dog.jpg", "b", 1), ("cat.jpg", "b", 9)])
    take(warehouse, file)
    versions = {name: table.version for name, table in warehouse.tables.items()}
    outcome = take(warehouse, file)
    assert outcome.counts["new in the table"] == 0
    assert {name: table.version for name, table in warehouse.tables.items()} == versions


def test_a_corrected_file_corrects_and_may_be_corrected_back(warehouse: Warehouse, tmp_path: Path) -> None:
    for value in (4, 6, 4, 6):
        take(warehouse, written(tmp_path, [("cat.jpg", "a", value)]))
        standing = warehouse.query("SELECT value FROM counted_ratings").to_pylist()
        assert standing == [{"value": value}]
    assert len(ratings(warehouse)) == 4


def test_a_withdrawn_vote_stays_withdrawn(warehouse: Warehouse, tmp_path: Path) -> None:
    from schemas.ratings import RATINGS

    file = written(tmp_path, [("cat.jpg", "a", 4)])
    take(warehouse, file)
    row = ratings(warehouse)[0]
    later = {**row, "rating_id": "w", "status": "withdrawn", "value": None, "recorded_at": datetime.now(UTC)}
    warehouse.table(RATINGS).insert(pa.Table.from_pylist([later], RATINGS.schema))
    assert take(warehouse, file).counts["new in the table"] == 0
    assert warehouse.query("SELECT * FROM counted_ratings").num_rows == 0


def test_hashes_are_those_of_labeling_identity(warehouse: Warehouse, tmp_path: Path) -> None:
    file = written(tmp_path, [("cat.jpg", "Zoë", 4, "2024-01-01 10:00:00.5")], [*HEADER, "submitted_at"])
    take(warehouse, file, source="stüdy", question="composition")
    row = ratings(warehouse)[0]
    rater = pseudonym(KEY.encode(), "stüdy", "Zoë")
    when = moment(datetime(2024, 1, 1, 10, 0, 0, 500000, tzinfo=UTC), None, 1)
    wanted = identity("stüdy", rater, photo_id_of("/one/cat.jpg"), "composition", when)
    assert (row["rater_id"], row["identity"]) == (rater, wanted)
    assert row["rating_id"] == content_id(wanted, 4.0, "counted", "1-7")


def test_raters_of_two_namespaces_are_two_people(warehouse: Warehouse, tmp_path: Path) -> None:
    file = written(tmp_path, [("cat.jpg", "3", 4)])
    take(warehouse, file, source="a")
    take(warehouse, file, source="b")
    assert len({row["rater_id"] for row in ratings(warehouse)}) == 2


def test_several_score_columns_are_several_questions(warehouse: Warehouse, tmp_path: Path) -> None:
    file = written(tmp_path, [("cat.jpg", "a", 1, 5), ("", "a", 1, 5)], ["photo", "rater", "appeal", "realism"])
    outcome = take(warehouse, file, scores=("appeal", "realism"))
    assert {(row["question"], row["value"]) for row in ratings(warehouse)} == {("appeal", 1), ("realism", 5)}
    assert outcome.counts["rejected: missing_photo"] == 1  # one row at fault is one fault


def test_unfinished_sessions_are_kept_and_not_counted(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [("cat.jpg", "a", 4, "True"), ("cat.jpg", "b", 5, "false"), ("cat.jpg", "c", 5, "perhaps")]
    outcome = take(warehouse, written(tmp_path, rows, [*HEADER, "done"]), finished="done")
    assert [row["value"] for row in warehouse.query("SELECT * FROM counted_ratings").to_pylist()] == [4]
    assert outcome.counts["status unfinished"] == 1
    assert outcome.counts["rejected: bad_field"] == 1


def test_parquet_is_read_like_csv(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "votes.parquet"
    when = datetime(2024, 5, 1, tzinfo=UTC)
    rows = [
        {"photo": "cat.jpg", "rater": 3, "score": 4.0, "submitted_at": when, "seconds": 2.5},
        {"photo": "cat.jpg", "rater": 4, "score": None, "submitted_at": when, "seconds": 2.5},
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    outcome = take(warehouse, str(path), simulated=True)
    assert [(row["value"], row["submitted_at"], row["seconds"], row["simulated"]) for row in ratings(warehouse)] == [
        (4, when, 2.5, True)
    ]
    assert "row 2" in outcome.notes[0] and "'score'" in outcome.notes[0]


def test_a_scale_must_be_given_and_make_sense(warehouse: Warehouse, tmp_path: Path) -> None:
    file = written(tmp_path, [("cat.jpg", "a", 4)])
    for scale in (None, "seven", "7-1"):
        with pytest.raises(WrongUse, match="--scale"):
            take(warehouse, file, scale=scale)
    take(warehouse, written(tmp_path, [("cat.jpg", "a", -0.25)]), scale="-1.0..1.0")
    assert ratings(warehouse)[0]["scale"] == "-1.0..1.0"


def test_a_file_with_nothing_usable_is_one_sentence(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="line 2, field 'score'"):
        take(warehouse, written(tmp_path, [("cat.jpg", "a", 99)]))
    with pytest.raises(BadInput, match="no rows"):
        take(warehouse, written(tmp_path, []))
    assert ratings(warehouse) == []


def test_raters_names_are_in_no_table(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, written(tmp_path, [("cat.jpg", "Franziska", 4), ("cat.jpg", "Franziska", 99)]))
    for table in ("ratings", "rejected_ratings"):
        assert "Franziska" not in str(warehouse.query(f"SELECT * FROM {table}").to_pylist())


def test_the_flow_takes_a_file_and_its_outcome_is_the_same(warehouse: Warehouse, tmp_path: Path) -> None:
    file = written(tmp_path, [("cat.jpg", "a", 4), ("dog.jpg", "a", 4)], ["p", "r", "s"])
    outcome = import_ratings(root=warehouse.location.root, file=file, photo="p", rater="r", scores=("s",), scale="1-7")
    assert (outcome.counts["new in the table"], outcome.counts["rejected: ambiguous_photo"]) == (1, 1)

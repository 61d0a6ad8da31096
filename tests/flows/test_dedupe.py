"""`salon dedupe` on real photos: the right groups, in any order of arrival, once and for all."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from prefect import task_engine

from curation.duplicates.comparison import LOOK
from flows.context import open_run
from flows.dedupe import dedupe
from flows.deduplication.evaluating import evaluate, read_pairs
from flows.embed import embed
from flows.ingest import ingest
from flows.outcome import Outcome
from schemas.errors import BadInput
from schemas.photos import BURSTS, COMPARED, DUPLICATE_PAIRS, DUPLICATES, PICTURES
from schemas.settings import DedupeSettings
from tests.conftest import real_data
from warehouse.store import Warehouse

TABLES = (DUPLICATE_PAIRS, DUPLICATES, BURSTS, COMPARED)


def take_in(root: Path, photos: list[Path]) -> None:
    ingest(str(root), [str(photo) for photo in photos])


def labelled(step: int = 1) -> list[Path]:
    return sorted(real_data("dups", "images").iterdir())[::step]


def files_of_groups(root: Path) -> set[frozenset[str]]:
    rows = Warehouse.open(root).query("SELECT group_id, file_name FROM duplicates JOIN sightings USING (photo_id)")
    groups: dict[str, set[str]] = defaultdict(set)
    for row in rows.to_pylist():
        groups[row["group_id"]].add(row["file_name"])
    return {frozenset(members) for members in groups.values()}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The labelled pictures, taken in and deduplicated in one run."""
    root = tmp_path_factory.mktemp("at-once")
    Warehouse.create(root)
    take_in(root, labelled())
    return root, dedupe(str(root))


def test_labelled_copies_are_together_and_different_photos_are_apart(at_once: tuple[Path, Outcome]) -> None:
    group_of = {file: group for group in files_of_groups(at_once[0]) for file in group}
    with real_data("dups", "pairs.csv").open() as stream:
        pairs = list(csv.DictReader(stream))
    assert len(pairs) > 100
    for pair in pairs:
        a, b = Path(pair["file_a"]).name, Path(pair["file_b"]).name
        together = a in group_of and group_of[a] == group_of.get(b)
        if pair["label"] in ("exact", "near"):
            assert together, pair
        elif pair["label"] == "different":
            assert not together, pair


def test_running_again_looks_at_nothing_and_writes_nothing(at_once: tuple[Path, Outcome]) -> None:
    root = at_once[0]
    tables = [Warehouse.open(root).table(spec) for spec in TABLES]
    before = [table.version for table in tables]
    again = dedupe(str(root))
    assert again.counts["pairs looked at"] == again.counts["new photos"] == 0
    assert [table.version for table in tables] == before
    assert again.counts["groups"] == at_once[1].counts["groups"] == 5


@pytest.fixture(scope="module")
def some_at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fourth of the labelled pictures, in one run."""
    root = tmp_path_factory.mktemp("some-at-once")
    Warehouse.create(root)
    take_in(root, labelled(4))
    dedupe(str(root))
    return root


def in_pieces(root: Path, photos: list[Path], pieces: int) -> None:
    random.Random(4).shuffle(photos)
    Warehouse.create(root)
    for piece in range(pieces):
        take_in(root, photos[piece::pieces])
        dedupe(str(root))


def test_runs_in_another_order_make_the_same_groups(some_at_once: Path, tmp_path: Path) -> None:
    in_pieces(tmp_path, labelled(4), 3)
    ours, theirs = Warehouse.open(tmp_path), Warehouse.open(some_at_once)
    assert theirs.table(DUPLICATES).count() >= 8
    assert ours.table(DUPLICATES).digest() == theirs.table(DUPLICATES).digest()


@pytest.mark.slow
def test_ten_runs_make_the_groups_of_one(at_once: tuple[Path, Outcome], tmp_path: Path) -> None:
    in_pieces(tmp_path, labelled(), 10)
    ours, theirs = Warehouse.open(tmp_path), Warehouse.open(at_once[0])
    assert ours.table(DUPLICATES).digest() == theirs.table(DUPLICATES).digest()


def test_a_run_that_was_killed_after_some_looks_is_finished_by_the_next(some_at_once: Path, tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    take_in(tmp_path, labelled(4))
    run = open_run(str(tmp_path))
    whole = Warehouse.open(some_at_once)
    looks = whole.table(DUPLICATE_PAIRS).read()
    # What a run leaves behind that died after some looks and before its marks.
    run.warehouse.table(DUPLICATE_PAIRS).insert(looks.slice(0, 10))
    outcome = dedupe(str(tmp_path))
    assert outcome.counts["pairs looked at"] == looks.num_rows - 10 > 0
    for spec in TABLES:
        assert run.warehouse.table(spec).digest() == whole.table(spec).digest()


def test_mirrored_and_turned_copies_follow_the_settings(at_once: tuple[Path, Outcome], tmp_path: Path) -> None:
    assert at_once[1].counts["mirror copies"] == 5
    assert at_once[1].counts["turned copies"] == 3
    Warehouse.create(tmp_path)
    (tmp_path / "salon.toml").write_text("[dedupe]\nmirrored_is_same = false\nturned_is_same = false\n")
    take_in(tmp_path, [path for path in labelled() if "bridge-" in path.name])
    assert dedupe(str(tmp_path)).counts["groups"] == 0


def test_the_page_says_of_pictures_that_are_lost_how_they_come_back(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    take_in(tmp_path, [path for path in labelled() if path.name.startswith("flower")])
    assert dedupe(str(tmp_path)).counts["groups"] == 2
    Warehouse.open(tmp_path).table(PICTURES).delete("true")
    page = Path(dedupe(str(tmp_path), report=True).files["report"]).read_text()
    assert page.count("its picture is lost: salon ingest SOURCE --recheck") == page.count('<figure class="tile') > 3


def test_photos_alike_in_the_embedding_are_shown_or_left_out_as_the_settings_say(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    settings = "[dedupe]\nsemantic_distance = 0.5\nsemantic = "
    (tmp_path / "salon.toml").write_text(f'{settings}"report"\n')
    # Two versions of a bridge, which are one photo to all that follows, and some photos of their own.
    take_in(tmp_path, [path for path in labelled() if path.name.startswith(("bridge__L", "flower", "labelme"))])
    before = dedupe(str(tmp_path))
    assert before.counts["groups alike"] == 0  # nothing has a vector yet
    embed(str(tmp_path))
    shown = dedupe(str(tmp_path), report=True)
    warehouse = Warehouse.open(tmp_path)
    pairs = warehouse.query("SELECT * FROM duplicate_pairs WHERE relation = 'semantic'").to_pylist()
    assert shown.counts["new pairs alike"] == len(pairs) != 0
    assert all(pair["distance"] <= 0.5 and not pair["verified"] for pair in pairs)
    assert shown.counts["groups alike"] != 0
    assert shown.counts["representatives"] == before.counts["representatives"]  # all of them go on
    assert "Alike, and not the same picture" in Path(shown.files["report"]).read_text()
    near = warehouse.table(DUPLICATES).digest()

    (tmp_path / "salon.toml").write_text(f'{settings}"leave_out"\n')
    fewer = dedupe(str(tmp_path))
    assert fewer.counts["new pairs alike"] == 0
    copies = sum("a copy of" in row["reason"] for row in semantic_rows(tmp_path))
    assert fewer.counts["semantic copies"] == len(semantic_rows(tmp_path)) > copies
    assert (
        fewer.counts["representatives"] == int(before.counts["representatives"]) - len(semantic_rows(tmp_path)) + copies
    )
    distances = {frozenset((pair["photo_a"], pair["photo_b"])): pair["distance"] for pair in pairs}
    for row in semantic_rows(tmp_path):
        if "a copy of" not in row["reason"]:
            assert distances[frozenset((row["photo_id"], row["representative_id"]))] == row["distance"]
    rows = warehouse.table(DUPLICATES).read().to_pylist()
    heads = {row["photo_id"]: row for row in rows if row["relation"] == "representative"}
    assert all(heads[row["representative_id"]]["group_id"] == row["group_id"] for row in rows)

    (tmp_path / "salon.toml").write_text(f'{settings}"off"\n')
    dedupe(str(tmp_path))
    assert warehouse.table(DUPLICATES).digest() == near


def semantic_rows(root: Path) -> list[dict[str, Any]]:
    return list(Warehouse.open(root).query("SELECT * FROM duplicates WHERE relation = 'semantic'").to_pylist())


def test_the_reason_names_what_tells_a_copy_from_its_representative(at_once: tuple[Path, Outcome]) -> None:
    rows = (
        Warehouse.open(at_once[0])
        .query("SELECT file_name, relation, reason FROM duplicates JOIN sightings USING (photo_id)")
        .to_pylist()
    )
    reasons = {row["file_name"]: row["reason"] for row in rows}
    assert "larger: 1600×1004 px against 128×128 px" in reasons["bridge__square-128x128.jpg"]
    assert all(row["reason"] for row in rows)
    assert all(row["look"] == LOOK for row in Warehouse.open(at_once[0]).table(DUPLICATE_PAIRS).read().to_pylist())


def test_the_report_shows_every_group_and_escapes_what_it_shows(at_once: tuple[Path, Outcome], tmp_path: Path) -> None:
    hostile = tmp_path / "<script>alert(1)<.jpg"
    hostile.write_bytes(labelled()[0].read_bytes() + b"\0")
    Warehouse.create(tmp_path / "w")
    take_in(tmp_path / "w", [hostile, *labelled(5)])
    page = Path(dedupe(str(tmp_path / "w"), report=True).files["report"]).read_text()
    assert "&lt;script&gt;alert(1)&lt;.jpg" in page
    assert "<script" not in page
    assert page.count("data:image/jpeg;base64,") >= 8
    assert "Pairs nearest to the limit" in page


def test_the_evaluator_finds_every_labelled_copy_and_merges_nothing() -> None:
    ours, *others = evaluate(real_data("dups", "pairs.csv"), DedupeSettings())
    assert (ours.precision, ours.recall, ours.policy_found) == (1.0, 1.0, 8)
    assert all((other.recall or 0) < 1 for other in others)
    assert {"imagededup pHash, at most 10 bits", "imagededup dHash, at most 10 bits"} <= {o.method for o in others}


def test_a_wrong_label_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("file_a,file_b,label\na.jpg,b.jpg,near\na.jpg,c.jpg,perhaps\n")
    with pytest.raises(BadInput, match=r"line 3, field 'label': an unknown label; expected exact, near"):
        read_pairs(file)


def crowd_of_pictures(folder: Path) -> list[Path]:
    """Versions of two pictures with the same large shapes: near by their hashes, different to the second look."""
    rng = np.random.default_rng(5)
    shapes, *details = (
        np.asarray(Image.fromarray(rng.integers(60, 200, (rows, columns), np.uint8)).resize((160, 120)), float)
        for rows, columns in ((6, 8), (30, 40), (30, 40))
    )
    files = []
    for number, detail in enumerate(details):
        picture = Image.fromarray((0.75 * shapes + 0.25 * detail).astype(np.uint8))
        for version in range(9):
            file = folder / f"{number}-{version}.jpg"
            picture.resize((160 - 2 * version, 120 - version % 4)).save(file, quality=95 - 5 * version)
            files.append(file)
    return files


@pytest.mark.slow
def test_a_crowd_is_grouped_alike_in_one_run_and_in_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("curation.duplicates.crowds", "curation.duplicates.proposals", "flows.deduplication.grouping"):
        monkeypatch.setattr(f"{module}.CROWD", 5)
    pictures = crowd_of_pictures(tmp_path)
    Warehouse.create(tmp_path / "one")
    take_in(tmp_path / "one", pictures)
    dedupe(str(tmp_path / "one"))
    in_pieces(tmp_path / "three", pictures, 3)
    one, three = (Warehouse.open(tmp_path / name) for name in ("one", "three"))
    looks = [warehouse.table(DUPLICATE_PAIRS).count() for warehouse in (one, three)]
    assert looks[0] < looks[1] < 18 * 17 / 2  # not everyone with everyone; some had been nearer once
    assert one.table(DUPLICATES).digest() == three.table(DUPLICATES).digest()
    assert {len(members) for members in files_of_groups(tmp_path / "one")} == {9}


@pytest.mark.slow
def test_oasis_has_one_pair_of_crops_and_no_other_group(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    take_in(tmp_path, [real_data("oasis", "images")])
    dedupe(str(tmp_path))
    assert files_of_groups(tmp_path) == {frozenset({"Couple2.jpg", "Couple9.jpg"})}


def test_prefect_looks_into_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each record that a task is given Prefect would visit every field: seconds for a shard of thousands."""
    root = tmp_path / "warehouse"
    Warehouse.create(root)
    seen: set[str] = set()

    def looked_at(name: str) -> None:
        visit = getattr(task_engine, name)

        def told(value: object, *rest: Any, **named: Any) -> object:
            seen.add(type(value).__name__)
            return visit(value, *rest, **named)

        monkeypatch.setattr(task_engine, name, told)

    looked_at("resolve_to_final_result")
    take_in(root, labelled(step=2))
    outcome = dedupe(str(root))
    assert outcome.counts["pairs looked at"]
    assert "Sealed" in seen
    assert not seen & {"Shard", "Photo", "Candidate", "list", "tuple"}, seen

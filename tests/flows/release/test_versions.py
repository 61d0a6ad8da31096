"""Numbers follow from what changed; gates refuse with reasons; drafts wait; versions can be made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.context import open_run
from flows.publish import approve, publish
from flows.release.compare import Bump, Difference, next_version
from flows.release.rebuild import rebuild
from flows.release_diff import diff
from schemas.errors import GateRefused, IntegrityFault, WrongUse
from schemas.photos import BURSTS, Burst
from schemas.ratings import RELIABILITY, ReliabilityFigure
from tests.flows.release.heap import Heap, picture, rows
from warehouse.releases.folder import files_of, sha256_of


@pytest.mark.parametrize(
    ("difference", "bump"),
    [
        (Difference(), Bump.NONE),
        (Difference(settings=("title",)), Bump.PATCH),
        (Difference(photos_changed=3), Bump.PATCH),
        (Difference(photos_added=("a",)), Bump.MINOR),
        (Difference(ratings_removed=1), Bump.MINOR),
        (Difference(split_moves=("a",), photos_added=("b",)), Bump.MAJOR),
        (Difference(meaning=("column mos is gone",)), Bump.MAJOR),
    ],
)
def test_the_difference_decides_the_number(difference: Difference, bump: Bump) -> None:
    assert difference.bump is bump


def test_a_person_may_ask_for_more_and_never_for_less() -> None:
    assert next_version("1.4.2", Difference(photos_added=("a",))) == "1.5.0"
    assert next_version("1.4.2", Difference(photos_added=("a",)), "major") == "2.0.0"
    assert next_version("1.4.2", Difference(settings=("title",))) == "1.4.3"
    with pytest.raises(WrongUse, match="asks for minor at least"):
        next_version("1.4.2", Difference(photos_added=("a",)), "patch")
    with pytest.raises(WrongUse, match="major, minor or patch"):
        next_version("1.4.2", Difference(), "huge")


def test_a_new_title_is_a_patch_and_another_method_is_a_major_version(rated: Heap) -> None:
    rated.made()
    rated.settings('[publish]\ntitle = "Beauty"\n')
    assert rated.made().name == "1.0.1"
    rated.settings('[publish]\ntitle = "Beauty"\n[score]\nmethod = "mos"\n')
    folder = rated.made()
    assert folder.name == "2.0.0"
    assert "scores are made by mos instead of two_way" in (folder / "CHANGES.md").read_text()


def burst(heap: Heap, photo_ids: list[str], name: str) -> None:
    """Photos of one burst, beside the bursts that there are."""
    heap.warehouse.table(BURSTS).insert([Burst(photo_id=p, burst_id=name, position=n) for n, p in enumerate(photo_ids)])


def test_a_new_photo_that_links_two_splits_is_kept_out_until_the_splits_are_drawn_anew(rated: Heap) -> None:
    placed = {row["photo_id"]: row["split"] for row in rows(rated.made())}
    train = next(p for p, s in placed.items() if s == "train")
    test = next(p for p, s in placed.items() if s == "test")
    new = rated.photo(picture(900))
    rated.keep([new])
    rated.votes([*placed, new], raters=6)
    rated.score()
    burst(rated, [train, new], "b1")
    rated.group(new, [test])
    rated.warehouse.tables["duplicates"].delete("true")
    found = _linked_both_ways(rated, new, train, test)
    assert found.counts["kept out: bridges_splits"] == 1
    assert any("publish --resplit" in note for note in found.notes)
    folder = rated.made(resplit=True)
    assert folder.name == "2.0.0"
    after = {row["photo_id"]: row["split"] for row in rows(folder)}
    assert new in after and after[train] == after[new] == after[test]


def _linked_both_ways(heap: Heap, new: str, train: str, test: str) -> Any:
    """One photographer took the new photo and the one in test; a burst holds the new one and the one in train."""
    table = heap.warehouse.tables["photos"]
    photos = table.read()
    names = ["Ann" if p in (new, test) else None for p in photos["photo_id"].to_pylist()]
    column = photos.column_names.index("photographer")
    table.replace(photos.set_column(column, photos.schema.field("photographer"), [names]))
    return heap.publish()


def test_a_leak_among_released_photos_is_refused_with_what_would_mend_it(rated: Heap) -> None:
    placed = {row["photo_id"]: row["split"] for row in rows(rated.made())}
    burst(rated, [next(p for p, s in placed.items() if s == split) for split in ("train", "test")], "b1")
    rated.settings('[publish]\ntitle = "again"\n')
    with pytest.raises(GateRefused, match=r"1 links tie photos of different splits.*--resplit"):
        rated.made()


def test_gates_say_which_by_how_much_and_what_would_mend_it(rated: Heap) -> None:
    rated.warehouse.table(RELIABILITY).replace(
        [
            ReliabilityFigure(
                question="beauty", scale="1-7", screening="none", stratum=stratum, measure="icc1k", value=value,
                about="resampled photos", photos=40, raters=6, votes=240,
            )
            for stratum, value in (("all", 0.8), ("portraits", 0.5))
        ]
    )  # fmt: skip
    rated.settings(
        "[publish.gates]\nleast_n = 10\nwidest_interval = 0.5\nleast_reliability = 0.9\n"
        "least_stratum_reliability = 0.6\nlicences_known = 0.5\n"
    )
    with pytest.raises(GateRefused) as refusal:
        rated.made()
    assert refusal.value.exit_code == 3
    assert set(refusal.value.gates) == {
        "least_n:beauty", "widest_interval:beauty", "least_reliability", "least_stratum_reliability:portraits",
        "licences_known",
    }  # fmt: skip
    for words in ("40 of 40 photos have fewer than 10 ratings", "160 more ratings", "ICC(1,k) over all photos is 0.800",
                  "about 2.2 times the ratings", "name the licences of 20 more photos"):  # fmt: skip
        assert words in str(refusal.value)
    assert not list((rated.root / "wh/releases/beauty").glob("*.*.*"))
    rated.settings("[publish.gates]\nleast_n = 6\nwidest_interval = 1.1\nleast_reliability = 0.7\n")
    manifest = json.loads((rated.made() / "manifest.json").read_text())
    assert {gate["name"] for gate in manifest["gates"]} >= {"least_n:beauty", "no_crossing", "least_reliability"}
    assert all(gate["passed"] for gate in manifest["gates"])


def test_an_original_that_is_gone_is_refused_by_name_and_may_be_allowed(heap: Heap) -> None:
    photo_ids = heap.ready(12)
    gone = photo_ids[3]
    next(heap.files.glob(f"*{gone[:8]}*")).write_bytes(b"other bytes")
    with pytest.raises(GateRefused, match=f"1 photos cannot be published.*photo {gone[:12]}.*other bytes"):
        heap.made()
    heap.settings("[publish.gates]\nunreadable = 1\n")
    folder = heap.made()
    assert gone not in {row["photo_id"] for config in ("data", "scores", "ratings") for row in rows(folder, config)}
    assert len(rows(folder)) == 11
    assert "nothing has changed since 1.0.0" in heap.publish().notes


def test_photos_with_an_opt_out_stay_out_unless_the_settings_say_why_not(heap: Heap) -> None:
    photo_ids = heap.photos(range(6)) + heap.photos([50], opt_out="noai")
    heap.keep(photo_ids)
    heap.votes(photo_ids)
    heap.score()
    assert photo_ids[-1] not in {row["photo_id"] for row in rows(heap.made("strict"))}
    heap.settings('[publish]\nopted_out_because = "our own photos"\n')
    assert photo_ids[-1] in {row["photo_id"] for row in rows(heap.made("own"))}


def test_a_draft_waits_for_a_person_and_the_next_one_replaces_it(rated: Heap) -> None:
    root = rated.warehouse.location.root
    first = publish(root=root, name="beauty", draft=True)
    assert Path(first.files["release"]).parent.name == "drafts"
    rated.ready(4, start=200)
    publish(root=root, name="beauty", draft=True)
    states = rated.warehouse.query("SELECT version, state, photos FROM releases").to_pylist()
    assert states == [{"version": "1.0.0", "state": "draft", "photos": 44}]
    assert rated.warehouse.tables["members"].count() == 0
    done = approve(root=root, name="beauty", version="1.0.0", by="Ann")
    assert Path(done.files["release"]) == rated.root / "wh/releases/beauty/1.0.0"
    (row,) = rated.warehouse.query("SELECT state, approved_by FROM releases").to_pylist()
    assert row == {"state": "released", "approved_by": "Ann"}
    assert rated.warehouse.tables["members"].count() == 44
    with pytest.raises(WrongUse, match="no such draft"):
        approve(root=root, name="beauty", version="1.0.0", by="Ann")


def test_a_version_is_made_again_from_its_own_inputs_whatever_became_of_the_tables(rated: Heap) -> None:
    folder = rated.made()
    before = {name: sha256_of(folder / name) for name in files_of(folder)}
    for name in ("ratings", "scores", "members", "verdicts"):
        rated.warehouse.tables[name].delete("true")
    outcome = rebuild(open_run(rated.warehouse.location.root), "beauty", "1.0.0", to=str(rated.root / "again"))
    again = Path(outcome.files["rebuilt"])
    assert {name: sha256_of(again / name) for name in files_of(again)} == before
    (folder / "METHODS.md").write_text("changed")
    with pytest.raises(IntegrityFault, match=r"METHODS\.md"):
        rebuild(open_run(rated.warehouse.location.root), "beauty", "1.0.0")


def test_the_diff_tells_what_moved_and_what_it_does_to_predictions(rated: Heap, tmp_path: Path) -> None:
    first = rated.made()
    photo_ids = rated.photo_ids()
    rated.votes(photo_ids[:8], raters=9, seed=5, value=7.0)
    rated.score()
    second = rated.made()
    for split in ("train", "validation", "test"):  # ratings released before come first, in their order
        old, new = ([r["rating_id"] for r in rows(f, "ratings") if r["split"] == split] for f in (first, second))
        assert new[: len(old)] == old
    assert rebuild(open_run(rated.warehouse.location.root), "beauty", "1.1.0").stage == "rebuild"
    lines = [f"{row['photo_id']},{row['score']}" for row in rows(first)]
    (tmp_path / "mine.csv").write_text("photo_id,score\n" + "\n".join(lines) + "\n")
    found = diff(rated.warehouse.location.root, "beauty", "1.0.0", "1.1.0", str(tmp_path / "mine.csv")).counts
    assert found["ratings that came"] == 72 and found["photos that came"] == 0 and found["asks for"] == "minor"
    assert found["beauty: scores that left their interval"] == 8
    assert found["predictions, all: srcc before"] == 1.0
    after = found["predictions, all: srcc after"]
    assert isinstance(after, float) and after < 0.95
    assert after == found["beauty: rank correlation"]
    with pytest.raises(WrongUse, match="no such version"):
        diff(rated.warehouse.location.root, "beauty", "1.0.0", "9.0.0")

"""What has to go goes everywhere, and what remains says so."""

from __future__ import annotations

import json

import pytest

from curation.blocklist import BlockList, content_hash
from curation.fingerprints import FingerprintMethod
from flows.context import open_run
from flows.ingest import ingest
from flows.release.rebuild import rebuild
from flows.score import score
from flows.takedown import takedown
from schemas.errors import WrongUse
from schemas.photos import FINGERPRINTS, VERDICTS, Fingerprint
from schemas.ratings import RATER_PROFILES, SCORINGS, RaterProfile, Scoring
from schemas.releases import BLOCKLIST
from tests.flows.release.heap import Heap, picture, rows
from warehouse.releases.folder import files_of
from warehouse.releases.verify import verify


def test_a_photo_leaves_every_version_table_and_file_and_does_not_come_back(heap: Heap) -> None:
    root = heap.warehouse.location.root
    photo_ids = heap.ready(12)
    gone = photo_ids[2]
    heap.warehouse.table(FINGERPRINTS).insert(
        [Fingerprint(photo_id=p, method="phash256@1", bits=bytes.fromhex(p)) for p in photo_ids]
    )
    (heap.root / "wh" / "objects").mkdir()
    (heap.root / "wh" / "objects" / gone).write_bytes(b"copy")
    first = heap.made()
    heap.ready(3, start=300)
    second = heap.made()
    outcome = takedown(root=root, photos=[gone], reason="the person asked")
    assert "beauty: withdrew 1.0.0, 1.1.0; 1.2.0 takes its place." in outcome.notes
    for folder in (first, second):
        assert files_of(folder) == ["WITHDRAWN.json"]
        tombstone = json.loads((folder / "WITHDRAWN.json").read_text())
        assert tombstone["successor"] == "1.2.0" and gone not in json.dumps(tombstone)
    successor = first.parent / "1.2.0"
    assert verify(successor).faults == []
    assert {row["photo_id"] for row in rows(successor)} == set(heap.photo_ids())
    assert not any(gone.encode() in (successor / name).read_bytes() for name in files_of(successor))
    states = heap.warehouse.query("SELECT version, state FROM releases ORDER BY version").to_pylist()
    assert [row["state"] for row in states] == ["withdrawn", "withdrawn", "released"]
    with pytest.raises(WrongUse, match="was withdrawn, and what it was made from is gone"):
        rebuild(open_run(root), "beauty", "1.0.0")

    proof = takedown(root=root, photos=[gone], prove=True)
    assert not any("STILL HELD" in str(value) or "NOT ON IT" in str(value) for value in proof.counts.values())
    assert proof.counts["release beauty 1.0.0"] == "erased: withdrawn, a tombstone stays"
    assert str(proof.counts["table ratings"]).startswith("erased (6 on ")
    assert str(proof.counts["objects"]).startswith("erased (1 on ")
    assert proof.counts["table comparisons"] == proof.counts["Label Studio"] == "not held"
    held = takedown(root=root, photos=[photo_ids[0]], prove=True)
    assert str(held.counts["release beauty 1.2.0"]).startswith("STILL HELD")

    ingest(root=root, sources=[str(heap.files)])
    assert gone not in heap.photo_ids()
    refused = heap.warehouse.query("SELECT reason, detail FROM quarantine WHERE photo_id IS NULL OR true").to_pylist()
    assert {"reason": "taken_down", "detail": "this content was taken down"} in refused


@pytest.mark.slow
def test_a_raters_votes_leave_the_release_and_what_rested_on_them_is_worked_out_anew(rated: Heap) -> None:
    profiles = [
        RaterProfile(rater_id=r, age_band="18-24")
        for r in rated.warehouse.query("SELECT DISTINCT rater_id FROM ratings")["rater_id"].to_pylist()
    ]
    rated.warehouse.table(RATER_PROFILES).insert(profiles)
    score(root=rated.warehouse.location.root)
    rated.settings("[publish]\nk_anonymity = 6\n")
    rater = rated.warehouse.query("SELECT min(rater_id) AS r FROM ratings").to_pylist()[0]["r"]
    standing = rated.warehouse.query("SELECT * FROM scorings").to_pylist()
    rated.warehouse.table(SCORINGS).replace([Scoring(**{**row, "notes": [f"Look at {rater}."]}) for row in standing])
    before = rated.made()
    assert {row["age_band"] for row in rows(before, "raters")} == {"18-24"}
    named = (before / "README.md").read_text().split("Look at ")[1].split(".")[0]
    assert named in {row["rater_id"] for row in rows(before, "raters")}
    bias = {row["rater_id"]: row["bias"] for row in rows(before, "raters")}
    outcome = takedown(root=rated.warehouse.location.root, photos=[], rater=rater)
    assert outcome.counts["rows of ratings"] == 40
    assert rated.warehouse.query("SELECT notes FROM scorings")["notes"].to_pylist() == [[]]
    proved = takedown(root=rated.warehouse.location.root, photos=[], rater=rater, prove=True).counts
    assert str(proved["table scorings"]).startswith("erased (1 on ")
    folder = rated.root / "wh/releases/beauty/1.1.0"
    ratings = rows(folder, "ratings")
    assert len(ratings) == 200 and len({row["rater_id"] for row in ratings}) == 5
    for photo in rows(folder, "scores"):
        votes = [row["value"] for row in ratings if row["photo_id"] == photo["photo_id"]]
        assert photo["n"] == len(votes) == 5 and photo["mos"] == pytest.approx(sum(votes) / 5)
        assert photo["ci_low"] < photo["score"] < photo["ci_high"]
    # Five raters are fewer than the six that may be shown together.
    assert {row["age_band"] for row in rows(folder, "raters")} == {None} and len(rows(folder, "raters")) == 5
    for path in (p for p in folder.rglob("*") if p.is_file()):
        assert named.encode() not in path.read_bytes() and rater.encode() not in path.read_bytes(), path
    after = {row["rater_id"]: row["bias"] for row in rows(folder, "raters")}
    assert after.keys() < bias.keys() and sum(after.values()) == pytest.approx(0, abs=1e-6)  # of those who are left
    assert all(after[one] != bias[one] for one in after)
    assert verify(folder).faults == []
    assert any("salon score" in note for note in outcome.notes)


@pytest.mark.slow
def test_every_line_of_versions_gets_a_successor_of_its_own_and_splits_of_the_newest_stay(rated: Heap) -> None:
    root = rated.warehouse.location.root
    gone = rated.photo_ids()[5]
    rated.made()
    rated.settings('[publish]\nseed = "another"\n')
    assert rated.made(resplit=True).name == "2.0.0"
    newest = {row["photo_id"]: row["split"] for row in rows(rated.root / "wh/releases/beauty/2.0.0")}
    oldest = {row["photo_id"]: row["split"] for row in rows(rated.root / "wh/releases/beauty/1.0.0")}
    assert newest != oldest
    for path in rated.warehouse.query("SELECT uri FROM photos").to_pylist():
        assert gone not in path["uri"]
    notes = takedown(root=root, photos=[gone]).notes
    assert "beauty: withdrew 1.0.0; 1.1.0 takes its place; withdrew 2.0.0; 2.1.0 takes its place." in notes
    folder = rated.root / "wh/releases/beauty"
    del newest[gone], oldest[gone]
    assert {row["photo_id"]: row["split"] for row in rows(folder / "1.1.0")} == oldest
    assert {row["photo_id"]: row["split"] for row in rows(folder / "2.1.0")} == newest
    assert verify(folder / "1.1.0").faults == verify(folder / "2.1.0").faults == []
    assert "redacted version" in (folder / "2.1.0/README.md").read_text()
    rated.settings('[publish]\nseed = "another"\ntitle = "Again"\n')
    again = rated.publish()
    assert again.counts["version"] == "2.1.1"
    assert {row["photo_id"]: row["split"] for row in rows(folder / "2.1.1")} == newest


def test_a_successor_needs_no_original_and_near_copies_go_with_their_photo(heap: Heap) -> None:
    photo_ids = heap.ready(10)
    copy = heap.photo(picture(900))
    heap.group(photo_ids[0], [copy])
    pixels = heap.photo(picture(901))  # the same pixels, and no group yet
    heap.warehouse.table(FINGERPRINTS).insert(
        [
            Fingerprint(photo_id=photo, method=FingerprintMethod.PIXELS, bits=bits)
            for photo, bits in ((copy, b"other" * 8), (pixels, b"same" * 8), (photo_ids[0], b"same" * 8))
        ]
    )
    heap.warehouse.table(VERDICTS).replace([])
    heap.keep(photo_ids)
    heap.made()
    for path in heap.files.iterdir():
        path.unlink()
    heads = heap.root / "wh/heads/beauty/1.0.0/descriptor_1"
    heads.mkdir(parents=True)
    (heads / "kernel.npz").write_bytes(b"learnt from it")
    outcome = takedown(root=heap.warehouse.location.root, photos=[photo_ids[0]])
    assert f"2 copies go with it: {', '.join(name[:12] for name in sorted((copy, pixels)))}." in outcome.notes
    assert outcome.counts["files of heads"] == 1 and outcome.counts["new on the block list"] == 3
    successor = heap.root / "wh/releases/beauty/1.1.0"
    assert verify(successor).faults == [] and len(rows(successor)) == 9
    assert not {copy, pixels} & set(heap.photo_ids())


def test_a_takedown_that_is_killed_between_versions_and_tables_ends_when_it_is_run_again(
    heap: Heap, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, gone = heap.warehouse.location.root, heap.ready(8)[0]
    heap.made()

    def killed(*_: object) -> dict[str, int]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("flows.takedown.erase.erase_rows", killed)
        takedown.fn(root=root, photos=[gone])
    assert str(takedown(root=root, photos=[gone], prove=True).counts["table ratings"]).startswith("STILL HELD: 6 rows")
    takedown(root=root, photos=[gone])
    proof = takedown(root=root, photos=[gone], prove=True)
    assert not [place for place, state in proof.counts.items() if "STILL HELD" in str(state)]
    assert {row["version"]: row["state"] for row in heap.warehouse.query("SELECT * FROM releases").to_pylist()} == {
        "1.0.0": "withdrawn",
        "1.1.0": "released",
    }


def test_takedown_wants_photos_or_a_rater_that_exist(rated: Heap) -> None:
    root = rated.warehouse.location.root
    for photos, rater in (([], ""), (["a"], "r1"), (["nothing.jpg"], ""), ([], "r0")):
        with pytest.raises(WrongUse):
            takedown(root=root, photos=photos, rater=rater)
    assert rated.warehouse.table(BLOCKLIST).count() == 0


def test_the_block_list_knows_content_and_near_copies_and_nothing_else() -> None:
    bits = bytes(range(32))
    listed = BlockList.of([{"content_hash": content_hash("a" * 64), "bits": bits}])
    near = bytes([bits[0] ^ 0xFF, bits[1] ^ 0x0F]) + bits[2:]
    far = bytes(value ^ 0x33 for value in bits)
    assert listed.why("a" * 64, {}) == "this content was taken down"
    assert "12 of 256 bits" in listed.why("b" * 64, {"phash256@1": near})
    assert listed.why("b" * 64, {"phash256@1": far}) == ""
    assert BlockList().why("a" * 64, {}) == ""

"""What has to go goes everywhere, and what remains says so."""

from __future__ import annotations

import json

import pytest

from curation.blocklist import BlockList, content_hash
from flows.context import open_run
from flows.ingest import ingest
from flows.release.rebuild import rebuild
from flows.takedown import takedown
from schemas.errors import WrongUse
from schemas.photos import FINGERPRINTS, Fingerprint
from schemas.releases import BLOCKLIST
from tests.flows.release.heap import Heap, rows
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
def test_a_raters_votes_leave_the_release_and_the_tables(rated: Heap) -> None:
    rated.made()
    rater = rated.warehouse.query("SELECT min(rater_id) AS r FROM ratings").to_pylist()[0]["r"]
    outcome = takedown(root=rated.warehouse.location.root, photos=[], rater=rater)
    assert outcome.counts["rows of ratings"] == 40
    folder = rated.root / "wh/releases/beauty/1.1.0"
    assert len(rows(folder, "ratings")) == 200
    assert len({row["rater_id"] for row in rows(folder, "ratings")}) == 5
    assert verify(folder).faults == []
    assert any("salon score" in note for note in outcome.notes)


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

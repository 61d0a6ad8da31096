"""Releases of a warehouse on an object store: the same life as in a folder."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import fs as pafs

from flows.context import open_run
from flows.publish import approve
from flows.release import make
from flows.release.build import Draft
from flows.release.make import make_version
from flows.release.rebuild import rebuild
from flows.release_diff import diff
from flows.takedown import takedown
from flows.trace import trace
from schemas.errors import WrongUse
from tests.flows.release.heap import KEY, Heap
from tests.object_store import BUCKET, s3_server
from warehouse.filesystem import Location
from warehouse.releases.shelf import fetched
from warehouse.releases.verify import verify

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def heap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heap]:
    """A warehouse on an S3 server on loopback, photos on disk."""
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", KEY.decode())
    monkeypatch.setenv("SALON_SETTINGS", str(tmp_path / "salon.toml"))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with s3_server(port):
        yield Heap(tmp_path, f"s3://{BUCKET}/warehouse")


def stored(heap: Heap, under: str) -> set[str]:
    """Files in the store under the warehouse."""
    found = heap.warehouse.location.filesystem().get_file_info(
        pafs.FileSelector(under, recursive=True, allow_not_found=True)
    )
    return {info.path for info in found if info.type == pafs.FileType.File}


def test_a_release_lives_in_the_store_as_it_would_in_a_folder(heap: Heap) -> None:
    root = heap.warehouse.location.root
    first = heap.ready(20)
    outcome = heap.publish()
    assert outcome.files["release"] == f"{root}/releases/beauty/1.0.0"
    with fetched(outcome.files["release"]) as folder:
        assert verify(folder).faults == []
        (folder / "README.md").write_text("changed")
        assert any("README.md" in fault for fault in verify(folder).faults)
    assert heap.publish().notes[-1] == "nothing has changed since 1.0.0"
    heap.ready(4, start=200)
    draft = heap.publish(draft=True)
    assert draft.files["release"].endswith("/drafts/1.1.0")
    approve(root=root, name="beauty", version="1.1.0", by="Ann")
    assert not stored(heap, "releases/beauty/drafts")
    assert diff(root, "beauty", "1.0.0", "1.1.0").counts["photos that came"] == 4
    assert "every file has the same bytes" in rebuild(open_run(root), "beauty", "1.1.0").notes[0]
    assert [row["in this version"] for row in trace(root, first[0])["releases"]] == [True, True]

    gone = first[3]
    heap.warehouse.location.filesystem().create_dir("objects")
    with heap.warehouse.location.filesystem().open_output_stream(f"objects/{gone[:2]}/{gone}") as stream:
        stream.write(b"copy")
    notes = takedown(root=root, photos=[gone]).notes
    assert "beauty: withdrew 1.0.0, 1.1.0; 1.2.0 takes its place." in notes
    assert any("where the bucket keeps them" in note for note in notes)
    for version in ("1.0.0", "1.1.0"):
        assert stored(heap, f"releases/beauty/{version}") == {f"releases/beauty/{version}/WITHDRAWN.json"}
    with fetched(f"{root}/releases/beauty/1.2.0") as folder:
        assert verify(folder).faults == []
        assert gone not in pq.read_table(folder / "inputs/photos.parquet")["photo_id"].to_pylist()
    proof = takedown(root=root, photos=[gone], prove=True)
    assert not [p for p, state in proof.counts.items() if "STILL HELD" in str(state) or "NOT ON IT" in str(state)]
    assert str(proof.counts["objects"]).startswith("erased (1 on ")
    assert not stored(heap, f"objects/{gone[:2]}")
    with pytest.raises(WrongUse, match="was withdrawn"):
        rebuild(open_run(root), "beauty", "1.0.0")


def _publish_slowly(root: str) -> None:
    """Publish, held up for a minute before the last files while it holds the lease."""
    write: Callable[[Draft], str] = vars(make)["write_rest"]

    def late(draft: Draft) -> str:
        time.sleep(60)
        return write(draft)

    setattr(make, "write_rest", late)  # noqa: B010 - a plain assignment is refused by the type checker
    make.make_version(open_run(root), "beauty")


def test_a_publish_that_is_killed_leaves_no_version_and_blocks_the_next_one_for_a_while_only(
    heap: Heap, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = heap.warehouse.location.root
    heap.ready(8)
    worker = multiprocessing.get_context("spawn").Process(target=_publish_slowly, args=(root,))
    worker.start()
    until = time.monotonic() + 60
    while not stored(heap, "locks/publish-beauty") and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(3)
    with pytest.raises(WrongUse, match="another `salon publish-beauty` is at work"):
        make_version(open_run(root), "beauty")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert not any(name.endswith("manifest.json") for name in stored(heap, "releases"))
    # Instead of waiting for the lease to end, the clock goes on by four minutes.
    now = time.time
    monkeypatch.setattr("warehouse.leases.time.time", lambda: now() + 240)
    assert make_version(open_run(root), "beauty").counts["version"] == "1.0.0"
    with fetched(f"{root}/releases/beauty/1.0.0") as folder:
        assert verify(folder).faults == []


def test_half_a_version_in_the_store_is_no_version_and_is_replaced(heap: Heap) -> None:
    heap.ready(8)
    files = heap.warehouse.location.filesystem()
    files.create_dir("releases/beauty/1.0.0/data")
    with files.open_output_stream("releases/beauty/1.0.0/data/train-00007-of-00008.parquet") as stream:
        stream.write(b"left by a kill")
    assert heap.publish().counts["version"] == "1.0.0"
    with fetched(f"{heap.warehouse.location.root}/releases/beauty/1.0.0") as folder:
        assert verify(folder).faults == []
        about = json.loads((folder / "manifest.json").read_text())
    assert about["counts"]["photos"] == 8


def test_a_local_warehouse_may_keep_its_releases_in_a_store(heap: Heap, tmp_path: Path) -> None:
    local = Heap(tmp_path / "here")
    local.settings(f'[publish]\nfolder = "s3://{BUCKET}/releases"\n')
    os.environ.pop("SALON_SETTINGS")
    local.ready(6)
    assert local.publish().files["release"] == f"s3://{BUCKET}/releases/beauty/1.0.0"
    listed = Location.of(f"s3://{BUCKET}/releases/beauty/1.0.0").filesystem().get_file_info("manifest.json")
    assert listed.type == pafs.FileType.File

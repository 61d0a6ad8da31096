"""A version goes out whole, tagged, once; nothing leaves the machine here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.push import push
from schemas.errors import IntegrityFault, PermanentFault, WrongUse
from tests.conftest import CHECKOUT
from tests.flows.release.heap import Heap
from tests.flows.release.hub import Hub, running
from warehouse.releases.folder import files_of
from warehouse.releases.verify import verify

PUSHING = """
import sys
from flows.cli.main import main
sys.argv = ["salon", "--root", sys.argv[1], "push", "beauty", sys.argv[2], "me/beauty"]
main()
"""


def licensed(heap: Heap, count: int = 12) -> Path:
    photo_ids = heap.photos(range(count), license="CC0-1.0")
    heap.keep(photo_ids)
    heap.votes(photo_ids)
    heap.score()
    return heap.made()


def push_to(hub: Hub, heap: Heap, version: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: the Hub's client reads its address when it is imported."""
    env = {**os.environ, "HF_ENDPOINT": hub.address, "HF_TOKEN": "hf_test", "HF_HUB_DISABLE_XET": "1",
           "HF_HUB_OFFLINE": "0", "PYTHONPATH": str(CHECKOUT), "NO_PROXY": "127.0.0.1"}  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", PUSHING, str(heap.root / "wh"), version],
        env=env,
        capture_output=True,
        text=True,
        cwd="/",
    )


@pytest.mark.slow
def test_the_hub_gets_every_file_and_a_tag_in_spite_of_faults_and_nothing_twice(heap: Heap) -> None:
    folder = licensed(heap)
    with running(Hub(fail_every=4)) as hub:
        done = push_to(hub, heap, "1.0.0")
        assert done.returncode == 0, done.stderr
        assert hub.tags["1.0.0"] == {name: (folder / name).read_bytes() for name in files_of(folder)}
        before = hub.uploads
        assert before == sum(name.endswith(".parquet") for name in files_of(folder))
        assert push_to(hub, heap, "1.0.0").returncode == 0
        assert hub.uploads == before and list(hub.tags) == ["1.0.0"]
        heap.settings('[publish]\ntitle = "Another title"\n')
        second = heap.made()
        assert push_to(hub, heap, second.name).returncode == 0
        assert set(hub.tags) == {"1.0.0", "1.0.1"} and hub.uploads - before < before  # equal files were there
    places = heap.warehouse.query("SELECT pushed FROM releases ORDER BY version").to_pylist()
    assert all("me/beauty" in json.loads(row["pushed"])[0] for row in places)


@pytest.mark.slow
def test_a_refused_token_ends_with_one_sentence(heap: Heap) -> None:
    licensed(heap, 6)
    with running(Hub()) as hub:
        hub.answer = lambda method, path, body: (403, {"error": "no"})  # type: ignore[method-assign]  # a refusal
        done = push_to(hub, heap, "1.0.0")
    assert done.returncode == 1
    assert "the Hub refuses the token in HF_TOKEN (403)" in done.stderr


def test_an_address_gets_the_files_and_a_broken_push_is_resumed(heap: Heap, tmp_path: Path) -> None:
    folder = licensed(heap)
    target, root = f"file://{tmp_path}/mirror/beauty", heap.warehouse.location.root
    first = push(root=root, name="beauty", version="1.0.0", target=target)
    mirror = tmp_path / "mirror/beauty/1.0.0"
    assert verify(mirror).faults == [] and first.counts["sent"] == len(files_of(folder))
    (mirror / "manifest.json").unlink()
    assert push(root=root, name="beauty", version="1.0.0", target=target).counts["sent"] == 1
    assert verify(mirror).faults == []


def test_what_is_damaged_or_without_a_known_licence_is_not_pushed(rated: Heap, tmp_path: Path) -> None:
    folder, root = rated.made(), rated.warehouse.location.root
    with pytest.raises(PermanentFault, match="40 of 40 photos have no known licence"):
        push(root=root, name="beauty", version="1.0.0", target=f"file://{tmp_path}/mirror")
    (folder / "README.md").write_text("changed")
    with pytest.raises(IntegrityFault, match=r"README\.md"):
        push(root=root, name="beauty", version="1.0.0", target=f"file://{tmp_path}/mirror")
    with pytest.raises(WrongUse, match="no such version"):
        push(root=root, name="beauty", version="3.0.0", target=f"file://{tmp_path}/mirror")

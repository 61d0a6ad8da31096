"""Equal rows give equal bytes; a version is whole or not there at all."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas.errors import WrongUse
from schemas.photos import PHOTOS, SIGHTINGS, VERDICTS
from schemas.ratings import RATINGS
from tests.conftest import CHECKOUT
from tests.flows.release.heap import KEY, Heap, rows
from warehouse.releases.folder import files_of, sha256_of, sole_publisher
from warehouse.releases.verify import verify

PUBLISHING = """
import sys
from flows.context import open_run
from flows.release.make import make_version
make_version(open_run(sys.argv[1]), "beauty")
"""


def publish_elsewhere(root: Path, **environment: str) -> None:
    """Publish in a process of its own, under another environment."""
    env = {**os.environ, "SALON_PSEUDONYM_KEY": KEY.decode(), "PYTHONPATH": str(CHECKOUT), **environment}
    subprocess.run([sys.executable, "-c", PUBLISHING, str(root)], check=True, env=env, cwd="/")


def shuffled_copy(heap: Heap, root: Path) -> Heap:
    """The same rows, inserted in another order and in other commits."""
    other = Heap(root)
    order = random.Random(7)
    for spec in (PHOTOS, SIGHTINGS, VERDICTS, RATINGS):
        table = heap.warehouse.table(spec).read()
        places = list(range(table.num_rows))
        order.shuffle(places)
        half = len(places) // 2
        for part in (places[:half], places[half:]):
            other.warehouse.table(spec).insert(table.take(part))
    other.score()
    return other


def test_two_builds_under_other_zones_locales_threads_and_orders_have_equal_bytes(rated: Heap, tmp_path: Path) -> None:
    other = shuffled_copy(rated, tmp_path / "other")
    publish_elsewhere(rated.root / "wh", TZ="UTC", LC_ALL="C.UTF-8", OMP_NUM_THREADS="1")
    publish_elsewhere(other.root / "wh", TZ="Asia/Kathmandu", LC_ALL="C", OMP_NUM_THREADS="2", PYTHONHASHSEED="7")
    one, two = (h.root / "wh/releases/beauty/1.0.0" for h in (rated, other))
    assert files_of(one) == files_of(two)
    assert {n: sha256_of(one / n) for n in files_of(one)} == {n: sha256_of(two / n) for n in files_of(two)}


def test_nothing_of_this_machine_is_in_a_release(rated: Heap) -> None:
    folder = rated.made()
    for name in files_of(folder):
        data = (folder / name).read_bytes()
        for word in (str(rated.root).encode(), b"holiday-", KEY, b"study", b"rater 1", str(rated.files).encode()):
            assert word not in data, (name, word)


def test_one_flipped_byte_a_missing_and_an_extra_file_are_each_named(rated: Heap, tmp_path: Path) -> None:
    folder = shutil.copytree(rated.made(), tmp_path / "copy")
    assert verify(folder).faults == []
    order = random.Random(3)
    for name in files_of(folder):
        whole = (folder / name).read_bytes()
        for at in {0, len(whole) - 1, order.randrange(len(whole))}:
            (folder / name).write_bytes(whole[:at] + bytes([whole[at] ^ (1 << order.randrange(8))]) + whole[at + 1 :])
            assert any(name in fault for fault in verify(folder).faults), (name, at)
        (folder / name).write_bytes(whole)
        moved = (folder / name).rename(tmp_path / "away")
        assert any(name in fault for fault in verify(folder).faults), name
        moved.rename(folder / name)
    (folder / "data" / "notes.txt").write_text("x")
    assert any("data/notes.txt" in fault and "extra" in fault for fault in verify(folder).faults)


@pytest.mark.slow
def test_a_publish_that_is_killed_leaves_no_half_release_and_the_next_one_makes_it_whole(rated: Heap) -> None:
    releases = rated.root / "wh/releases/beauty"
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    for pause in (0.0, 0.05, 0.2):
        child = subprocess.Popen([sys.executable, "-c", PUBLISHING, str(rated.root / "wh")], env=env, cwd="/")
        while child.poll() is None and not list(releases.glob(".making-*/data/*")):
            time.sleep(0.005)
        time.sleep(pause)
        child.send_signal(signal.SIGKILL)
        child.wait()
        for version in releases.glob("[0-9]*"):
            assert verify(version).faults == []
    folder = rated.made()
    assert verify(folder).faults == [] and folder.name == "1.0.0"
    assert not list(releases.glob(".making-*"))


def test_a_version_whose_rows_a_kill_took_gets_them_from_its_folder(rated: Heap) -> None:
    folder = rated.made()
    members = rated.warehouse.query("SELECT * FROM members ORDER BY photo_id")
    rated.warehouse.tables["releases"].delete("true")
    rated.warehouse.tables["members"].delete("true")
    assert "nothing has changed since 1.0.0" in rated.publish().notes
    assert rated.warehouse.query("SELECT * FROM members ORDER BY photo_id").equals(members)
    assert rated.warehouse.query("SELECT version, state FROM releases").to_pylist() == [
        {"version": "1.0.0", "state": "released"}
    ]
    assert len(rows(folder)) == 40


def test_two_publishes_at_once_are_refused_with_a_sentence(rated: Heap) -> None:
    with sole_publisher(rated.root / "wh/releases/beauty"), pytest.raises(WrongUse, match="another publish is at work"):
        rated.made()

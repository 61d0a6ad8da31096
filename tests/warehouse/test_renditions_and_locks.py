from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import WriteConflict
from warehouse.locks import exclusive
from warehouse.renditions import Renditions, hide
from warehouse.store import Warehouse

HOLDER = """
import sys
from warehouse.filesystem import Location
from warehouse.locks import exclusive
with exclusive(Location(sys.argv[1]), "send", 0):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse.create(tmp_path / "warehouse")


def test_a_rendition_is_made_once_and_shown_under_names_that_tell_nothing(warehouse: Warehouse) -> None:
    store = Renditions(warehouse.location, "1024q90")
    assert store.missing(["aa", "bb", "aa"]) == ["aa", "bb"]
    store.put("aa", b"picture")
    assert store.missing(["aa", "bb"]) == ["bb"]
    for _ in range(2):
        store.show("aa", "batch-1", "key1.jpg")
        store.show("aa", "batch-1", "key2.jpg")
    shown = warehouse.location.local("renditions", "shown", "batch-1")
    assert sorted(path.name for path in shown.iterdir()) == ["key1.jpg", "key2.jpg"]
    assert (shown / "key2.jpg").read_bytes() == b"picture"
    hide(warehouse.location, "batch-1")
    assert not shown.exists()
    assert store.missing(["aa"]) == []


def test_a_lock_names_its_holder_and_is_free_when_the_holder_is_killed(warehouse: Warehouse) -> None:
    command = [sys.executable, "-c", HOLDER, warehouse.location.root]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(WriteConflict, match=f"process {holder.pid} on"),
            exclusive(warehouse.location, "send", 0),
        ):
            pass
        with exclusive(warehouse.location, "collect", 0):
            pass
        holder.kill()
        holder.wait(20)
    with exclusive(warehouse.location, "send", 5):
        pass

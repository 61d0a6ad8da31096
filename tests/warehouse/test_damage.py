"""A table with missing or damaged files is never read as if nothing were amiss, and the sentence names the file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.errors import IntegrityFault, StorageRefused
from schemas.photos import FINGERPRINTS, Fingerprint
from warehouse.faults import LEAST_FREE_BYTES
from warehouse.marker import MARKER
from warehouse.store import Warehouse

ROWS = 100


def fingerprint(number: int) -> Fingerprint:
    return Fingerprint(photo_id=f"{number:064x}", method="m", bits=number.to_bytes(8, "big"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A warehouse with a table of two data files."""
    table = Warehouse.create(tmp_path).table(FINGERPRINTS)
    table.insert([fingerprint(n) for n in range(ROWS)])
    table.insert([fingerprint(n) for n in range(ROWS, 2 * ROWS)])
    return tmp_path


def folder_of(root: Path) -> Path:
    return root / "tables" / "fingerprints"


def data_file(root: Path) -> Path:
    return min(folder_of(root).glob("*.parquet"))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[20:200] = bytes(byte ^ 0xFF for byte in data[20:200])
    path.write_bytes(data)


HARM: dict[str, Callable[[Path], None]] = {
    "is missing": Path.unlink,
    "has 200 bytes": truncate,
    "has 0 bytes": empty,
    "cannot be read": flip,
}
USES: dict[str, Callable[[Warehouse], object]] = {
    "read": lambda opened: opened.table(FINGERPRINTS).read(),
    "batches": lambda opened: list(opened.table(FINGERPRINTS).batches()),
    "query": lambda opened: opened.query("SELECT * FROM fingerprints"),
    "people's query": lambda opened: opened.query_for_people("SELECT * FROM fingerprints"),
    "insert": lambda opened: opened.table(FINGERPRINTS).insert([fingerprint(9000)]),
    "replace": lambda opened: opened.table(FINGERPRINTS).replace([fingerprint(9000)]),
}


@pytest.mark.parametrize("what", HARM)
@pytest.mark.parametrize("use", USES)
def test_a_data_file_that_is_gone_or_damaged_is_named_with_what_to_do(what: str, use: str, root: Path) -> None:
    harmed = data_file(root)
    HARM[what](harmed)
    with pytest.raises(IntegrityFault) as caught:
        USES[use](Warehouse.open(root))
    sentence = str(caught.value)
    assert harmed.name in sentence
    assert what in sentence
    assert "salon maintain --repair" in sentence
    assert "\n" not in sentence


def test_damaged_files_are_taken_out_and_kept_and_the_rest_is_used_again(root: Path) -> None:
    gone, flipped = sorted(folder_of(root).glob("*.parquet"))
    gone.unlink()
    flip(flipped)
    table = Warehouse.open(root).table(FINGERPRINTS)
    found = list(table.damaged())
    assert [file.path for file in found] == [gone.name, flipped.name]
    assert sum(file.rows for file in found) == 2 * ROWS
    table.take_out(found)
    assert list(table.damaged()) == []
    assert table.count() == 0
    assert (root / "damaged" / "fingerprints" / flipped.name).exists()
    assert table.insert([fingerprint(n) for n in range(2 * ROWS)]) == 2 * ROWS, "the lost keys may come back"


def entry(root: Path, number: int) -> Path:
    return folder_of(root) / "_delta_log" / f"{number:020}.json"


LOG_HARM: dict[str, Callable[[Path], object]] = {
    "its log is gone": lambda root: shutil.rmtree(folder_of(root) / "_delta_log"),
    "an entry of its log is missing": lambda root: entry(root, 1).unlink(),
    "an entry of its log cannot be read": lambda root: entry(root, 1).write_text('{"add": {"pa'),
    "is empty": lambda root: entry(root, 2).write_text(""),
    "the folder of table fingerprints is gone": lambda root: shutil.rmtree(folder_of(root)),
}


@pytest.mark.parametrize("what", LOG_HARM)
@pytest.mark.parametrize("use", USES)
def test_a_table_whose_log_is_harmed_is_never_taken_for_an_empty_one(what: str, use: str, root: Path) -> None:
    LOG_HARM[what](root)
    before = {path.name for path in folder_of(root).glob("*.parquet")}
    with pytest.raises(IntegrityFault, match=what) as caught:
        USES[use](Warehouse.open(root))
    assert "backup" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path.name for path in folder_of(root).glob("*.parquet")} == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}'])
def test_a_damaged_marker_is_said_so_and_can_be_written_again(text: str, root: Path) -> None:
    (root / MARKER).write_text(text)
    with pytest.raises(IntegrityFault, match="damaged") as caught:
        Warehouse.open(root)
    (root / MARKER).write_text(str(caught.value).split("write ")[1].split(" into")[0])
    assert Warehouse.open(root).table(FINGERPRINTS).count() == 2 * ROWS


def test_a_warehouse_of_an_earlier_salon_gets_tables_it_lacks(root: Path) -> None:
    (root / MARKER).write_text('{"schema_version": 1}')
    shutil.rmtree(root / "tables" / "stamps")
    assert Warehouse.open(root).tables["stamps"].count() == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """A disk of its own at tmp_path/disk; gives a function that mounts it again with other options."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={3 * LEAST_FREE_BYTES}", "tmpfs", disk], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("SKIPPED: no right to mount a disk of one's own")

    def again(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)

    try:
        yield again
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def refused(use: Callable[[], object]) -> str:
    with pytest.raises(StorageRefused) as caught:
        use()
    assert "\n" not in str(caught.value)
    assert "run the same again" in str(caught.value)
    return str(caught.value)


def test_a_full_disk_is_refused_before_anything_is_written_and_room_is_enough_to_go_on(
    tmp_path: Path, small_disk: Callable[[str], None]
) -> None:
    table = Warehouse.create(tmp_path / "disk" / "w").table(FINGERPRINTS)
    table.insert([fingerprint(1)])
    before = sorted(path for path in (tmp_path / "disk").rglob("*"))
    filler = tmp_path / "disk" / "filler"
    with filler.open("wb") as stream:
        stream.write(bytes(int(os.statvfs(filler).f_bavail * os.statvfs(filler).f_frsize - LEAST_FREE_BYTES / 2)))
    rows = [fingerprint(n) for n in range(5000)]
    assert "are left on the disk" in refused(lambda: table.insert(rows))
    assert "are left on the disk" in refused(lambda: table.replace(rows))
    filler.unlink()
    assert sorted(path for path in (tmp_path / "disk").rglob("*")) == before
    assert table.insert(rows) == 4999


def test_a_read_only_warehouse_is_read_and_writing_is_refused(
    tmp_path: Path, small_disk: Callable[[str], None]
) -> None:
    Warehouse.create(tmp_path / "disk" / "w").table(FINGERPRINTS).insert([fingerprint(1)])
    small_disk("ro")
    table = Warehouse.open(tmp_path / "disk" / "w").table(FINGERPRINTS)
    assert table.count() == 1
    assert "read-only" in refused(lambda: table.insert([fingerprint(2)]))
    assert "read-only" in refused(lambda: table.replace([fingerprint(2)]))
    small_disk("rw")
    assert table.insert([fingerprint(2)]) == 1

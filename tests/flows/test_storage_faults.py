"""Whatever becomes of the disk under a warehouse: one sentence, a proper exit code, nothing lost, and a way on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.curate import curate
from flows.import_ratings import Request, take_file
from schemas.tables import TABLES
from tests.command_line import salon
from tests.flows.chaos.material import write_photos, write_votes
from tests.flows.test_wrong_use import one_sentence
from warehouse.store import Warehouse

Capture = pytest.CaptureFixture[str]
KEY = "a key of the tests, always the same"
SETTINGS = "[ingest]\nshard = 8\nworkers = 1\n[publish.gates]\n"


@pytest.fixture(autouse=True)
def pseudonyms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", KEY)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("material")
    write_photos(folder / "photos", 20)
    write_votes(folder / "votes.csv", folder / "photos")
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, material: Path) -> Path:
    """A warehouse with photos and votes."""
    root = tmp_path_factory.mktemp("whole") / "w"
    Warehouse.create(root)
    (root / "salon.toml").write_text(SETTINGS)
    os.environ["SALON_PSEUDONYM_KEY"] = KEY
    curate(root=str(root), sources=[str(material / "photos")])
    take_file(str(root), Request(file=str(material / "votes.csv"), scale="1-7", simulated=True))
    del os.environ["SALON_PSEUDONYM_KEY"]
    return root


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[str], None]]]:
    """A small disk, and a function that mounts it again with other options."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("SKIPPED: no right to mount a disk of one's own")

    def again(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)

    try:
        yield place, again
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)  # a server of ours may stand in it


def digests(root: Path) -> dict[str, str]:
    opened = Warehouse.open(root)
    return {spec.name: opened.table(spec).digest() for spec in TABLES}


def refused(capfd: Capture, root: Path, *words: str | Path) -> str:
    """The sentence of a command that must fail with code 1."""
    ended = salon(capfd, root, *words)
    assert ended.code == 1, ended.out + ended.err
    return one_sentence(ended.err)


def test_a_full_disk_is_said_and_with_room_the_same_command_does_the_rest(
    disk: tuple[Path, Callable[[str], None]], material: Path, whole: Path, capfd: Capture
) -> None:
    place, again = disk
    root = place / "w"
    Warehouse.create(root)
    (root / "salon.toml").write_text(SETTINGS)
    again("size=16300k")  # enough to begin with
    words = ("curate", material / "photos")
    sentences = [refused(capfd, root, *words), refused(capfd, root, *words)]
    assert all("left on the disk" in text and "run the same again" in text for text in sentences)
    again("size=200m")
    assert salon(capfd, root, *words).code == 0
    votes = ("import-ratings", material / "votes.csv", "--scale", "1-7", "--simulated")
    assert salon(capfd, root, *votes).code == 0
    assert digests(root) == digests(whole)


def test_a_read_only_warehouse_can_be_read_and_every_writer_says_why_it_cannot(
    disk: tuple[Path, Callable[[str], None]], material: Path, whole: Path, tmp_path: Path, capfd: Capture
) -> None:
    place, again = disk
    root = Path(shutil.copytree(whole, place / "w"))
    before = digests(root)
    again("ro")
    for reader in (("status",), ("sql", "SELECT count(*) FROM photos"), ("trace", "p00001.jpg")):
        assert salon(capfd, root, *reader).code == 0, reader
    more = tmp_path / "more"
    shutil.copytree(material / "photos", more)  # other places: new sightings
    writers: tuple[tuple[str | Path, ...], ...] = (
        ("curate", more),
        ("import-ratings", material / "votes.csv", "--scale", "1-9"),
        ("score",),
        ("publish", "beauty"),
    )
    for words in writers:
        sentence = refused(capfd, root, *words)
        assert "read-only" in sentence.lower(), sentence
        assert "run the same again" in sentence, sentence
    again("rw")
    assert digests(root) == before
    assert salon(capfd, root, "score").code == 0


@pytest.mark.parametrize("table", ["photos", "pictures", "sightings"])
def test_a_lost_data_file_is_named_by_every_command_and_its_rows_come_back(
    table: str, whole: Path, material: Path, tmp_path: Path, capfd: Capture
) -> None:
    root = Path(shutil.copytree(whole, tmp_path / "w"))
    before = digests(root)
    lost = max((root / "tables" / table).glob("*.parquet"))
    lost.unlink()
    named = refused(capfd, root, "sql", f"SELECT * FROM {table}")
    assert lost.name in named
    assert "salon maintain --repair" in named
    if table == "photos":
        for words in (("publish", "beauty"), ("search", "--like", "p00001.jpg"), ("curate", material / "photos")):
            assert lost.name in refused(capfd, root, *words), words
    mended = salon(capfd, root, "maintain", "--repair")
    assert mended.code == 0
    assert lost.name in mended.out
    assert "salon ingest SOURCE --recheck" in mended.out
    assert salon(capfd, root, "ingest", material / "photos", "--recheck").code == 0
    assert salon(capfd, root, "curate", material / "photos").code == 0
    assert digests(root) == before


def test_a_release_is_not_touched_by_a_full_disk(
    disk: tuple[Path, Callable[[str], None]], whole: Path, capfd: Capture
) -> None:
    place, _ = disk
    root = Path(shutil.copytree(whole, place / "w"))
    assert salon(capfd, root, "score").code == 0
    filler = place / "filler"
    with filler.open("wb") as stream:
        stream.write(bytes(os.statvfs(place).f_bavail * os.statvfs(place).f_frsize - 200_000))
    sentence = refused(capfd, root, "publish", "beauty")
    assert "disk" in sentence
    filler.unlink()
    assert not list((root / "releases" / "beauty").glob("[0-9]*"))
    assert salon(capfd, root, "publish", "beauty").code == 0
    assert not list((root / "releases" / "beauty").glob(".making*"))

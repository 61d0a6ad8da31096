"""Ingest as a whole on real tables: what is taken, what is refused, and that a second run changes nothing."""

from __future__ import annotations

import csv
import ctypes
import hashlib
import os
import shutil
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from curation.fingerprints import FingerprintMethod
from flows.context import Run
from flows.ingest_job import Answer, Job
from flows.ingest_listing import Choice, Totals, sources_of
from flows.ingest_run import job_of, take_in
from flows.progress import track
from schemas.errors import WrongUse
from schemas.settings import IngestSettings, Settings
from schemas.tables import TABLES
from tests.conftest import real_data
from warehouse.sources.entries import Entry
from warehouse.sources.opening import open_sources
from warehouse.store import Warehouse

FILLED = ("photos", "sightings", "pictures", "fingerprints", "properties", "quarantine")


def new_run(folder: Path, **settings: object) -> Run:
    warehouse = Warehouse.create(folder)
    ingest = IngestSettings.model_validate({"workers": 2, **settings})
    return Run(str(folder), warehouse, Settings(ingest=ingest))


def go(
    run: Run, source: Path | str, choice: Choice | None = None, job: Callable[[Entry], Answer] | None = None
) -> Totals:
    with track("ingest", None) as tracker:
        return take_in(
            run,
            open_sources(str(source)),
            choice or Choice(),
            lambda shard: shard.write(),
            tracker,
            job,
        )


def rows(run: Run, query: str) -> list[dict[str, object]]:
    return list(run.warehouse.query(query).to_pylist())


def state(run: Run) -> dict[str, tuple[int, str]]:
    return {name: (run.warehouse.tables[name].count(), run.warehouse.tables[name].digest()) for name in FILLED}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = new_run(tmp_path_factory.mktemp("hostile") / "w")
    go(run, real_data("hostile", "files"))
    return run


def test_hostile_files_fare_as_their_manifest_says(hostile: Run) -> None:
    photos = {row["photo_id"] for row in rows(hostile, "SELECT photo_id FROM photos")}
    refused = {Path(str(r["uri"])).name: r["reason"] for r in rows(hostile, "SELECT uri, reason FROM quarantine")}
    # Soft rows on which our policy differs: below 64 pixels nothing can be measured.
    too_small = {"lab.tif", "rgb16.tiff", "gps.jpg"}
    with real_data("hostile", "manifest.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            name = Path(row["file"]).name
            wanted = row["expected_action"] != "reject"
            if name in too_small:
                assert row["firmness"] == "soft"
                assert refused[name] == "too_small"
                continue
            assert (row["sha256"] in photos) == wanted, name
            assert (name in refused) != wanted, name


def test_ingest_again_changes_no_table_and_no_version(hostile: Run) -> None:
    before = {spec.name: hostile.warehouse.tables[spec.name].version for spec in TABLES}
    totals = go(hostile, real_data("hostile", "files"))
    assert totals.known == totals.listed == 46
    assert {spec.name: hostile.warehouse.tables[spec.name].version for spec in TABLES} == before
    rechecked = go(hostile, real_data("hostile", "files"), Choice(recheck=True))
    assert rechecked.files == 46
    assert {spec.name: hostile.warehouse.tables[spec.name].version for spec in TABLES} == before


def test_every_photo_has_all_its_rows(hostile: Run) -> None:
    found = rows(
        hostile,
        """SELECT p.photo_id, count(DISTINCT i.version) AS pictures, count(DISTINCT f.method) AS prints,
                  count(DISTINCT q.version) AS properties, count(DISTINCT s.uri) AS sightings
           FROM photos p LEFT JOIN pictures i USING (photo_id) LEFT JOIN fingerprints f USING (photo_id)
           LEFT JOIN properties q USING (photo_id) LEFT JOIN sightings s USING (photo_id) GROUP BY 1""",
    )
    assert len(found) == 19
    for row in found:
        assert (row["pictures"], row["prints"], row["properties"]) == (1, len(FingerprintMethod), 1)
        assert int(str(row["sightings"])) >= 1


def test_photos_are_named_by_their_bytes_and_copies_are_one_photo_seen_twice(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    original = sorted(real_data("oasis", "images").iterdir())[0]
    shutil.copy(original, source / "a.jpg")
    (source / "deep").mkdir()
    shutil.copy(original, source / "deep" / "b.jpg")
    (source / "notes.txt").write_text("no picture")
    run = new_run(tmp_path / "w")
    totals = go(run, source)
    assert [row["photo_id"] for row in rows(run, "SELECT photo_id FROM photos")] == [
        hashlib.sha256(original.read_bytes()).hexdigest()
    ]
    assert [row["file_name"] for row in rows(run, "SELECT file_name FROM sightings ORDER BY 1")] == ["a.jpg", "b.jpg"]
    assert totals.listed == 2
    assert run.warehouse.tables["quarantine"].count() == 0


def test_a_changed_file_is_read_again_and_a_touched_one_adds_nothing_for_ever(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    images = sorted(real_data("oasis", "images").iterdir())
    shutil.copy(images[0], source / "a.jpg")
    run = new_run(tmp_path / "w")
    go(run, source)
    os.utime(source / "a.jpg", (1_700_000_000, 1_700_000_000))
    assert go(run, source).files == 1
    assert go(run, source).files == 0
    assert run.warehouse.tables["sightings"].count() == 1
    shutil.copy(images[1], source / "a.jpg")
    assert go(run, source).written.photos == 1
    assert run.warehouse.tables["sightings"].count() == 2


@dataclass(frozen=True)
class DecoderThatFails:
    """The real job, but for files whose names say what the decoder does to its process."""

    real: Job

    def prepare(self) -> None:
        self.real.prepare()

    def __call__(self, entry: Entry) -> Answer:
        if entry.file_name.startswith("segfault"):
            ctypes.string_at(0)
        if entry.file_name.startswith("hang"):
            ctypes.CDLL(None).sleep(1000)
        if entry.file_name.startswith("eat"):
            bytearray(8_000_000_000)
        if entry.file_name.startswith("slow"):
            time.sleep(0.5)
        return self.real(entry)


def test_a_run_survives_decoders_that_crash_hang_and_eat_memory_and_retries_what_it_is_told(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    images = sorted(real_data("oasis", "images").iterdir())[:12]
    for number, image in enumerate(images):
        bad = {2: "segfault", 5: "hang", 8: "eat"}.get(number, "good")
        shutil.copy(image, source / f"{bad}_{number}.jpg")
    run = new_run(tmp_path / "w", timeout_s=2)
    real = job_of(run)
    go(run, source, job=DecoderThatFails(real))
    assert run.warehouse.tables["photos"].count() == 9
    found = rows(run, "SELECT uri, reason FROM quarantine ORDER BY uri")
    assert [(Path(str(r["uri"])).name, r["reason"]) for r in found] == [
        ("eat_8.jpg", "bomb"),
        ("hang_5.jpg", "timeout"),
        ("segfault_2.jpg", "crashed"),
    ]
    assert go(run, source).files == 0
    assert go(run, source, Choice(retry=["timeout", "crashed"])).written.photos == 2
    left = rows(run, "SELECT uri, reason FROM quarantine")
    assert [(Path(str(r["uri"])).name, r["reason"]) for r in left] == [("eat_8.jpg", "bomb")]


def test_of_files_with_the_same_bytes_the_first_one_listed_names_the_photo_whoever_is_quicker(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    original = sorted(real_data("oasis", "images").iterdir())[0]
    shutil.copy(original, source / "slow.png")
    shutil.copy(original, source / "then.jpg")
    run = new_run(tmp_path / "w")
    go(run, source, job=DecoderThatFails(job_of(run)))
    assert run.warehouse.tables["sightings"].count() == 2
    (photo,) = rows(run, "SELECT uri, warnings FROM photos")
    assert Path(str(photo["uri"])).name == "slow.png"
    assert photo["warnings"] == ["wrong_ending"]


def test_a_run_broken_off_and_finished_equals_an_unbroken_one(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for image in sorted(real_data("oasis", "images").iterdir())[:24]:
        shutil.copy(image, source / image.name)
    whole = new_run(tmp_path / "whole", shard=5)
    go(whole, source)
    broken = new_run(tmp_path / "broken", shard=5)
    commits = 0

    def failing(shard: object) -> object:
        nonlocal commits
        commits += 1
        if commits == 3:
            raise KeyboardInterrupt
        return shard.write()  # type: ignore[attr-defined]  # a Shard

    with pytest.raises(KeyboardInterrupt), track("ingest", None) as tracker:
        take_in(broken, open_sources(str(source)), Choice(), failing, tracker)  # type: ignore[arg-type]  # as above
    assert 0 < broken.warehouse.tables["photos"].count() < 24
    go(broken, source)
    assert state(broken) == state(whole)


def test_files_of_a_network_are_waited_for_side_by_side(tmp_path: Path) -> None:
    images = [path.read_bytes() for path in sorted(real_data("oasis", "images").iterdir())[:8]]
    lock, open_now, most = threading.Lock(), 0, 0

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal open_now, most
            with lock:
                open_now += 1
                most = max(most, open_now)
            time.sleep(0.5)
            data = images[int(Path(self.path).stem)]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            with lock:
                open_now -= 1

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        (tmp_path / "list.txt").write_text(
            "".join(f"http://127.0.0.1:{server.server_port}/{number}.jpg\n" for number in range(8))
        )
        run = new_run(tmp_path / "w", workers=1, web_private_addresses=True)
        with track("ingest", None) as tracker:
            take_in(run, sources_of(run, [str(tmp_path / "list.txt")]), Choice(), lambda shard: shard.write(), tracker)
        server.shutdown()
        thread.join()
    assert run.warehouse.tables["photos"].count() == 8
    assert most > 2


def test_a_missing_source_and_an_empty_folder_are_wrong_use(tmp_path: Path) -> None:
    run = new_run(tmp_path / "w")
    with pytest.raises(WrongUse, match="no such file or folder"):
        go(run, tmp_path / "nowhere")
    with pytest.raises(WrongUse, match="no file there"):
        empty = tmp_path / "empty"
        empty.mkdir()
        go(run, empty)


def test_each_original_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for image in sorted(real_data("oasis", "images").iterdir())[:3]:
        shutil.copy(image, source / image.name)
    run = new_run(tmp_path / "w")
    opened: list[str] = []
    real_open = os.open

    def counting(path: str, *rest: object, **more: object) -> int:
        if str(path).startswith(str(source)):
            opened.append(Path(path).name)
        return real_open(path, *rest, **more)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(os, "open", counting)
    job = job_of(run)
    for entry in open_sources(str(source))[0].entries():
        job(entry)
    assert sorted(opened) == sorted(path.name for path in source.iterdir())


def test_pictures_are_canonical(hostile: Run) -> None:
    import io

    for row in rows(
        hostile,
        "SELECT p.width, p.height, i.width AS w, i.height AS h, i.bytes FROM photos p JOIN pictures i USING (photo_id)",
    ):
        with Image.open(io.BytesIO(row["bytes"])) as picture:  # type: ignore[arg-type]  # bytes
            assert (picture.format, picture.size, picture.mode) == ("JPEG", (row["w"], row["h"]), "RGB")
            assert not picture.getexif()
            assert "icc_profile" not in picture.info
        short, side = min(int(str(row["width"])), int(str(row["height"]))), min(int(str(row["w"])), int(str(row["h"])))
        assert side == min(short, 512)


def test_members_of_a_tar_file_are_photos_whose_bytes_are_kept_in_the_warehouse(tmp_path: Path) -> None:
    images = sorted(real_data("oasis", "images").iterdir())[:3]
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for image in images:
            archive.add(image, arcname=f"deep/{image.name}")
    run = new_run(tmp_path / "w")
    assert go(run, tmp_path / "shard.tar").written.photos == 3
    found = rows(run, "SELECT photo_id, file_name FROM sightings ORDER BY file_name")
    assert [row["file_name"] for row in found] == [image.name for image in images]
    for row, image in zip(found, images, strict=True):
        photo_id = str(row["photo_id"])
        assert (tmp_path / "w" / "objects" / photo_id[:2] / photo_id).read_bytes() == image.read_bytes()
    assert go(run, tmp_path / "shard.tar").files == 0

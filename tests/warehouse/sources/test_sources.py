"""Each kind of source lists its files, reads them, and keeps hostile places out."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import BadInput, WrongUse
from warehouse.sources.entries import Entry, Unreadable
from warehouse.sources.folder import LocalFile
from warehouse.sources.opening import SourceKind, open_sources
from warehouse.sources.web import WebFile, WebManners, check_opt_out

LOOPBACK = WebManners(seconds=2, tries=2, private_addresses=True)


def listed(text: object, kind: SourceKind | None = None, manners: WebManners | None = None) -> list[Entry]:
    return [entry for source in open_sources(str(text), kind, manners) for entry in source.entries()]


def content(entry: Entry) -> bytes:
    assert entry.address is not None
    return entry.address.read(1_000_000).data


def reason_of(entry: Entry) -> str:
    assert entry.refused is not None
    return entry.refused.reason


# -- folders -----------------------------------------------------------------------------------------
def test_a_folder_is_walked_in_order_and_what_is_no_picture_by_its_name_is_counted(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/z.png", "a/notes.txt", "c/d/e.webp", ".hidden", "no_ending"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    source = open_sources(str(tmp_path))[0]
    entries = list(source.entries())
    assert [Path(entry.uri).relative_to(tmp_path).as_posix() for entry in entries] == [
        "b.jpg",
        "no_ending",
        "a/z.png",
        "c/d/e.webp",
    ]
    assert source.ignored() == {".txt": 1, "hidden": 1}
    assert [content(entry) for entry in entries] == [b"b.jpg", b"no_ending", b"a/z.png", b"c/d/e.webp"]


def test_links_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    (inside / "deep" / "a.jpg").write_bytes(b"a")
    (inside / "out.jpg").symlink_to(secret)
    (inside / "fine.jpg").symlink_to(inside / "deep" / "a.jpg")
    (inside / "away").symlink_to(tmp_path)
    (inside / "loop.jpg").symlink_to(inside / "loop.jpg")
    (inside / "nowhere.jpg").symlink_to(inside / "missing.jpg")
    found = {entry.file_name: entry for entry in listed(inside)}
    assert {name for name, entry in found.items() if entry.refused is None} == {"a.jpg", "fine.jpg"}
    assert reason_of(found["out.jpg"]) == reason_of(found["away"]) == "unsafe_path"
    assert reason_of(found["loop.jpg"]) == reason_of(found["nowhere.jpg"]) == "unreadable"


def test_pipes_and_odd_names_neither_block_nor_end_the_listing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    odd = os.fsencode(tmp_path) + b"/b\xff\xfe.jpg"
    Path(os.fsdecode(odd)).write_bytes(b"odd")
    (tmp_path / "new\nline 'quote' \u200f.jpg").write_bytes(b"line")
    found = {entry.file_name: entry for entry in listed(tmp_path)}
    assert reason_of(found["pipe.jpg"]) == "unreadable"
    entry = found["b\ufffd\ufffd.jpg"]
    assert entry.uri.startswith("file:///")
    assert entry.uri.endswith("/b%FF%FE.jpg")
    entry.uri.encode("utf-8")
    assert content(entry) == b"odd"
    assert content(found["new\nline 'quote' \u200f.jpg"]) == b"line"


def test_a_file_that_vanished_changed_its_kind_or_is_too_large_is_refused_when_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12345")
    entry = listed(tmp_path)[0]
    assert entry.address is not None
    with pytest.raises(Unreadable, match="at most 4"):
        entry.address.read(4)
    path.unlink()
    with pytest.raises(Unreadable, match="vanished"):
        entry.address.read(100)
    os.mkfifo(path)
    began = time.monotonic()
    with pytest.raises(Unreadable, match="no regular file"):
        entry.address.read(100)
    assert time.monotonic() - began < 5


def test_a_file_that_keeps_growing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12345")
    real = os.fstat

    def growing(handle: int) -> os.stat_result:
        found = real(handle)
        with path.open("ab") as stream:
            stream.write(b"more")
        return found

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(Unreadable, match="changed"):
        LocalFile(str(path)).read(1000)


def test_missing_things_are_wrong_use(tmp_path: Path) -> None:
    for text in (tmp_path / "missing", tmp_path / "*.jpg", tmp_path / "missing.csv", tmp_path / "a.tar"):
        with pytest.raises(WrongUse, match="no "):
            listed(text)


# -- the web -----------------------------------------------------------------------------------------
class Server(BaseHTTPRequestHandler):
    tries: dict[str, int] = {}  # noqa: RUF012 - a counter that the test reads

    def do_GET(self) -> None:
        self.tries[self.path] = self.tries.get(self.path, 0) + 1
        if self.path == "/busy-once.jpg" and self.tries[self.path] == 1:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path == "/moved.jpg":
            self.send_response(302)
            self.send_header("Location", "/photo.jpg")
            self.end_headers()
            return
        if self.path == "/round.jpg":
            self.send_response(302)
            self.send_header("Location", "/round.jpg")
            self.end_headers()
            return
        if self.path == "/missing.jpg":
            self.send_error(404)
            return
        body = b"x" * 5000 if self.path == "/large.jpg" else b"photo"
        self.send_response(200)
        if self.path == "/noai.jpg":
            self.send_header("X-Robots-Tag", "noindex, noai")
        if self.path != "/large.jpg":
            self.send_header("Content-Length", str(len(body) + (self.path == "/short.jpg")))
        self.end_headers()
        if self.path == "/slow.jpg":
            time.sleep(4)
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.tries = {}
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


def test_files_of_the_web_are_read_with_retries_and_moves(server: str) -> None:
    for name in ("photo", "busy-once", "moved"):
        assert WebFile(f"{server}/{name}.jpg", LOOPBACK).read(1000).data == b"photo"
    assert Server.tries["/busy-once.jpg"] == 2


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("missing", "unreadable", "404"),
        ("large", "too_large", "at most 1,000"),
        ("round", "unreadable", "moved more than"),
        ("noai", "opted_out", "noai"),
        ("short", "unreadable", "2 tries"),
        ("slow", "unreadable", "2 tries"),
    ],
)
def test_what_the_web_does_wrong_is_a_reason(server: str, name: str, reason: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words) as caught:
        WebFile(f"{server}/{name}.jpg", LOOPBACK).read(1000)
    assert caught.value.reason == reason
    if name in ("missing", "noai"):
        assert Server.tries[f"/{name}.jpg"] == 1  # another try would say the same


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "0.0.0.0"])
def test_private_addresses_are_refused_without_a_connection(host: str) -> None:
    with pytest.raises(Unreadable, match="private") as caught:
        WebFile(f"http://{host}/a.jpg", WebManners(seconds=1, tries=1)).read(1000)
    assert caught.value.reason == "unsafe_path"


def test_opt_out_headers_are_understood_in_all_their_spellings() -> None:
    words = ("noai", "noimageai")
    for header in ({"X-Robots-Tag": "NoAI"}, {"x-robots-tag": "*: noimageai"}, {"TDM-Reservation": "1"}):
        with pytest.raises(Unreadable):
            check_opt_out(header, words)
    for header in ({}, {"X-Robots-Tag": "noindex"}, {"X-Robots-Tag": "otherbot: noai"}, {"TDM-Reservation": "0"}):
        check_opt_out(header, words)


def test_a_list_of_addresses_brings_licence_and_photographer(tmp_path: Path, server: str) -> None:
    path = tmp_path / "list.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["URL", "Licence", "author", "size"])
        writer.writerow([f"{server}/a%20b.jpg", "CC BY 4.0", "Ada, with comma", 5])
        writer.writerow(["file:///etc/passwd", "", "", ""])
        writer.writerow(["/etc/passwd", "", "", ""])
    photo, *others = listed(path, manners=LOOPBACK)
    assert (photo.file_name, photo.license, photo.photographer, photo.size) == (
        "a b.jpg",
        "CC BY 4.0",
        "Ada, with comma",
        5,
    )
    assert not photo.permanent
    assert content(photo) == b"photo"
    assert [reason_of(entry) for entry in others] == ["unsafe_path", "unsafe_path"]


def test_lists_come_as_text_and_parquet_too_and_a_list_without_addresses_says_so(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# comment\nhttps://example.org/a.jpg\n\nhttps://example.org/b.jpg\n")
    assert [entry.file_name for entry in listed(tmp_path / "list.txt")] == ["a.jpg", "b.jpg"]
    pq.write_table(pa.table({"image_url": ["s3://bucket/a.jpg"], "license": ["CC0"]}), tmp_path / "list.parquet")
    entry = listed(tmp_path / "list.parquet")[0]
    assert (entry.uri, entry.license) == ("s3://bucket/a.jpg", "CC0")
    (tmp_path / "odd.csv").write_text(
        "url,size,license\nhttp://[bad,x,\nhttps://e.org/a.jpg,12,\nhttps://e.org/b.jpg,,CC0\n"
    )
    bad, sized, plain = listed(tmp_path / "odd.csv")
    assert bad.refused is not None
    assert (bad.refused.reason, sized.size, sized.license, plain.license) == ("unsafe_path", 12, None, "CC0")
    (tmp_path / "latin.txt").write_bytes(b"https://e.org/caf\xe9.jpg")
    with pytest.raises(BadInput, match="UTF-8"):
        listed(tmp_path / "latin.txt")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="no column with addresses"):
        listed(tmp_path / "bad.csv")


# -- archives and tables -----------------------------------------------------------------------------
def write_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            archive.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("folder", ["", "a/", "./"])
def test_a_tar_file_lists_members_with_the_rights_beside_them(tmp_path: Path, folder: str) -> None:
    rights = json.dumps({"license": "CC BY", "author": "Ada"}).encode()
    members = {"0001.jpg": b"one", "0001.json": rights, "0002.jpg": b"two", "0002.txt": b"caption"}
    write_tar(tmp_path / "shard-000.tar", {folder + name: data for name, data in members.items()})
    one, two = listed(tmp_path / "shard-*.tar")
    assert (one.file_name, one.license, one.photographer, content(one)) == ("0001.jpg", "CC BY", "Ada", b"one")
    assert (two.file_name, two.license, content(two)) == ("0002.jpg", None, b"two")
    assert not one.permanent
    assert one.uri != two.uri


def test_a_broken_or_compressed_tar_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"\x1f\x8b" + b"no tar" * 200)
    with pytest.raises(BadInput, match="unpacked first"):
        listed(tmp_path / "a.tar")
    with pytest.raises(WrongUse, match="unpack it first"):
        listed(tmp_path / "a.tar.gz")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "none.parquet")
    with pytest.raises(BadInput, match="no column with pictures or addresses"):
        listed(tmp_path / "none.parquet")


def test_pictures_in_a_parquet_file_are_read_at_their_row(tmp_path: Path) -> None:
    images = [{"bytes": bytes([number]) * 3, "path": f"p/{number}.jpg"} for number in range(5)]
    table = pa.table({"image": images, "license": [f"L{number}" for number in range(5)]})
    pq.write_table(table, tmp_path / "data.parquet", row_group_size=2)
    entries = listed(tmp_path / "data.parquet")
    assert [entry.file_name for entry in entries] == [f"{number}.jpg" for number in range(5)]
    assert [entry.license for entry in entries] == [f"L{number}" for number in range(5)]
    assert [content(entry) for entry in entries] == [bytes([number]) * 3 for number in range(5)]
    pq.write_table(pa.table({"image": [{"bytes": b"a"}, {"bytes": None}]}), tmp_path / "bare.parquet")
    bare = listed(tmp_path / "bare.parquet")
    assert [entry.file_name for entry in bare] == ["row_0", "row_1"]
    assert content(bare[0]) == b"a"
    with pytest.raises(Unreadable, match="empty"):
        content(bare[1])


def test_a_saved_dataset_is_read_at_its_rows_forwards_and_backwards(tmp_path: Path) -> None:
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("license", pa.string())]
    )
    for split in ("train", "test"):
        (tmp_path / "saved" / split).mkdir(parents=True)
        (tmp_path / "saved" / split / "state.json").write_text("{}")
        with (
            (tmp_path / "saved" / split / "data-00000-of-00001.arrow").open("wb") as stream,
            pa.ipc.new_stream(stream, schema) as writer,
        ):
            for start in (0, 2, 4):
                numbers = range(start, start + 2)
                cells = [
                    {"bytes": split.encode() + bytes([n]), "path": None if n == 3 else f"{n}.jpg"} for n in numbers
                ]
                rows = [{"image": cell, "license": "CC0"} for cell in cells]
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    entries = listed(tmp_path / "saved")
    assert [entry.file_name for entry in entries[:6]] == ["0.jpg", "1.jpg", "2.jpg", "row_3", "4.jpg", "5.jpg"]
    assert len({entry.uri for entry in entries}) == 12
    assert entries[0].license == "CC0"
    wanted = [split + bytes([n]) for split in (b"test", b"train") for n in range(6)]
    assert [content(entry) for entry in entries] == wanted
    assert [content(entry) for entry in reversed(entries)] == wanted[::-1]
    with pytest.raises(BadInput, match="no valid Arrow stream"):
        (tmp_path / "broken.arrow").write_bytes(b"nothing of the kind")
        listed(tmp_path / "broken.arrow")


def test_what_fsspec_reaches_is_listed_and_read() -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("top.jpg", "one/a.jpg", "two/deep/b.png", "two/notes.txt"):
        memory.pipe(f"/test-bucket/{name}", name.encode())
    entries = listed("memory://test-bucket")
    assert sorted(entry.file_name for entry in entries) == ["a.jpg", "b.png", "top.jpg"]
    assert sorted(content(entry) for entry in entries) == [b"one/a.jpg", b"top.jpg", b"two/deep/b.png"]
    with pytest.raises(WrongUse, match="no such address"):
        listed("memory://no-such-bucket")

"""An S3 server on loopback that lists as many keys as one asks for, made on the fly, and counts what is read.

Keys of two kinds: ``photos/PPPP/NNNNNNN.jpg``, which the warehouse of a benchmark knows, and ``photos/PPPP/new-*.jpg``,
each a picture of its own. Sizes, times and tags follow from the key, so the rows that a warehouse has for them can
be written without listing.
"""

from __future__ import annotations

import json
import sys
import threading
import urllib.request
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import simplejpeg

BUCKET = "synthetic"
MODIFIED = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 1000


@dataclass(frozen=True)
class Layout:
    """How many prefixes there are, and how many known and new keys in each."""

    prefixes: int
    known: int
    new: int

    @property
    def keys(self) -> int:
        """All keys."""
        return self.prefixes * (self.known + self.new)

    def prefix(self, number: int) -> str:
        """The address of a prefix."""
        return f"photos/{number:04d}/"

    def names(self, first: int, count: int) -> list[str]:
        """Names of a prefix's keys from a place on, in S3's order: digits come before letters."""
        last = min(first + count, self.known + self.new)
        old = [f"{n:07d}.jpg" for n in range(first, min(last, self.known))]
        return old + [f"new-{n:04d}.jpg" for n in range(max(first, self.known) - self.known, last - self.known)]

    def place(self, name: str) -> int:
        """Place of the first name after the given one."""
        if name.startswith("new-"):
            return self.known + int(name[4:8]) + 1
        return int(name[:7]) + 1


def size_of(prefix: int, name: str) -> int:
    """Bytes of a known object, as the listing tells."""
    return 2_000_000 + prefix * 31 + int(name[:7]) % 1009


def tag_of(prefix: int, name: str) -> str:
    """ETag of an object."""
    return f"{prefix:08x}{name.removesuffix('.jpg').rjust(24, '0')}"


def picture(prefix: int, name: str) -> bytes:
    """A new object's bytes: a small picture like no other."""
    rng = np.random.default_rng([prefix, int(name[4:8])])
    coarse = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(coarse.repeat(16, 0).repeat(16, 1)), quality=80))


class Bucket(ThreadingHTTPServer):
    """The server; `counts` holds list requests, reads of known and of new objects, and reads of each new one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, layout: Layout) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.layout = layout
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()

    def count(self, what: str) -> None:
        """One more request of a kind."""
        with self.lock:
            self.counts[what] += 1


class Handler(BaseHTTPRequestHandler):
    """Answers ListObjectsV2, GET and HEAD."""

    protocol_version = "HTTP/1.1"
    server: Bucket
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        if bucket == "counts":
            self.answer(json.dumps(self.server.counts).encode(), "application/json")
        elif not key:
            self.server.count("list")
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.answer(listing(self.server.layout, asked).encode(), "application/xml")
        else:
            self.object(key)

    def do_HEAD(self) -> None:
        self.server.count("head")
        self.object(urlsplit(self.path).path.lstrip("/").partition("/")[2], body=False)

    def object(self, key: str, body: bool = True) -> None:
        folder, _, name = key.rpartition("/")
        if not name.startswith("new-"):
            if body:
                self.server.count("read known")
            self.send_error(404)
            return
        if body:
            self.server.count("read new")
            self.server.count(f"read {key}")
        self.answer(picture(int(folder[-4:]), name), "image/jpeg", body)

    def answer(self, content: bytes, kind: str, body: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", MODIFIED.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        self.send_header("ETag", '"0"')
        self.end_headers()
        if body:
            self.wfile.write(content)


def listing(layout: Layout, asked: dict[str, str]) -> str:
    """One page of ListObjectsV2."""
    prefix, after = asked.get("prefix", ""), asked.get("continuation-token") or asked.get("start-after", "")
    if asked.get("delimiter") and prefix in ("", "photos/"):
        found = ["photos/"] if not prefix else [layout.prefix(number) for number in range(layout.prefixes)]
        page = [one for one in found if one > after][:PAGE]
        more = bool(page) and page[-1] != found[-1]
        shared = "".join(f"<CommonPrefixes><Prefix>{one}</Prefix></CommonPrefixes>" for one in page)
        return _result(shared, page[-1] if more else "")
    folders = [layout.prefix(number) for number in range(layout.prefixes)]
    number = max(0, bisect_right(folders, after) - 1) if after else 0
    if prefix.count("/") > 1:
        number = int(prefix.split("/")[1])
        last = number
    else:
        last = layout.prefixes - 1
    at = layout.place(after.rpartition("/")[2]) if after else 0
    rows: list[str] = []
    token = ""
    left = min(PAGE, int(asked.get("max-keys", PAGE)))
    while number <= last and left:
        names = layout.names(at, left)
        folder = layout.prefix(number)
        rows += [_row(number, folder, name) for name in names]
        left -= len(names)
        at += len(names)
        token = folder + names[-1] if names else token
        if at >= layout.known + layout.new:
            number, at = number + 1, 0
    return _result("".join(rows), token if number <= last else "")


def _row(number: int, folder: str, name: str) -> str:
    size = size_of(number, name) if name[0] != "n" else len(picture(number, name))
    return (
        f"<Contents><Key>{folder}{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{tag_of(number, name)}&quot;</ETag><Size>{size}</Size></Contents>"
    )


def _result(inner: str, token: str) -> str:
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{BUCKET}</Name><MaxKeys>{PAGE}</MaxKeys>{more or '<IsTruncated>false</IsTruncated>'}{inner}"
        "</ListBucketResult>"
    )


@contextmanager
def synthetic_bucket(layout: Layout) -> Iterator[str]:
    """Run the server in a process of its own; yields its address."""
    command = [sys.executable, "-m", "tests.benchmarks.synthetic_bucket", json.dumps(asdict(layout))]
    server = Popen(command, stdout=PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait(20)


def counts(address: str) -> dict[str, int]:
    """What the server has counted so far."""
    with urllib.request.urlopen(f"{address}/counts", timeout=60) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def environment(address: str) -> dict[str, str]:
    """What clients of the server need."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }


if __name__ == "__main__":
    bucket = Bucket(0, Layout(**json.loads(sys.argv[1])))
    print(bucket.server_address[1], flush=True)
    bucket.serve_forever()

"""A stand-in for the Hub's API on loopback: repositories, Git LFS uploads, commits, tags; with faults on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

Answer = tuple[int, Any]


class Hub:
    """What the stand-in holds.

    Parameters
    ----------
    fail_every : int
        Every n-th request is answered by 503; 0: none.
    """

    def __init__(self, fail_every: int = 0) -> None:
        self.fail_every = fail_every
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.tags: dict[str, dict[str, bytes]] = {}
        self.uploads = 0
        self.requests = 0
        self.lock = Lock()
        self.address = ""

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Status and JSON of one request."""
        plain = path.split("?")[0]
        if plain.startswith("/upload/"):
            oid = plain.removeprefix("/upload/")
            assert hashlib.sha256(body).hexdigest() == oid
            self.objects[oid] = body
            self.uploads += 1
            return 200, {}
        if plain == "/api/repos/create":
            return 200, {"url": f"{self.address}/datasets/me/beauty", "name": "me/beauty", "id": "1"}
        if plain == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if plain.endswith("/refs"):
            main = [{"name": "main", "ref": "refs/heads/main", "targetCommit": "0" * 40}]
            tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": "0" * 40} for t in self.tags]
            return 200, {"branches": main, "tags": tags, "converts": []}
        if "/tree/" in plain:
            return 200, [{"type": "file", "path": p, "size": len(d), "oid": "0" * 40} for p, d in self.files.items()]
        if "/preupload/" in plain:
            wanted = json.loads(body)["files"]
            mode = [("lfs" if f["path"].endswith(".parquet") else "regular") for f in wanted]
            return 200, {"files": [{"path": f["path"], "uploadMode": m, "shouldIgnore": False, "oid": None}
                                   for f, m in zip(wanted, mode, strict=True)]}  # fmt: skip
        if plain.endswith("/info/lfs/objects/batch"):
            return 200, {"transfer": "basic", "objects": [self._upload(o) for o in json.loads(body)["objects"]]}
        if "/commit/" in plain:
            self._commit(body)
            return 200, {"commitUrl": f"{self.address}/datasets/me/beauty/commit/{'1' * 40}", "commitOid": "1" * 40,
                         "pullRequestUrl": None, "hookOutput": ""}  # fmt: skip
        if "/tag/" in plain:
            self.tags[json.loads(body)["tag"]] = dict(self.files)
            return 200, {}
        return 404, {"error": f"{method} {plain}"}

    def _upload(self, wanted: dict[str, Any]) -> dict[str, Any]:
        known = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] in self.objects:
            return known
        return {**known, "actions": {"upload": {"href": f"{self.address}/upload/{wanted['oid']}"}}}

    def _commit(self, body: bytes) -> None:
        for line in body.splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                self.files[value["path"]] = self.objects[value["oid"]]
            elif part["key"] == "deletedFile":
                del self.files[value["path"]]


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """Serve the stand-in on a free loopback port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with hub.lock:
                hub.requests += 1
                if hub.fail_every and hub.requests % hub.fail_every == 0:
                    code, data = 503, {"error": "busy"}
                else:
                    code, data = hub.answer(self.command, self.path, body)
            text = json.dumps(data).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - http.server's own names

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    assert re.match(r"http://127\.0\.0\.1:\d+", hub.address)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

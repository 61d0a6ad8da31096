"""A proxy in front of an object store that fails, loses answers and is slow, as stores are on bad days.

It runs in a process of its own: some calls of deltalake hold the interpreter while they wait for an answer, and a
proxy in a thread of the caller could then never give one. ``python -m tests.failing_store TARGET SEED`` tells its
port, serves until standard input ends, and tells what it did.
"""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "keep-alive"}
SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)


@dataclass
class BadDays:
    """Shares of requests that meet each fault, and what was done.

    Parameters
    ----------
    refused : float
        Answered with 503 SlowDown, and not passed on.
    lost : float
        Passed on and carried out; the answer is lost.
    slow : float
        Answered after `pause_s`.
    """

    refused: float = 0.03
    lost: float = 0.02
    slow: float = 0.04
    pause_s: float = 1.5
    seed: int = 0
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._rng, self._lock = random.Random(self.seed), threading.Lock()

    def draw(self) -> str:
        """What becomes of the next request."""
        with self._lock:
            place = self._rng.random()
            fate = next(
                (
                    name
                    for name, limit in (
                        ("refused", self.refused),
                        ("lost", self.refused + self.lost),
                        ("slow", self.refused + self.lost + self.slow),
                    )
                    if place < limit
                ),
                "well",
            )
            self.done[fate] += 1
        return fate


@contextmanager
def failing_store(target: str, seed: int) -> Iterator[tuple[str, Counter[str]]]:
    """Run the proxy in front of `target`; yields its address, and what it did, which is known at the end."""
    done = Counter[str]()
    command = [sys.executable, "-m", "tests.failing_store", target, str(seed)]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}", done
        finally:
            text, _ = process.communicate(timeout=60)
            done.update(json.loads(text))


def main() -> None:
    """Serve until standard input ends."""
    days = BadDays(seed=int(sys.argv[2]))
    with serving(sys.argv[1], days) as port:
        print(port, flush=True)
        sys.stdin.read()
    print(json.dumps(days.done))


@contextmanager
def serving(target: str, days: BadDays) -> Iterator[int]:
    """The proxy in threads of this process; yields its port."""
    host = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (ConnectionError, http.client.HTTPException):
                self.close_connection = True

        def _pass_on(self) -> None:
            body = self._body()
            fate = days.draw()
            if fate == "refused":
                self._answer(503, [("Content-Type", "application/xml")], SLOW_DOWN)
                return
            if fate == "slow":
                time.sleep(days.pause_s)
            upstream = http.client.HTTPConnection(host, timeout=120)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP and name.lower() != "content-length":
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP]
            upstream.close()
            if fate == "lost":
                self.close_connection = True
                self.connection.close()
                return
            self._answer(answer.status, headers, content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() != "content-length" or self.command == "HEAD":
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815 - names that the base class looks for

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


if __name__ == "__main__":
    main()

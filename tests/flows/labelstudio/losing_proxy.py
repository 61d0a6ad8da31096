"""A proxy that passes requests on and loses some of the answers, as a network does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

Loses = Callable[[str, str, int], bool]
"""From method, path and the request's number (from 1) to whether its answer is lost."""

LEFT_OUT = {"connection", "transfer-encoding", "content-encoding", "content-length", "host"}


class Losing:
    """What the proxy did."""

    def __init__(self, target: str, loses: Loses) -> None:
        self.target, self.loses = target, loses
        self.requests = 0
        self.lost = 0
        self.lock = threading.Lock()


@contextmanager
def losing_proxy(target: str, loses: Loses) -> Iterator[tuple[str, Losing]]:
    """Run the proxy; yields its address and what it did."""
    state = Losing(target, loses)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with state.lock:
                state.requests += 1
                number = state.requests
            kept = {k: v for k, v in self.headers.items() if k.lower() not in LEFT_OUT}
            answer = httpx.request(
                self.command, state.target + self.path, headers=kept, content=body, timeout=120, trust_env=False
            )
            if state.loses(self.command, self.path, number):
                with state.lock:
                    state.lost += 1
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in LEFT_OUT:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - names that the base class looks for

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

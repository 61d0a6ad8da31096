"""A Prefect server for the length of one command, where none is set.

Prefect starts a temporary server itself, but waits for it before it does anything, leaves it behind when the
run is killed, and gives up after a while on a busy machine. This one is started while the command still
imports its parts, listens on a socket that is open from the start (so nothing polls, and no port is raced for),
keeps its history in Prefect's usual database, is started again where it is killed, and ends with its parent
whatever ends that.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import WrongUse

BACKLOG = 512
MOST_RESTARTS = 5


def ensure_server(*, scheduling: bool = False, port: int = 0) -> str:
    """Start a server unless Prefect is set to one; later calls do nothing.

    Parameters
    ----------
    scheduling : bool
        Also run the services that start scheduled runs; a single command needs none of them.
    port : int
        Loopback port; 0 is any free one.

    Returns
    -------
    str
        The address of the server's API.
    """
    known = os.environ.get("PREFECT_API_URL") or (port and _server_of_profile())
    if known:
        return known
    # Started before Prefect is imported, which takes a second; a profile that names another server ends it.
    server = _Server(_listen(port), scheduling)
    known = _server_of_profile()
    if known:
        server.end()
        return known
    atexit.register(server.end)
    os.environ["PREFECT_API_URL"] = server.address
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()  # Prefect read its settings when it was imported
    return server.address


def _server_of_profile() -> str:
    """The server that Prefect's own settings name; empty where they name none."""
    from prefect.settings import get_current_settings

    return str(get_current_settings().api.url or "")


def _listen(port: int) -> socket.socket:
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    except OSError as error:
        raise WrongUse(f"port {port} on loopback: {error.strerror}; name another one or end what uses it.") from error
    # Through a descriptor uvicorn takes the socket for another kind, and asyncio leaves Nagle's algorithm on: every
    # call but the first would wait 40 ms. What is accepted takes this over.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server:
    """The child; another is started where it is killed.

    Its socket stays open here: while nobody serves it, connections wait instead of being refused, and Prefect's
    client repeats the call that was cut off.
    """

    def __init__(self, listener: socket.socket, scheduling: bool) -> None:
        self._listener, self._scheduling = listener, scheduling
        # The child ends when this pipe closes: at our exit, and also when we are killed.
        self._reader, self._writer = os.pipe()
        os.set_inheritable(self._writer, False)
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        self._ending = threading.Event()
        self._child = self._start()
        threading.Thread(target=self._watch, name="prefect server", daemon=True).start()

    def _start(self) -> subprocess.Popen[bytes]:
        listener, reader = self._listener.fileno(), self._reader
        return subprocess.Popen(
            [sys.executable, "-m", "flows.prefect_server", str(listener), str(reader), str(int(self._scheduling))],
            pass_fds=(listener, reader),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the run, which still reports its end to the server
        )

    def _watch(self) -> None:
        for _ in range(MOST_RESTARTS):
            self._child.wait()
            if self._ending.is_set():
                return
            self._child = self._start()
        self._child.wait()
        self._listener.close()  # who cannot be kept alive must not keep callers waiting

    def end(self) -> None:
        """End it, however busy it is."""
        self._ending.set()
        os.close(self._writer)
        try:
            self._child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Two first starts at once would both lay out the same database."""
    import fcntl

    home.mkdir(parents=True, exist_ok=True)
    with (home / "salon-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _serve(listener: int, parent: int, scheduling: bool) -> None:
    """The child: lay out the database if need be, then answer until the parent is gone."""
    import asyncio

    def watch() -> None:
        os.read(parent, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    # Before anything that takes time: a command that ends at once must not wait for our imports.
    threading.Thread(target=watch, daemon=True).start()

    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.server.database import provide_database_interface
    from prefect.settings import get_current_settings

    with _one_at_a_time(get_current_settings().home):
        asyncio.run(provide_database_interface().create_db())
    uvicorn.run(
        create_app(webserver_only=not scheduling), fd=listener, log_level="critical", timeout_graceful_shutdown=3
    )


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1")

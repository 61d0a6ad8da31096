"""A Prefect server for the length of one command, where none is set.

Prefect starts a temporary server itself, but waits for it before it does anything, leaves it behind when the
run is killed, and gives up after a while on a busy machine. This one is started while the command still
imports its parts, listens on a socket that is open from the start (so nothing polls, and no port is raced for),
keeps its history in Prefect's usual database, and ends with its parent whatever ends that.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import WrongUse

BACKLOG = 512


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
    child, writer, address = _start(port, scheduling)
    known = _server_of_profile()
    if known:
        _end(child, writer)
        return known
    atexit.register(_end, child, writer)
    os.environ["PREFECT_API_URL"] = address
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()  # Prefect read its settings when it was imported
    return address


def _server_of_profile() -> str:
    """The server that Prefect's own settings name; empty where they name none."""
    from prefect.settings import get_current_settings

    return str(get_current_settings().api.url or "")


def _start(port: int, scheduling: bool) -> tuple[subprocess.Popen[bytes], int, str]:
    """The server's process, the end of the pipe that keeps it alive, and its address."""
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    except OSError as error:
        raise WrongUse(f"port {port} on loopback: {error.strerror}; name another one or end what uses it.") from error
    # Through a descriptor uvicorn takes the socket for another kind, and asyncio leaves Nagle's algorithm on: every
    # call but the first would wait 40 ms. What is accepted takes this over.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The child ends when this pipe closes: at our exit, and also when we are killed.
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "flows.prefect_server", str(listener.fileno()), str(reader), str(int(scheduling))],
        pass_fds=(listener.fileno(), reader),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the run, which still reports its end to the server
    )
    os.close(reader)
    os.set_inheritable(writer, False)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    listener.close()
    return child, writer, address


def _end(child: subprocess.Popen[bytes], writer: int) -> None:
    os.close(writer)
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


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
    import threading

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

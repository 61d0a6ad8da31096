"""Running the gateway as a server of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from flows.context import Run
from flows.labelstudio.connection import connect
from flows.labelstudio.gateway import Gateway
from flows.labelstudio.gateway_rights import Rights
from flows.progress import SHOWN
from flows.secret_keys import pseudonym_key
from schemas.errors import WrongUse


def serve_gateway(run: Run, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises
    ------
    WrongUse
        The port is taken.
    """
    key, _ = pseudonym_key(run.root)
    with connect(run) as link, listen_on(host, port) as listener:
        gateway = Gateway(Rights(run, link, key), link.client.url, run.settings.labelstudio.break_after_minutes * 60)
        SHOWN.print(f"Raters log in at http://{host}:{listener.getsockname()[1]}/", highlight=False)
        uvicorn.Server(uvicorn.Config(gateway.app(), log_level="warning", access_log=False)).run([listener])


@contextmanager
def listen_on(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens; port 0 is any free one.

    Raises
    ------
    WrongUse
        The port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise WrongUse(f"{host}:{port} cannot be listened on ({error.strerror}); choose another port.") from error
        listener.listen(256)
        yield listener

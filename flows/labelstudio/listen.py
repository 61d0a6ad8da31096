"""`salon collect --listen`: Label Studio's webhooks as a hint that there is something to collect.

A hint is never the only way: webhooks are not sent again, so it also collects at the beginning and now and then.
What a webhook says is not read. It is answered before anything is done, since Label Studio lets the rater wait for
the answer; hints that come while ratings are being collected lead to one pass more.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flows.context import Run, open_run
from flows.labelstudio.connection import connect
from flows.labelstudio.serve_gateway import listen_on
from flows.progress import SHOWN
from labeling.labelstudio.payloads import marker
from schemas.errors import BadInput, SalonError, WrongUse

PATH = "/salon/hint/{warehouse}"
HEADER = "X-Salon-Secret"
ACTIONS = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED", "TASKS_DELETED")
GATHER_S = 2.0
"""Hints within so many seconds lead to one pass: raters at work send several a second."""


class Hints:
    """Takes hints in, and collects in a thread of its own when one came or time is up.

    Parameters
    ----------
    work : callable
        Collects once.
    secret : str
        What a hint must bring.
    every_s : float
        Seconds after which ratings are collected without a hint.
    """

    def __init__(self, work: Callable[[], object], secret: str, every_s: float) -> None:
        self._work, self._secret, self._every_s = work, secret, every_s
        self._hinted = threading.Event()
        self._ended = threading.Event()

    def app(self) -> Starlette:
        """The web application; it collects for as long as it is served."""
        return Starlette(routes=[Route(PATH, self.hint, methods=["POST"])], lifespan=self._lifespan)

    async def hint(self, request: Request) -> Response:
        """Something has changed in Label Studio."""
        if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), self._secret.encode()):
            return Response(status_code=403)
        self._hinted.set()
        return Response(status_code=204)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        thread = threading.Thread(target=self._collect, name="collect")
        thread.start()
        yield
        self._ended.set()
        self._hinted.set()
        thread.join()

    def _collect(self) -> None:
        while not self._ended.is_set():
            self._hinted.clear()  # before the pass: what comes during it may not be in it
            try:
                self._work()
            except SalonError as fault:  # a server that is away comes back; the next pass finds everything
                SHOWN.print(f"{time.strftime('%H:%M:%S')} {fault}", highlight=False, markup=False)
            self._hinted.wait(self._every_s)
            self._ended.wait(GATHER_S)


def listen(root: str, work: Callable[[], object]) -> None:
    """Collect whenever Label Studio says that something has changed, until interrupted.

    Parameters
    ----------
    root : str
        The warehouse.
    work : callable
        Collects once.

    Raises
    ------
    WrongUse
        The port is taken, or Label Studio must not call this machine.
    """
    run = open_run(root)
    settings = run.settings.labelstudio
    secret = secrets.token_urlsafe(32)
    hints = Hints(work, secret, settings.hint_every_minutes * 60)
    with listen_on(settings.hint_host, settings.hint_port) as listener:
        host, port = listener.getsockname()[:2]
        base = settings.hint_url.rstrip("/") or f"http://{host}:{port}"
        with _hook(run, base, secret):
            SHOWN.print(f"Hints are taken at {base}; Ctrl+C ends it.", highlight=False)
            uvicorn.Server(uvicorn.Config(hints.app(), log_level="warning", access_log=False)).run([listener])


@contextlib.contextmanager
def _hook(run: Run, base: str, secret: str) -> Iterator[None]:
    """This warehouse's webhook, while the block runs; one that a killed run left behind is taken away."""
    path = PATH.format(warehouse=marker(run.root).partition(":")[2])
    with connect(run) as link:
        for hook in link.client.webhooks():
            if str(hook["url"]).endswith(path):
                link.client.delete_webhook(int(hook["id"]))
        try:
            number = link.client.create_webhook(base + path, ACTIONS, {HEADER: secret})
        except BadInput as fault:
            raise WrongUse(
                f"Label Studio refuses to call {base} ({fault}): set [labelstudio] hint_url to an address that it may "
                "call. For this machine's: set local_hints, then `salon labelstudio down` and `up`; a server of your "
                "own needs SSRF_PROTECTION_ENABLED=false."
            ) from fault
    try:
        yield
    finally:
        with contextlib.suppress(SalonError), connect(run) as link:  # the server may be gone by now
            link.client.delete_webhook(number)

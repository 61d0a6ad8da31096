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
from collections.abc import AsyncIterator, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flows.context import Run, open_run
from flows.labelstudio.connection import connect
from flows.labelstudio.serve_gateway import listen_on
from flows.labelstudio.studies import projects_of
from flows.progress import SHOWN
from labeling.labelstudio.payloads import marker
from schemas.errors import BadInput, NotAuthorised, SalonError, WrongUse

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
    at_end : callable
        What is done when the server ends, by Ctrl+C or by SIGTERM.
    """

    def __init__(self, work: Callable[[], object], secret: str, every_s: float, at_end: Callable[[], object]) -> None:
        self._work, self._secret, self._every_s, self._at_end = work, secret, every_s, at_end
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
        with contextlib.suppress(SalonError):  # Label Studio may be gone by now
            self._at_end()

    def _collect(self) -> None:
        while not self._ended.is_set():
            self._hinted.clear()  # before the pass: what comes during it may not be in it
            try:
                self._work()
            except SalonError as fault:  # a server that is away comes back; the next pass finds everything
                SHOWN.print(f"{time.strftime('%H:%M:%S')} {fault}", highlight=False, markup=False)
            self._hinted.wait(self._every_s)
            self._ended.wait(GATHER_S)


class Hooks:
    """The webhooks of a warehouse's projects: Label Studio makes one for a project only, never for all.

    Parameters
    ----------
    base : str
        Where Label Studio reaches this process.
    secret : str
        What a hint brings.
    """

    def __init__(self, run: Run, base: str, secret: str) -> None:
        self._run, self._base, self._secret = run, base, secret
        self._path = PATH.format(warehouse=marker(run.root).partition(":")[2])
        self._hooked: set[int] = set()

    def ensure(self) -> None:
        """Make those that are missing.

        Raises
        ------
        WrongUse
            Label Studio refuses the address.
        """
        with connect(self._run) as link:
            for project in projects_of(self._run, link.namespace):
                if project.project_id in self._hooked:
                    continue
                try:
                    link.client.create_webhook(
                        self._base + self._path, project.project_id, ACTIONS, {HEADER: self._secret}
                    )
                except (BadInput, NotAuthorised) as fault:  # the token was good enough to come this far
                    raise WrongUse(
                        f"Label Studio refuses to call {self._base}: set [labelstudio] hint_url to an address that it "
                        "may call. For this machine's: set local_hints, then `salon labelstudio down` and `up`; "
                        "a server of your own needs SSRF_PROTECTION_ENABLED=false."
                    ) from fault
                self._hooked.add(project.project_id)

    def remove(self) -> None:
        """Take all of this warehouse away, also those that a killed run left behind."""
        with connect(self._run) as link:
            for hook in link.client.webhooks():
                if str(hook["url"]).endswith(self._path):
                    link.client.delete_webhook(int(hook["id"]))


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
    with listen_on(settings.hint_host, settings.hint_port) as listener:
        host, port = listener.getsockname()[:2]
        base = settings.hint_url.rstrip("/") or f"http://{host}:{port}"
        hooks = Hooks(run, base, secret)
        hooks.remove()
        hooks.ensure()

        def once() -> None:
            hooks.ensure()  # for what was sent since
            work()

        hints = Hints(once, secret, settings.hint_every_minutes * 60, hooks.remove)
        SHOWN.print(f"Hints are taken at {base}; Ctrl+C ends it.", highlight=False)
        uvicorn.Server(uvicorn.Config(hints.app(), log_level="warning", access_log=False)).run([listener])

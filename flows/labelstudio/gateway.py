"""`salon gateway`: the raters' only way in to Label Studio, a small reverse proxy.

It lets through what the labelling page needs for the rater's own tasks and refuses everything else, notes by its
own clock what was shown and answered, and adds one small script to the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import math
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from flows.labelstudio.gateway_raters import Rater
from flows.labelstudio.gateway_rights import Rights
from flows.progress import SHOWN
from labeling.labelstudio.gatekeeping import Ruling, Subject, blind, clean_body, hollow, number_of, rule_on
from labeling.labelstudio.session import connections_to
from schemas.errors import SalonError
from schemas.ratings import STAMPS, Stamp
from warehouse.faults import STORAGE_ERRORS

SCRIPT = Path(__file__).with_name("rater.js")
MOST_BYTES, MOST_TOLD = 1_000_000, 500
"""Of a request's body; and of what the page tells of its window."""
FLUSH_S = 5.0
KNOWN_S = 30.0
"""Seconds for which a login is believed before Label Studio is asked again."""

DROPPED = frozenset(
    {
        "authorization",  # a token would be a second way in
        "connection",
        "content-length",
        "accept-encoding",
        "x-http-method-override",
        "x-forwarded-host",
        "x-forwarded-for",
        "transfer-encoding",
    }
)
NOT_BACK = frozenset({"connection", "content-length", "content-encoding", "transfer-encoding", "date", "server"})


class Gateway:
    """Decides on requests, passes them on, and remembers what it saw until it is written."""

    def __init__(self, rights: Rights, url: str, break_after_s: float) -> None:
        self.rights, self.url, self.break_after_s = rights, url.rstrip("/"), break_after_s
        # One rater's cookies must never be sent along with another's requests: nothing is remembered.
        jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self.http = httpx.AsyncClient(
            base_url=self.url,
            timeout=60,
            follow_redirects=False,
            trust_env=False,
            cookies=jar,
            limits=connections_to(self.url),
        )
        self.raters: dict[int, Rater] = {}
        self.sessions: dict[str, tuple[int, float]] = {}
        """Cookie to account, and when Label Studio said so: it gives a rater new cookies in the middle of work."""
        self.stamps: list[Stamp] = []
        self._writing = threading.Lock()

    def app(self) -> Starlette:
        """The web application."""
        methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD"]
        routes = [
            Route("/salon/rater.js", self.script, methods=["GET"]),
            Route("/salon/progress", self.progress, methods=["GET"]),
            Route("/salon/device", self.device, methods=["POST"]),
            Route("/salon/rested", self.rested, methods=["POST"]),
            Route("/{path:path}", self.handle, methods=methods),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        writer = asyncio.create_task(self._write_now_and_then())
        yield
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer
        await self.http.aclose()
        self.flush()

    async def _write_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await asyncio.to_thread(self.flush)
            except (SalonError, *STORAGE_ERRORS) as error:  # raters go on, and it is written the next time
                SHOWN.print(f"{len(self.stamps)} times of answers wait to be written: {error}", markup=False)

    def flush(self) -> None:
        """Write what was seen since the last time; what cannot be written stays to be written."""
        with self._writing:
            count = len(self.stamps)
            if count:
                self.rights.run.warehouse.table(STAMPS).insert(self.stamps[:count])
                del self.stamps[:count]

    # -- Salon's own pages ---------------------------------------------------------------------------
    async def script(self, request: Request) -> Response:
        """The script of the labelling page."""
        return Response(SCRIPT.read_bytes(), media_type="text/javascript")

    async def device(self, request: Request) -> Response:
        """The page tells the size of its window."""
        rater = await self._rater(request)
        if rater is None:
            return _refusal()
        try:
            told = json.loads(await _body_of(request, MOST_TOLD) or b"")
            numbers = {name: float(told[name]) for name in ("width", "height", "pixel_ratio")}
        except (ValueError, KeyError, TypeError, OverflowError):
            numbers = {}
        if not numbers or not all(map(math.isfinite, numbers.values())):
            return PlainTextResponse("width, height and pixel_ratio are expected", 400)
        rater.device = json.dumps(numbers, sort_keys=True)
        return JSONResponse({})

    async def rested(self, request: Request) -> Response:
        """The rater goes on after a break."""
        rater = await self._rater(request)
        if rater is None:
            return _refusal()
        rater.begun = None
        return JSONResponse({})

    async def progress(self, request: Request) -> Response:
        """How far the rater is in a project."""
        rater = await self._rater(request)
        number = number_of(request.query_params.get("project", ""))
        if rater is None or number is None or not self.rights.owns_project(rater.rater_id, number):
            return _refusal()
        answered = await self._done(rater, number)
        done, total = len(answered), self.rights.length(number)
        practice = self.rights.is_practice(number)
        # Other raters may hold the last tasks of a shared queue: what they leave comes to this one.
        ended = not total and number in rater.ended
        held = ended and await asyncio.to_thread(self.rights.are_left, number, answered)
        through = done >= total if total else ended and bool(done) and not held
        return JSONResponse(
            {
                "done": done,
                "total": total,
                "rest": rater.needs_break(self.break_after_s),
                "practice": practice,
                "held": held,
                "next": "/" if practice and through else "",
                "code": self.code(rater.rater_id, number) if through and not practice else "",
                "one_touch": self.rights.is_one_touch(number),
            }
        )

    def code(self, rater_id: str, project: int) -> str:
        """The completion code of a rater for a project: eight letters and digits that only we can make."""
        message = f"completion:{rater_id}:{project}".encode()
        return hmac.new(self.rights.key, message, hashlib.sha256).hexdigest()[:8].upper()

    async def _done(self, rater: Rater, project: int) -> set[int]:
        if project not in rater.done:
            rater.done[project] = await asyncio.to_thread(self.rights.answered, rater.user, project)
        return rater.done[project]

    # -- everything else -----------------------------------------------------------------------------
    async def handle(self, request: Request) -> Response:
        """Judge a request and pass it on, or refuse it."""
        path = request.scope.get("raw_path", b"").decode("latin-1").split("?")[0]
        asked = request.scope.get("query_string", b"").decode("latin-1")
        url = f"{path}?{asked}" if asked else path
        pairs = parse_qsl(asked, keep_blank_values=True)
        query = dict(pairs)
        ruling = rule_on(request.method, path, query)
        if ruling.subject is Subject.REFUSED or len(query) < len(pairs) or not url.isascii():
            return _refusal()
        if ruling.subject is Subject.NOTHING:
            return await self._pass_on(request, url, ruling, None)
        rater = await self._rater(request)
        if rater is None:
            return RedirectResponse("/user/login/") if "api" not in path else _refusal(401)
        if ruling.subject is Subject.HOLLOW:
            return JSONResponse(hollow(path))
        if ruling.subject is Subject.HOME:
            first = await asyncio.to_thread(self.rights.first_project, rater.rater_id, rater.user)
            return RedirectResponse(f"/projects/{first}/data?labeling=1") if first else _nothing_to_do()
        if not await asyncio.to_thread(self.rights.allows, ruling, rater.rater_id, rater.user, query):
            return _refusal()
        if ruling.subject is Subject.PICTURE and (file := self.rights.picture(query["d"])) is not None:
            if not file.is_file():  # a takedown, while the page was open
                return PlainTextResponse("This picture is not there any more.", 404)
            # A picture never changes, and Label Studio has enough to do.
            return FileResponse(file, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})
        return await self._pass_on(request, url, ruling, rater)

    async def _pass_on(self, request: Request, url: str, ruling: Ruling, rater: Rater | None) -> Response:
        body = await _body_of(request, MOST_BYTES)
        if body is None:
            return PlainTextResponse("too large", 413)
        # As bytes: a cookie of another program on this address may hold any.
        headers = [(name, value) for name, value in request.headers.raw if name.decode("latin-1") not in DROPPED]
        if ruling.name in ("action", "submit", "correct", "draft") and request.method != "GET":
            try:
                body = json.dumps(clean_body(ruling, json.loads(body or b"null"))).encode()
            except (ValueError, RecursionError):
                return PlainTextResponse("a JSON object is expected", 400)
        try:
            answer = await self.http.request(request.method, url, headers=headers, content=body)
        except httpx.TransportError:
            return PlainTextResponse("Label Studio does not answer; please try again in a minute.", 503)
        content = answer.content
        if rater is not None and ruling.name in ("next", "action") and ruling.number is not None:
            rater.note_queue(ruling.number, is_empty=answer.status_code == httpx.codes.NOT_FOUND)
        if rater is not None and answer.is_success:
            content = self._look_at(ruling, rater, answer)
        back = Response(content, answer.status_code)
        back.raw_headers = [
            (k.lower().encode(), v.encode("latin-1"))
            for k, v in answer.headers.multi_items()
            if k.lower() not in NOT_BACK
        ] + [(b"content-length", str(len(content)).encode())]
        return back

    def _look_at(self, ruling: Ruling, rater: Rater, answer: httpx.Response) -> bytes:
        """Note what was shown or answered, take out what is not the rater's, add the script."""
        kind = answer.headers.get("content-type", "")
        if ruling.name == "page" and "html" in kind:
            return answer.content.replace(b"</head>", b'<script src="/salon/rater.js"></script></head>', 1)
        if "json" not in kind or ruling.name not in ("next", "action", "task", "annotations", "submit", "correct"):
            return answer.content
        data = answer.json()
        if ruling.name in ("next", "action") and isinstance(data, dict) and "id" in data:
            self._stamp(rater, int(data["id"]), "shown")
        elif ruling.name == "submit" and ruling.number is not None:
            self._stamp(rater, ruling.number, "submitted")
            rater.count(int(data["project"]), ruling.number)
        asked = data.get("project") if isinstance(data, dict) else None
        suggestions = isinstance(asked, int) and self.rights.shows_suggestions(asked)
        return json.dumps(blind(data, rater.user, suggestions)).encode()

    def _stamp(self, rater: Rater, task: int, event: str) -> None:
        self.stamps.append(
            Stamp(
                server=self.rights.namespace,
                labelstudio_task_id=task,
                rater_id=rater.rater_id,
                event=event,
                at=datetime.now(UTC),
                device=rater.device,
            )
        )

    async def _rater(self, request: Request) -> Rater | None:
        """Who is logged in, as Label Studio says; asked again now and then."""
        session = request.cookies.get("sessionid", "")
        if not session or not session.isascii():
            return None
        user, asked = self.sessions.get(session, (0, float("-inf")))
        if time.monotonic() - asked < KNOWN_S:
            return self.raters[user]
        try:
            answer = await self.http.get("/api/current-user/whoami", headers={"cookie": f"sessionid={session}"})
        except httpx.TransportError:
            return None
        if not answer.is_success:
            self.sessions.pop(session, None)
            return None
        user = int(answer.json()["id"])
        self.sessions[session] = (user, time.monotonic())
        return self.raters.setdefault(user, Rater(user, self.rights.pseudonym(user)))


async def _body_of(request: Request, most: int) -> bytes | None:
    """The body; None where it is longer than that, of which no more is read than it takes to see."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            return None
    return bytes(body)


def _refusal(code: int = 403) -> Response:
    return JSONResponse({"detail": "This is not part of your task."}, code)


def _nothing_to_do() -> Response:
    return PlainTextResponse("There is nothing for you to rate at the moment. Thank you!")

"""Requests to a Label Studio server as one account: connections, tokens, and faults in our words.

Calls that only read are tried again when a connection breaks. Calls that write never are: an answer that is
lost on its way back does not mean that nothing was done, and the SDK's own retries have doubled imports.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.errors import BadInput, NotAuthorised, ServiceUnavailable

READ_TRIES = 3
READ_PAUSE_S = 0.5
TIMEOUT = httpx.Timeout(10.0, read=180.0)
SDK_TIMEOUT_S = 180.0
RENEW_EARLY_S = 60.0
Payload = dict[str, Any]


class Session:
    """A Label Studio server, spoken to as one account.

    Parameters
    ----------
    url : str
        Its address, such as ``http://127.0.0.1:8080``.
    token : str
        A legacy token (hex digits) or a personal access token (a JWT that is exchanged for short-lived ones).
    transport : httpx.BaseTransport, optional
        Where requests go instead of the network.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._token = token.strip()
        self._access = ""
        self._expires = 0.0
        self._http = httpx.Client(
            base_url=self.url,
            timeout=TIMEOUT,
            transport=transport,
            trust_env=not is_loopback(self.url),
            limits=connections_to(self.url),
        )

    @cached_property
    def _sdk(self) -> Any:
        """label-studio-sdk over the same connections; it never repeats a call by itself."""
        if not self._token:
            raise NotAuthorised(f"{self.url}: no token; set LABEL_STUDIO_API_KEY to a token of an account there.")
        from label_studio_sdk import LabelStudio as Sdk  # here, since its import takes a second and more

        return Sdk(  # type: ignore[no-untyped-call]  # the SDK leaves its constructor untyped
            base_url=self.url, api_key=self._token, httpx_client=self._http, timeout=SDK_TIMEOUT_S, max_retries=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _object(self, method: str, path: str, **how: Any) -> Payload:
        answer = self._json(method, path, **how)
        if not isinstance(answer, dict):
            raise ServiceUnavailable(f"{self.url}{path}: expected a JSON object, got {type(answer).__name__}.")
        return answer

    def _list(self, method: str, path: str, **how: Any) -> list[Payload]:
        answer = self._json(method, path, **how)
        if isinstance(answer, dict) and isinstance(answer.get("results"), list):
            answer = answer["results"]
        if not isinstance(answer, list):
            raise ServiceUnavailable(f"{self.url}{path}: expected a JSON list, got {type(answer).__name__}.")
        return answer

    def _json(self, method: str, path: str, **how: Any) -> Any:
        answer = self._request(method, path, **how)
        try:
            return answer.json()
        except ValueError as error:
            raise ServiceUnavailable(
                f"{self.url} answers, but not as Label Studio does ({path}: no JSON); check [labelstudio] url."
            ) from error

    def _told(self, call: Callable[[], Any], what: str = "") -> Any:
        """A call of the SDK, made once, with its faults in our words."""
        from label_studio_sdk.core.api_error import ApiError

        try:
            return call()
        except ApiError as error:
            raise self._fault(int(error.status_code or 0), "", json.dumps(error.body, default=str), what) from error
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _request(
        self, method: str, path: str, *, what: str = "", missing_ok: bool = False, **how: Any
    ) -> httpx.Response:
        answer = self._send(method, path, **how)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._access:
            self._access = ""  # it expired in the middle, or the server's clock differs
            answer = self._send(method, path, **how)
        if answer.is_success or (missing_ok and answer.status_code == httpx.codes.NOT_FOUND):
            return answer
        raise self._fault(answer.status_code, answer.request.url.path, _reason(answer), what)

    def _send(self, method: str, path: str, **how: Any) -> httpx.Response:
        tries = READ_TRIES if method == "GET" else 1
        for attempt in range(1, tries + 1):
            try:
                headers = {"Authorization": self._authorization()}
                return self._http.request(method, path, headers=headers, **how)
            except httpx.TransportError as error:
                if attempt == tries:
                    raise self._unreachable(error) from error
                time.sleep(READ_PAUSE_S * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _authorization(self) -> str:
        if not self._token:
            raise NotAuthorised(f"{self.url}: no token; set LABEL_STUDIO_API_KEY to a token of an account there.")
        if self._token.count(".") != 2:
            return f"Token {self._token}"
        if not self._access or time.time() > self._expires - RENEW_EARLY_S:
            answer = self._http.post("/api/token/refresh", json={"refresh": self._token})
            if not answer.is_success:
                raise self._fault(answer.status_code, answer.request.url.path, _reason(answer), "")
            self._access = str(answer.json()["access"])
            self._expires = _expiry(self._access)
        return f"Bearer {self._access}"

    def _unreachable(self, error: httpx.TransportError) -> ServiceUnavailable:
        kind = "gave no answer in time" if isinstance(error, httpx.TimeoutException) else "does not answer"
        return ServiceUnavailable(
            f"Label Studio at {self.url} {kind}; start it with `salon labelstudio up`, or check [labelstudio] url."
        )

    def _fault(self, code: int, path: str, reason: str, what: str) -> Exception:
        """The error for an answer that is none of success."""
        if code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return NotAuthorised(
                f"Label Studio at {self.url} refuses the token; set LABEL_STUDIO_API_KEY to a valid one "
                "of an account there."
            )
        if code == httpx.codes.NOT_FOUND and what:
            return BadInput(f"there is no {what}", where=self.url, todo="Was it deleted, or is it another server?")
        if code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return ServiceUnavailable(
                f"Label Studio at {self.url} failed with {code}{' at ' if path else ''}{path}; see its log."
            )
        return BadInput(f"Label Studio refuses the request ({code}): {reason[:300]}", where=f"{self.url}{path}")


def _reason(answer: httpx.Response) -> str:
    """What the server gives as the reason, in one short line."""
    try:
        content = answer.json()
    except ValueError:
        return "no reason given"
    if isinstance(content, Mapping):
        content = content.get("validation_errors") or content.get("detail") or content
    return json.dumps(content, ensure_ascii=False)[:300]


def _expiry(token: str) -> float:
    """Unix time at which a JWT expires; it is read, not verified: the server does that."""
    body = token.split(".")[1]
    content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return float(content.get("exp", 0))


def is_loopback(url: str) -> bool:
    """A server on this machine is never reached through a proxy."""
    return httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")


def connections_to(url: str) -> httpx.Limits:
    """Which connections are kept open for the next call.

    None to a server on this machine: Label Studio's own web server sends an answer in two pieces, and the second
    waits 40 ms for the first one's receipt on every connection that has been used before (Nagle's algorithm against
    delayed acknowledgement). A new connection takes a fifth of a millisecond.
    """
    return httpx.Limits(max_connections=100, max_keepalive_connections=0 if is_loopback(url) else 20)

"""Label Studio's API as far as Salon needs it: label-studio-sdk, and httpx where the SDK is slow or has no call.

Calls that only read are tried again when a connection breaks. Calls that write never are: an answer that is
lost on its way back does not mean that nothing was done, and the SDK's own retries have doubled imports. Tasks
and exports are read as plain JSON: the SDK makes an object of every field, which took five times as long.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.errors import BadInput, NotAuthorised, ServiceUnavailable

READ_TRIES = 3
READ_PAUSE_S = 0.5
PAGE = 2500
"""Tasks per page: 2,000 tasks came in 0.9 s so, against 6 s in pages of 100."""

INCLUDED = (
    "id,data,created_at,updated_at,annotations,result,completed_by,updated_by,was_cancelled,ground_truth,lead_time,"
    "import_id,last_action,bulk_created,parent_annotation,parent_prediction,task,project"
)
"""Fields of tasks and of their annotations alike: what is not named here is missing in both."""

TIMEOUT = httpx.Timeout(10.0, read=180.0)
SDK_TIMEOUT_S = 180.0
RENEW_EARLY_S = 60.0
Payload = dict[str, Any]


class LabelStudio:
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

    # -- who and where -------------------------------------------------------------------------------
    def whoami(self) -> Payload:
        """The account that the token belongs to."""
        return _plain(self._told(lambda: self._sdk.users.whoami()))

    def namespace(self) -> str:
        """A name of this server that stays the same when its address or port changes.

        It is made from the organisation's number and its time of creation, which are in the server's database.
        """
        number = self.whoami()["active_organization"]
        organisation = self._object("GET", f"/api/organizations/{number}")
        made = "".join(c for c in str(organisation["created_at"]) if c.isdigit())
        return f"labelstudio:{number}-{made}"

    def clock(self) -> datetime:
        """The server's own clock, to the second; this machine's where it does not tell."""
        told = self._request("GET", "/health").headers.get("date", "")
        with contextlib.suppress(ValueError, TypeError):
            return parsedate_to_datetime(told).astimezone(UTC)
        return datetime.now(UTC)

    def users(self) -> list[Payload]:
        """All accounts of the organisation."""
        return [_plain(user) for user in self._told(lambda: self._sdk.users.list())]

    def own_token(self) -> str:
        """The account's legacy token."""
        return str(_plain(self._told(lambda: self._sdk.users.get_token()))["token"])

    def invitation(self) -> str:
        """The path of the page where a new account is made."""
        return str(self._object("GET", "/api/invite")["invite_url"])

    def remove_member(self, user: int) -> None:
        """Take an account out of the organisation: it can no longer see or do anything; its votes stay."""
        number = self.whoami()["active_organization"]
        self._told(lambda: self._sdk.organizations.members.delete(int(number), user))

    # -- projects ------------------------------------------------------------------------------------
    def projects(self) -> list[Payload]:
        """All projects with id, title and description."""
        found: list[Payload] = []
        page = 1
        while True:
            answer = self._object(
                "GET", "/api/projects", params={"page": page, "page_size": 500, "include": "id,title,description"}
            )
            found += answer["results"]
            if not answer["next"]:
                return found
            page += 1

    def project(self, number: int) -> Payload:
        """One project with its settings and counts."""
        return _plain(self._told(lambda: self._sdk.projects.get(number), f"project {number}"))

    def create_project(self, settings: Payload) -> Payload:
        """Make a project; returns it as the server keeps it."""
        return _plain(self._told(lambda: self._sdk.projects.create(**settings)))

    def update_project(self, number: int, settings: Payload) -> None:
        """Change some of a project's settings."""
        self._told(lambda: self._sdk.projects.update(number, **settings), f"project {number}")

    def delete_project(self, number: int) -> None:
        """Delete a project with all its tasks."""
        self._told(lambda: self._sdk.projects.delete(number), f"project {number}")

    def add_local_files(self, project: int, folder: str, title: str, *, is_new: bool = False) -> None:
        """Let the accounts see the pictures in a folder under the server's document root; a new project has none."""
        storages = self._sdk.import_storage.local
        known = [] if is_new else self._told(lambda: storages.list(project=project))
        if not any(storage.path == folder for storage in known):
            self._told(lambda: storages.create(project=project, path=folder, title=title, use_blob_urls=True))

    def add_s3(self, project: int, storage: Payload) -> None:
        """Let the server presign the pictures in a bucket."""
        storages = self._sdk.import_storage.s3
        known = self._told(lambda: storages.list(project=project))
        if not any((row.bucket, row.prefix) == (storage["bucket"], storage["prefix"]) for row in known):
            self._told(lambda: storages.create(project=project, **storage))

    # -- webhooks ------------------------------------------------------------------------------------
    def webhooks(self) -> list[Payload]:
        """All webhooks of the organisation."""
        return [_plain(hook) for hook in self._told(lambda: self._sdk.webhooks.list())]

    def create_webhook(self, url: str, project: int, actions: Sequence[str], headers: Mapping[str, str]) -> int:
        """Let the server call an address after some actions in a project, saying which alone; returns its number."""
        settings = {"send_payload": False, "send_for_all_actions": False, "is_active": True}
        made = self._told(
            lambda: self._sdk.webhooks.create(
                url=url, project=project, actions=list(actions), headers=dict(headers), **settings
            )
        )
        return int(made.id)

    def delete_webhook(self, number: int) -> None:
        """Take a webhook away."""
        self._told(lambda: self._sdk.webhooks.delete(number))

    # -- tasks ---------------------------------------------------------------------------------------
    def import_tasks(self, project: int, tasks: Sequence[Payload]) -> list[int]:
        """Import tasks in one call, all or none; returns their numbers in the same order.

        Raises
        ------
        ServiceUnavailable
            No answer came. The tasks may be there nevertheless: list them before trying again.
        """
        answer = self._object(
            "POST",
            f"/api/projects/{project}/import",
            params={"return_task_ids": "true"},
            json=list(tasks),
            what=f"project {project}",
        )
        numbers = [int(number) for number in answer.get("task_ids") or []]
        if len(numbers) != len(tasks):
            raise ServiceUnavailable(
                f"{self.url}: {len(tasks)} tasks were sent and {len(numbers)} numbers came back; run the same again."
            )
        return numbers

    def task_data(self, project: int) -> Iterator[tuple[int, Payload]]:
        """Number and data of every task of a project, in ascending order."""
        for task in self._tasks(project, fields="task_only", include="id,data"):
            yield int(task["id"]), task["data"]

    def changed_tasks(self, project: int, since: datetime) -> Iterator[Payload]:
        """Tasks that were touched after a moment of the server's clock, with all their annotations."""
        yield from self._tasks(project, fields="all", include=INCLUDED, query=_touched_after(since))

    def count_changed(self, project: int, since: datetime) -> int:
        """How many tasks were touched after a moment of the server's clock."""
        params = {"project": project, "page_size": 1, "fields": "task_only", "include": "id"}
        answer = self._object(
            "GET", "/api/tasks", params=params | {"query": _touched_after(since)}, what=f"project {project}"
        )
        return int(answer["total"])

    def export(self, project: int) -> list[Payload]:
        """All tasks that have an annotation, skipped ones too, in one call."""
        path = f"/api/projects/{project}/export"
        return self._list("GET", path, params={"exportType": "JSON"}, what=f"project {project}")

    def delete_tasks(self, project: int, numbers: Sequence[int]) -> None:
        """Delete tasks with their annotations."""
        chosen = {"all": False, "included": list(numbers)}
        self._told(
            lambda: self._sdk.actions.create(id="delete_tasks", project=project, selected_items=chosen),
            f"project {project}",
        )

    def next_task(self, project: int) -> Payload | None:
        """The task that the labelling stream would show this account now; None at the end of the queue."""
        answer = self._request("GET", f"/api/projects/{project}/next", what=f"project {project}", missing_ok=True)
        return None if answer.status_code == httpx.codes.NOT_FOUND else dict(answer.json())

    def annotate(self, task: int, annotation: Payload) -> Payload:
        """Submit an annotation as this account."""
        return _plain(self._told(lambda: self._sdk.annotations.create(task, **annotation)))

    def annotation(self, number: int) -> Payload:
        """One annotation."""
        return self._object("GET", f"/api/annotations/{number}", what=f"annotation {number}")

    def update_annotation(self, number: int, changes: Payload) -> Payload:
        """Change an annotation as this account."""
        return _plain(self._told(lambda: self._sdk.annotations.update(number, **changes)))

    def delete_annotation(self, number: int) -> None:
        """Delete an annotation as this account."""
        self._told(lambda: self._sdk.annotations.delete(number))

    def _tasks(self, project: int, **params: Any) -> Iterator[Payload]:
        page = 1
        seen = 0
        while True:
            answer = self._request(
                "GET",
                "/api/tasks",
                params={"project": project, "page": page, "page_size": PAGE, **params},
                what=f"project {project}",
                missing_ok=page > 1,  # a page behind the last, where the count is a multiple of the page's size
            )
            if answer.status_code == httpx.codes.NOT_FOUND:
                return
            content = answer.json()
            yield from content["tasks"]
            seen += len(content["tasks"])
            if not content["tasks"] or seen >= content["total"]:
                return
            page += 1

    # -- requests ------------------------------------------------------------------------------------
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


def _plain(answer: Any) -> Payload:
    """An object of the SDK as the server gave it."""
    return dict(answer.model_dump())


def _touched_after(since: datetime) -> str:
    """The data manager's filter on tasks, in its own words."""
    moment = since.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    item = {"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": moment}
    return json.dumps({"filters": {"conjunction": "and", "items": [item]}, "ordering": ["tasks:id"]})


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

"""Raters A and B behind the gateway of a real Label Studio: what A can do, and what A cannot."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pyarrow.compute as pc
import pytest
import uvicorn

from flows.context import open_run
from flows.labelstudio.collect import collect
from flows.labelstudio.connection import connect
from flows.labelstudio.gateway import Gateway
from flows.labelstudio.gateway_rights import Rights
from flows.labelstudio.panel import panel_accounts
from flows.labelstudio.send import send
from flows.secret_keys import pseudonym_key
from labeling.labelstudio.accounts import Account
from labeling.labelstudio.client import LabelStudio
from labeling.labelstudio.panel import result_of
from labeling.protocols.answers import Answer
from labeling.protocols.catalogue import built_in
from schemas.ratings import PROJECTS, STAMPS, Project, Stamp
from tests.flows.labelstudio.studies import MADE, listed_batch, shared_batch
from tests.labelstudio_server import TestServer
from warehouse.store import Warehouse

pytestmark = pytest.mark.server
PHOTOS = 4
ACR = built_in()["acr-5"]
FOUR = result_of(ACR, Answer(values={ACR.question: 4.0}))


@dataclass
class Study:
    """Two raters with a list each, and the gateway in front."""

    warehouse: Warehouse
    url: str
    gateway: Gateway
    accounts: tuple[Account, Account]
    projects: tuple[Project, Project]
    tasks: tuple[int, int]
    """One task of A's, one of B's."""
    annotation_of_b: int


@contextmanager
def served(root: str) -> Iterator[tuple[str, Gateway]]:
    """The gateway, in a thread of this process."""
    run = open_run(root)
    with connect(run) as link, socket.create_server(("127.0.0.1", 0)) as listener:
        gateway = Gateway(Rights(run, link, pseudonym_key(root)[0]), link.client.url, 1500)
        server = uvicorn.Server(uvicorn.Config(gateway.app(), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", gateway
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def study(labelstudio_session: TestServer) -> Iterator[Study]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABEL_STUDIO_API_KEY", labelstudio_session.token)
        warehouse = labelstudio_session.warehouse()
        root = warehouse.location.root
        listed_batch(warehouse, PHOTOS, 2, simulated=True)
        accounts = panel_accounts(root, 2)
        send(root=root)
        rows = [Project(**row) for row in warehouse.table(PROJECTS).read().to_pylist()]
        with labelstudio_session.client() as client, served(root) as (url, gateway):
            owner = {gateway.rights.pseudonym(a.user): a for a in accounts}
            first, second = sorted(rows, key=lambda p: p.project_id)
            a, b = owner[first.rater_id or ""], owner[second.rater_id or ""]
            tasks = tuple(next(number for number, _ in client.task_data(p.project_id)) for p in (first, second))
            with log_in(labelstudio_session.url, b) as browser:
                answer = post(browser, f"/api/tasks/{tasks[1]}/annotations/", {"result": FOUR, "lead_time": 1.0})
                number = int(answer.json()["id"])
            yield Study(warehouse, url, gateway, (a, b), (first, second), (tasks[0], tasks[1]), number)


@pytest.fixture(scope="module")
def as_a(study: Study) -> Iterator[httpx.Client]:
    """Rater A's browser, in front of the gateway."""
    with log_in(study.url, study.accounts[0]) as browser:
        yield browser


@contextmanager
def log_in(url: str, account: Account) -> Iterator[httpx.Client]:
    """A browser in which a rater has logged in."""
    with httpx.Client(base_url=url, timeout=60, follow_redirects=False) as browser:
        form = browser.get("/user/login/")
        token = re.search(r'csrfmiddlewaretoken"\s+value="([^"]+)"', form.text)
        assert token is not None
        answer = browser.post(
            "/user/login/",
            data={"csrfmiddlewaretoken": token[1], "email": account.email, "password": account.password},
            headers={"Referer": url + "/user/login/"},
        )
        assert answer.status_code == 302
        yield browser


def post(browser: httpx.Client, path: str, body: object, method: str = "POST") -> httpx.Response:
    """A request as the page makes it, with the token against forged requests."""
    headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": str(browser.base_url)}
    return browser.request(method, path, json=body, headers=headers)


def test_a_rater_finds_their_own_page_task_and_picture_and_the_answer_is_stamped(study: Study) -> None:
    mine = study.projects[0].project_id
    with log_in(study.url, study.accounts[0]) as browser:
        home = browser.get("/")
        assert home.headers["location"] == f"/projects/{mine}/data?labeling=1"
        assert "/salon/rater.js" in browser.get(home.headers["location"]).text
        told = post(browser, "/salon/device", {"width": 1366, "height": 768, "pixel_ratio": 2})
        assert told.status_code == 200
        task = browser.get(f"/api/projects/{mine}/next").json()
        picture = browser.get(task["data"]["image"])
        assert picture.headers["content-type"] == "image/jpeg"
        before = browser.get(f"/salon/progress?project={mine}").json()
        body = {"result": FOUR, "lead_time": 2.0, "completed_by": study.accounts[1].user, "ground_truth": True}
        made = post(browser, f"/api/tasks/{task['id']}/annotations/", body).json()
        assert (made["completed_by"], made["ground_truth"]) == (study.accounts[0].user, False)
        after = browser.get(f"/salon/progress?project={mine}").json()
        assert (after["done"], after["total"]) == (before["done"] + 1, PHOTOS)
    study.gateway.flush()
    stamps = study.warehouse.table(STAMPS).read().to_pylist()
    assert [s["event"] for s in sorted(stamps, key=lambda s: s["at"])] == ["shown", "submitted"]
    collect(root=study.warehouse.location.root)
    (row,) = study.warehouse.query(
        "SELECT * FROM current_ratings WHERE rater_id = $1", [study.gateway.rights.pseudonym(study.accounts[0].user)]
    ).to_pylist()
    assert row["presented_at"] == min(s["at"] for s in stamps)
    assert '"width": 1366' in row["device"]


FORBIDDEN: tuple[tuple[str, str, object], ...] = (
    ("GET", "/api/tasks/{theirs}", None),
    ("GET", "/api/tasks/{theirs}/annotations", None),
    ("POST", "/api/tasks/{theirs}/annotations", {"result": FOUR}),
    ("PATCH", "/api/tasks/{theirs}", {"data": {}}),
    ("DELETE", "/api/tasks/{theirs}", None),
    ("GET", "/api/annotations/{answer}", None),
    ("PATCH", "/api/annotations/{answer}", {"result": []}),
    ("DELETE", "/api/annotations/{answer}", None),
    ("GET", "/projects/{their_project}/data?labeling=1", None),
    ("GET", "/api/projects/{their_project}", None),
    ("GET", "/api/projects/{their_project}/next", None),
    ("GET", "/api/projects/{my_project}/next?project={their_project}", None),
    ("POST", "/api/dm/actions?id=next_task&project={their_project}", {}),
    ("POST", "/api/dm/actions?id=delete_tasks&project={my_project}", {"selectedItems": {"all": True}}),
    ("POST", "/api/dm/actions?id=next_task&id=delete_tasks&project={my_project}", {"selectedItems": {"all": True}}),
    ("GET", "/api/projects/{my_project}/export?exportType=JSON", None),
    ("GET", "/api/projects/{their_project}/export?exportType=JSON", None),
    ("GET", "/projects/{my_project}/settings", None),
    ("PATCH", "/api/projects/{my_project}", {"title": "mine now"}),
    ("PATCH", "/api/projects/{their_project}", {"label_config": "<View/>"}),
    ("DELETE", "/api/projects/{my_project}", None),
    ("POST", "/api/projects/{my_project}/import", [{"data": {"key": "x"}}]),
    ("GET", "/api/current-user/token", None),
    ("GET", "/api/invite", None),
    ("GET", "/api/organizations", None),
    ("GET", "/api/webhooks", None),
    ("GET", "/api/storages/localfiles?project={my_project}", None),
    ("POST", "/api/storages/localfiles", {"project": "{my_project}", "path": "/"}),
    ("GET", "/data/local-files/?d={their_picture}", None),
    ("GET", "/data/local-files/?d=../labelstudio/credentials.json", None),
    ("GET", "/api/tasks/%2e%2e/projects", None),
    ("GET", "//api/tasks/{theirs}", None),
    ("GET", "/admin/", None),
    ("GET", "/docs/api/", None),
    ("PUT", "/api/tasks/{mine}", {"data": {}}),
    ("DELETE", "/api/tasks/{mine}", None),
)


@pytest.mark.parametrize("call", FORBIDDEN, ids=lambda call: f"{call[0]} {call[1]}")
def test_a_rater_gets_a_refusal_on_what_is_not_theirs(
    call: tuple[str, str, object], study: Study, as_a: httpx.Client
) -> None:
    method, path, body = call
    with LabelStudio(study.gateway.url, study.accounts[1].token) as client:
        picture = str(next(client.task_data(study.projects[1].project_id))[1]["image"]).partition("?d=")[2]
    names = {
        "mine": study.tasks[0],
        "theirs": study.tasks[1],
        "my_project": study.projects[0].project_id,
        "their_project": study.projects[1].project_id,
        "answer": study.annotation_of_b,
        "their_picture": picture,
    }
    answer = post(as_a, path.format(**names), body, method)
    assert answer.status_code == 403, answer.text[:200]


@dataclass
class Queue:
    """A shared queue of two photos: a slow rater holds one of them, a quick one has answered the other."""

    gateway: Gateway
    project: int
    slow: httpx.Client
    quick: httpx.Client
    accounts: tuple[Account, Account]
    kept: int
    """The task that the slow one holds."""

    def ask(self, rater: httpx.Client) -> httpx.Response:
        """Ask for the next task."""
        return rater.get(f"/api/projects/{self.project}/next")

    def progress(self, rater: httpx.Client) -> dict[str, object]:
        """What the page is told."""
        return dict(rater.get(f"/salon/progress?project={self.project}").json())

    def code(self, account: Account) -> str:
        """The completion code that a rater should get."""
        return self.gateway.code(self.gateway.rights.pseudonym(account.user), self.project)


@pytest.fixture
def queue(labelstudio: TestServer) -> Iterator[Queue]:
    warehouse = labelstudio.warehouse()
    root = warehouse.location.root
    shared_batch(warehouse, 2, overlap=1, simulated=True)
    first, second = panel_accounts(root, 2)
    send(root=root)
    (project,) = warehouse.table(PROJECTS).read()["project_id"].to_pylist()
    with served(root) as (url, gateway), log_in(url, first) as slow, log_in(url, second) as quick:
        made = Queue(gateway, project, slow, quick, (first, second), 0)
        made.kept, done = made.ask(slow).json()["id"], made.ask(quick).json()["id"]
        assert {made.kept, done} == gateway.rights.link.client.open_tasks(project)
        post(quick, f"/api/tasks/{done}/annotations/", {"result": FOUR, "lead_time": 1.0})
        assert made.ask(quick).status_code == 404
        yield made


def test_nobody_is_told_that_a_shared_queue_is_done_while_another_rater_has_its_last_photo(queue: Queue) -> None:
    waits = queue.progress(queue.quick)
    assert (waits["done"], waits["held"], waits["code"]) == (1, True, "")
    # Skipped is answered: a queue does not hand it out again.
    post(queue.slow, f"/api/tasks/{queue.kept}/annotations/", {"result": [], "was_cancelled": True})
    for rater, account in zip((queue.slow, queue.quick), queue.accounts, strict=True):
        assert queue.ask(rater).status_code == 404
        told = queue.progress(rater)
        assert (told["done"], told["held"], told["code"]) == (1, False, queue.code(account))


def test_a_rater_who_was_told_to_wait_gets_what_another_gave_back(queue: Queue) -> None:
    answer = {"result": FOUR, "lead_time": 1.0}
    made = post(queue.slow, f"/api/tasks/{queue.kept}/annotations/", answer).json()
    queue.gateway.rights.link.client.delete_annotation(int(made["id"]))
    assert queue.ask(queue.quick).json()["id"] == queue.kept
    assert not queue.progress(queue.quick)["held"]
    post(queue.quick, f"/api/tasks/{queue.kept}/annotations/", answer)
    assert queue.ask(queue.quick).status_code == 404
    told = queue.progress(queue.quick)
    assert (told["done"], told["code"]) == (2, queue.code(queue.accounts[1]))


NONSENSE: tuple[tuple[str, str, dict[bytes, bytes], bytes, int], ...] = (
    ("GET", "/api/tasks/" + "9" * 5000, {}, b"", 403),
    ("GET", "/salon/progress?project=" + "9" * 5000, {}, b"", 403),
    ("GET", "/api/current-user/whoami?x=\xe9", {}, b"", 200),
    ("GET", "/api/current-user/whoami", {b"X-Other": "ü".encode()}, b"", 200),
    ("POST", "/salon/device", {}, b'{"width": NaN, "height": 1, "pixel_ratio": 1}', 400),
    ("POST", "/salon/device", {}, b'{"width": 1%s, "height": 1, "pixel_ratio": 1}' % (b"0" * 400), 400),
    ("POST", "/salon/device", {}, b"x" * 2_000_000, 400),
    ("POST", "/user/login/", {}, b"x" * 2_000_000, 413),
    ("POST", "/api/tasks/{mine}/annotations", {}, b"[" * 900_000, 400),
    ("GET", "/data/local-files/?d={my_picture}", {}, b"", 404),
)


@pytest.mark.parametrize("call", NONSENSE, ids=lambda call: f"{call[0]} {call[1][:40]}")
def test_whatever_comes_gets_an_answer(
    call: tuple[str, str, dict[bytes, bytes], bytes, int], study: Study, as_a: httpx.Client
) -> None:
    method, path, headers, body, code = call
    with LabelStudio(study.gateway.url, study.accounts[0].token) as client:
        picture = str(next(client.task_data(study.projects[0].project_id))[1]["image"]).partition("?d=")[2]
    gone = picture.replace(".jpg", "-gone.jpg")  # as a page still asks for a picture after a takedown
    path = path.format(mine=study.tasks[0], my_picture=gone)
    answer = as_a.request(
        method, path, headers={b"X-CSRFToken": as_a.cookies["csrftoken"].encode(), **headers}, content=body
    )
    assert answer.status_code == code, answer.text[:200]


def test_what_was_seen_is_written_once_the_table_can_be_written_again(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flows.labelstudio.gateway.FLUSH_S", 0.1)
    table = study.warehouse.location.local("tables", "stamps")
    with served(study.warehouse.location.root) as (_, gateway):
        gateway.stamps.append(seen(1))
        until(lambda: not gateway.stamps)
        (table / "_delta_log").rename(table / "away")
        gateway.stamps.append(seen(2))
        until(lambda: "wait to be written" in capsys.readouterr().err)
        assert len(gateway.stamps) == 1
        (table / "away").rename(table / "_delta_log")
        until(lambda: not gateway.stamps)
    found = study.warehouse.table(STAMPS).read(["labelstudio_task_id"], pc.field("server") == "server")
    assert sorted(found["labelstudio_task_id"].to_pylist()) == [1, 2]


def seen(task: int) -> Stamp:
    """A task that was shown."""
    return Stamp(server="server", labelstudio_task_id=task, rater_id="rater", event="shown", at=MADE)


def until(happened: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_raters_login_is_never_lent_to_another(study: Study) -> None:
    with log_in(study.url, study.accounts[0]) as browser:
        assert browser.get("/api/current-user/whoami").json()["id"] == study.accounts[0].user
        with httpx.Client(base_url=study.url) as stranger:
            assert "csrfmiddlewaretoken" in stranger.get("/user/login/").text
            assert stranger.get("/api/current-user/whoami").status_code == 401
        with log_in(study.url, study.accounts[1]) as other:
            assert other.get("/api/current-user/whoami").json()["id"] == study.accounts[1].user
        assert browser.get("/api/current-user/whoami").json()["id"] == study.accounts[0].user


def test_without_a_login_only_the_login_page_answers(study: Study) -> None:
    with httpx.Client(base_url=study.url, follow_redirects=False) as stranger:
        assert stranger.get("/user/login/").status_code == 200
        assert stranger.get("/projects/1/data").headers["location"] == "/user/login/"
        assert stranger.get(f"/api/tasks/{study.tasks[0]}").status_code == 401


def test_a_token_is_no_way_in(study: Study) -> None:
    token = {"Authorization": f"Token {study.accounts[0].token}"}
    with httpx.Client(base_url=study.url, headers=token) as tool:
        assert tool.get(f"/api/tasks/{study.tasks[0]}").status_code == 401


def test_lists_that_would_show_what_others_do_are_empty(study: Study) -> None:
    with log_in(study.url, study.accounts[0]) as browser:
        assert browser.get("/api/tasks?project=1").json()["tasks"] == []
        assert browser.get("/api/projects").json()["results"] == []
        assert browser.get("/api/users").json() == []

"""Whatever breaks, at whatever moment: every task is there once, and every rating exactly once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flows.context import open_run
from flows.labelstudio.collect import collect
from flows.labelstudio.panel import rate_as_panel
from flows.labelstudio.send import send
from flows.labelstudio.server import Credentials, ServerFolder
from flows.selection.names import refuse_sent
from labeling.labelstudio.client import LabelStudio
from labeling.protocols.answers import Answer, Reply
from schemas.errors import NotAuthorised, SalonError, WrongUse
from schemas.protocols import Protocol
from schemas.ratings import PROJECTS, SENT_TASKS
from tests.flows.labelstudio.losing_proxy import losing_proxy
from tests.flows.labelstudio.studies import long_batch
from tests.labelstudio_server import TestServer
from warehouse.store import Warehouse

TASKS = 300
SMALL_IMPORTS = "import_size = 25\n"
MOMENTS = int(os.environ.get("SALON_FAULT_MOMENTS", "10"))
SALON = [sys.executable, "-c", "from flows.cli.main import main; main()"]

moments = pytest.mark.parametrize("moment", range(MOMENTS))


def assert_every_task_is_there_once(warehouse: Warehouse, client: LabelStudio) -> None:
    (project,) = {row["project_id"] for row in warehouse.table(PROJECTS).read().to_pylist()}
    there = Counter(data["key"] for _, data in client.task_data(project))
    assert len(there) == TASKS
    assert set(there.values()) == {1}
    numbers = {number: data["key"] for number, data in client.task_data(project)}
    sent = warehouse.table(SENT_TASKS).read().to_pylist()
    assert {row["labelstudio_task_id"]: row["task_key"] for row in sent} == numbers
    assert len(sent) == TASKS


def until_done(root: str) -> int:
    """Run `send` until it succeeds, as a scheduler would; returns how many runs it took."""
    for run in range(1, 6):
        try:
            send(root=root)
        except SalonError:
            time.sleep(1)
            continue
        return run
    raise AssertionError("send did not succeed in five runs")


@pytest.mark.server
def test_an_answer_that_is_lost_doubles_no_task(labelstudio: TestServer) -> None:
    with losing_proxy(labelstudio.url, lambda method, path, number: "/import" in path and number < 14) as (url, lost):
        warehouse = labelstudio.warehouse(SMALL_IMPORTS, url)
        long_batch(warehouse, TASKS)
        send(root=warehouse.location.root)
        assert lost.lost >= 1
    with labelstudio.client() as client:
        assert_every_task_is_there_once(warehouse, client)


@pytest.mark.server
def test_a_batch_that_was_sent_half_stays_as_it_is_and_is_the_next_to_be_sent(
    labelstudio: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(method: str, path: str, number: int) -> bool:
        if number == 10:
            with labelstudio.client() as client:
                labelstudio.credentials = renewed(labelstudio, client)
        return False

    with losing_proxy(labelstudio.url, ends) as (url, _):
        warehouse = labelstudio.warehouse(SMALL_IMPORTS, url)
        root = warehouse.location.root
        long_batch(warehouse, TASKS)
        with pytest.raises(NotAuthorised):
            send(root=root)
        assert 0 < warehouse.table(SENT_TASKS).count() < TASKS
        with pytest.raises(WrongUse, match="was sent already and stays as it is"):
            refuse_sent(open_run(root), "batch-1")
        long_batch(warehouse, 20, name="batch-2")
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", labelstudio.token)
        assert send(root=root).counts["batch"] == "batch-1"
        with labelstudio.client() as client:
            assert_every_task_is_there_once(warehouse, client)
        assert send(root=root).counts["batch"] == "batch-2"
        assert send(root=root).counts["new tasks"] == 0


@pytest.mark.slow
@pytest.mark.server
@moments
def test_answers_lost_at_random_double_nothing(moment: int, labelstudio: TestServer) -> None:
    rng = random.Random(moment)
    budget = iter(range(4))

    def loses(method: str, path: str, number: int) -> bool:
        return rng.random() < 0.25 and next(budget, None) is not None

    with losing_proxy(labelstudio.url, loses) as (url, lost):
        warehouse = labelstudio.warehouse(SMALL_IMPORTS, url)
        long_batch(warehouse, TASKS)
        until_done(warehouse.location.root)
        assert lost.requests > TASKS / 25
    with labelstudio.client() as client:
        assert_every_task_is_there_once(warehouse, client)


@pytest.mark.slow
@pytest.mark.server
@moments
def test_a_sender_killed_at_any_moment_is_finished_by_the_next(moment: int, labelstudio: TestServer) -> None:
    warehouse = labelstudio.warehouse(SMALL_IMPORTS)
    long_batch(warehouse, TASKS)
    with sender(warehouse) as process:
        wait_for_the_middle(warehouse, moment)
        process.kill()
    print(f"killed with {warehouse.table(SENT_TASKS).count()} of {TASKS} tasks recorded")
    send(root=warehouse.location.root)
    with labelstudio.client() as client:
        assert_every_task_is_there_once(warehouse, client)


@pytest.mark.slow
@pytest.mark.server
@moments
def test_two_senders_at_once_send_every_task_once(moment: int, labelstudio: TestServer) -> None:
    warehouse = labelstudio.warehouse(SMALL_IMPORTS)
    long_batch(warehouse, TASKS)
    with sender(warehouse) as first:
        time.sleep(random.Random(moment).uniform(0, 3.0))
        with sender(warehouse) as second:
            assert [first.wait(300), second.wait(300)] == [0, 0]
    with labelstudio.client() as client:
        assert_every_task_is_there_once(warehouse, client)


@pytest.mark.slow
@pytest.mark.server
@moments
def test_a_token_that_ends_in_the_middle_is_named_and_a_new_one_goes_on(
    moment: int, labelstudio: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = labelstudio.warehouse(SMALL_IMPORTS)
    long_batch(warehouse, TASKS)
    rng = random.Random(moment)
    limit = rng.randint(6, 16)
    seen = []

    def ends(method: str, path: str, number: int) -> bool:
        # The real token is renewed on the server while the sender still uses the old one.
        seen.append(number)
        if number == limit:
            with labelstudio.client() as client:
                labelstudio.credentials = renewed(labelstudio, client)
        return False

    with losing_proxy(labelstudio.url, ends) as (url, _):
        path = warehouse.location.local("salon.toml")
        path.write_text(path.read_text().replace(labelstudio.url, url))
        with pytest.raises(NotAuthorised, match="LABEL_STUDIO_API_KEY"):
            send(root=warehouse.location.root)
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", labelstudio.token)
        send(root=warehouse.location.root)
    with labelstudio.client() as client:
        assert_every_task_is_there_once(warehouse, client)


@pytest.mark.slow
@pytest.mark.server
@moments
def test_label_studio_killed_during_the_import_doubles_nothing(moment: int, mortal: Mortal) -> None:
    warehouse = mortal.warehouse(moment)
    long_batch(warehouse, TASKS)

    def kill() -> None:
        wait_for_the_middle(warehouse, moment)
        mortal.kill_and_restart()
        print(f"killed with {warehouse.table(SENT_TASKS).count()} of {TASKS} tasks recorded")

    killer = threading.Thread(target=kill)
    killer.start()
    runs = until_done(warehouse.location.root)
    killer.join()
    print(f"{runs} runs")
    with mortal.client() as client:
        assert_every_task_is_there_once(warehouse, client)


@pytest.mark.slow
@pytest.mark.server
@moments
def test_label_studio_killed_during_collecting_loses_and_doubles_nothing(moment: int, mortal: Mortal) -> None:
    warehouse = mortal.rated(fresh=moment % 2 == 0)
    before = warehouse.query("SELECT count(*) AS n FROM ratings")["n"][0].as_py()
    root = warehouse.location.root
    took = mortal.seconds_of(lambda: collect(root=root, reconcile=True)) if before else 1.0
    killer = threading.Timer(random.Random(moment).uniform(0, 1.2) * took, mortal.kill_and_restart)
    killer.start()
    for run in range(1, 6):
        try:
            collect(root=root, reconcile=True)
        except SalonError:
            time.sleep(1)
        else:
            print(f"{before} ratings before, done in run {run}")
            break
    killer.join()
    collect(root=root, reconcile=True)
    rows = warehouse.query("SELECT count(*) AS n, count(DISTINCT identity) AS i FROM current_ratings").to_pylist()
    assert rows == [{"n": Mortal.RATED, "i": Mortal.RATED}]
    assert before in (0, Mortal.RATED)


@pytest.mark.slow
@pytest.mark.server
@moments
def test_a_collector_killed_at_any_moment_loses_and_doubles_nothing(moment: int, mortal: Mortal) -> None:
    warehouse = mortal.rated(fresh=True)
    environment = mortal.environment(warehouse)
    command = [*SALON, "collect"]
    took = mortal.seconds_of(lambda: subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True))
    warehouse = mortal.rated(fresh=True)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        # Its start takes most of the time, and breaks nothing.
        time.sleep(random.Random(moment).uniform(0.4, 1.0) * took)
        process.kill()
    print(f"killed with {warehouse.query('SELECT count(*) AS n FROM ratings')['n'][0]} ratings there")
    collect(root=warehouse.location.root)
    rows = warehouse.query("SELECT count(*) AS n, count(DISTINCT identity) AS i FROM ratings").to_pylist()
    assert rows == [{"n": Mortal.RATED, "i": Mortal.RATED}]


class Mortal:
    """A Label Studio that tests may kill, with a batch that has been rated."""

    RATED = 60

    def __init__(self, folder: ServerFolder, documents: Path) -> None:
        self.folder, self.documents = folder, documents
        self.folder.up(documents)
        self._rated: Warehouse | None = None
        self._made = 0

    @property
    def url(self) -> str:
        running = self.folder.running()
        assert running is not None
        return running.url

    @property
    def token(self) -> str:
        credentials = self.folder.credentials()
        assert credentials is not None
        return credentials.token

    def client(self) -> LabelStudio:
        return LabelStudio(self.url, self.token)

    def warehouse(self, name: object) -> Warehouse:
        self._made += 1
        made = Warehouse.create(self.documents / f"mortal-{name}-{self._made}")
        text = f'[labelstudio]\nurl = "{self.url}"\ndocument_root = "{self.documents}"\n{SMALL_IMPORTS}'
        made.location.local("salon.toml").write_text(text)
        return made

    def rated(self, *, fresh: bool = False) -> Warehouse:
        """A warehouse with a batch that a panel of three has rated; with `fresh`, none of it is collected."""
        if self._rated is None:
            self._rated = self.warehouse("rated")
            root = self._rated.location.root
            long_batch(self._rated, self.RATED // 3)
            send(root=root)
            judge_all(root)
        if fresh:
            for name in ("ratings", "rejected_ratings"):
                self._rated.tables[name].delete("true")
            table = self._rated.table(PROJECTS)
            rows = [row | {"seen_until": None} for row in table.read().to_pylist()]
            table.replace([table.spec.row(**row) for row in rows])
        return self._rated

    def seconds_of(self, work: Callable[[], object]) -> float:
        """How long something takes on this machine."""
        begun = time.monotonic()
        work()
        return time.monotonic() - begun

    def kill_and_restart(self) -> None:
        running = self.folder.running()
        assert running is not None
        process = running.process
        assert process is not None
        process.kill()
        psutil.wait_procs([process], timeout=20)
        time.sleep(0.5)
        assert self.folder.up(self.documents, port=int(running.url.rsplit(":", 1)[1])).url == running.url

    def environment(self, warehouse: Warehouse) -> dict[str, str]:
        return {**os.environ, "SALON_ROOT": warehouse.location.root, "LABEL_STUDIO_API_KEY": self.token}


@pytest.fixture(scope="module")
def mortal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    folder = ServerFolder(tmp_path_factory.mktemp("mortal"))
    try:
        yield Mortal(folder, tmp_path_factory.mktemp("documents"))
    finally:
        folder.down()


@pytest.fixture
def mortal(mortal_server: Mortal, monkeypatch: pytest.MonkeyPatch) -> Mortal:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", mortal_server.token)
    return mortal_server


def judge_all(root: str) -> None:
    def judge(rater: int, key: str, protocol: Protocol) -> Reply:
        return Reply(Answer(values={protocol.question: 1.0 + (int(key, 16) + rater) % 5}), 2.0)

    assert rate_as_panel(root, "batch-1", 3, judge) == Mortal.RATED


def sender(warehouse: Warehouse) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "SALON_ROOT": warehouse.location.root}
    return subprocess.Popen([*SALON, "send"], env=environment, stdout=subprocess.DEVNULL)


def wait_for_the_middle(warehouse: Warehouse, moment: int) -> None:
    """Wait until a random part of the tasks is recorded, and a random moment more."""
    rng = random.Random(moment)
    part = rng.randrange(0, TASKS - 25, 25)
    while not warehouse.table(PROJECTS).count() or warehouse.table(SENT_TASKS).count() < part:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.25))


def renewed(server: TestServer, client: LabelStudio) -> Credentials:
    import dataclasses

    token = client._object("POST", "/api/current-user/reset-token")["token"]
    return dataclasses.replace(server.credentials, token=token)

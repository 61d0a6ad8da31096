"""Two curate, one collect and one publish at once: each succeeds or says why not, nothing is lost or there twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from flows.curate import curate
from flows.import_ratings import Request, take_file
from flows.labelstudio.collect import collect
from flows.labelstudio.panel import rate_as_panel
from flows.labelstudio.send import send
from flows.publish import publish
from flows.score import score
from flows.select import select
from labeling.protocols.answers import Answer, Reply
from schemas.protocols import Protocol
from schemas.settings.filter import default_rules
from schemas.tables import TABLES
from tests.conftest import CHECKOUT
from tests.flows.labelstudio.studies import picture
from tests.labelstudio_server import TestServer
from warehouse.releases.verify import verify
from warehouse.store import Warehouse

ROUNDS = int(os.environ.get("SALON_ROUNDS", "20"))
FIRST, EACH, PANEL, ANSWERS = 30, 3, 2, 2
ROLES = ("curate", "curate", "collect", "publish")


@contextmanager
def worker(role: str, root: str, photos: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that waits for its turn."""
    words = [sys.executable, "-m", "tests.flows.labelstudio.at_once", role, root, str(photos)]
    with subprocess.Popen(words, cwd=CHECKOUT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def add_photos(photos: Path, first: int, count: int) -> None:
    photos.mkdir(exist_ok=True)
    for number in range(first, first + count):
        (photos / f"{number}.jpg").write_bytes(picture(number, (360, 280)))


def every_photo_kept() -> str:
    """Settings: pictures made for tests are blurred ones."""
    return "".join(f"[filter.rules.{name}]\nenabled = false\n" for name in default_rules())


def judge(rater: int, key: str, protocol: Protocol) -> Reply:
    return Reply(Answer(values={protocol.question: 1.0 + (int(key, 16) + rater) % 5}), 2.0)


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.timeout(3600)
def test_flows_at_once_lose_nothing_and_double_nothing(labelstudio: TestServer, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    warehouse = labelstudio.warehouse("[study]\noverlap = 2\n[ingest]\nshard = 2\nworkers = 1\n" + every_photo_kept())
    root = warehouse.location.root
    add_photos(photos, 0, FIRST)
    curate(root=root, sources=[str(photos)])
    votes = tmp_path / "votes.csv"
    votes.write_text(
        "photo,rater,score\n" + "".join(f"{n}.jpg,r{k},{1 + (n + k) % 7}\n" for n in range(6) for k in (1, 2))
    )
    take_file(root, Request(file=str(votes), scale="1-7", simulated=True))
    select(root=root, n=FIRST - 6, simulated=True)
    send(root=root)
    answered, told = 0, []
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(role, root, photos)) for role in ROLES]
        for number in range(ROUNDS):
            add_photos(photos, FIRST + EACH * number, EACH)
            answered += rate_as_panel(root, "batch-1", PANEL, judge, most=ANSWERS)
            for process in workers:
                assert process.stdin is not None
                print("go", file=process.stdin, flush=True)
            told += [json.loads(process.stdout.readline()) for process in workers if process.stdout is not None]
    assert len(told) == ROUNDS * len(ROLES)
    refused = [one for one in told if not one["ok"]]
    assert all("\n" not in one["sentence"] and len(one["sentence"]) > 30 for one in refused), refused
    print(f"{len(told) - len(refused)} of {len(told)} succeeded; refused: {[one['sentence'] for one in refused]}")

    curate(root=root, sources=[str(photos)])
    collect(root=root)
    score(root=root)
    publish(root=root, name="beauty")
    assert_each_key_once(warehouse)
    assert warehouse.tables["photos"].count() == FIRST + EACH * ROUNDS
    assert warehouse.tables["sightings"].count() == FIRST + EACH * ROUNDS
    assert warehouse.tables["ratings"].count() == answered + 12
    released = sorted((Path(root) / "releases" / "beauty").glob("*.*.*"))
    assert warehouse.tables["releases"].count() == len(released) >= 1
    for version in released:
        assert verify(version).faults == [], version


def assert_each_key_once(warehouse: Warehouse) -> None:
    for spec in TABLES:
        keys = warehouse.table(spec).read(list(spec.key))
        assert keys.group_by(list(spec.key)).aggregate([]).num_rows == keys.num_rows, spec.name

"""A study whose warehouse is in an object store: two senders at once, presigned pictures, ratings come home."""

from __future__ import annotations

import io
import os
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from flows.labelstudio.collect import collect
from flows.labelstudio.panel import panel_accounts, rate_as_panel
from flows.labelstudio.send import send
from labeling.design.shared import shared_queue
from labeling.design.stimuli import Stimulus
from labeling.labelstudio.client import LabelStudio
from labeling.protocols.answers import Answer, Reply
from schemas.codes import TaskRole
from schemas.protocols import Protocol
from schemas.ratings import PROJECTS, RATINGS, SENT_TASKS
from tests.flows.labelstudio.studies import SECRET, add_batch, add_photos
from tests.object_store import BUCKET, s3_server
from warehouse.store import Warehouse

PHOTOS = 20


def judge(rater: int, key: str, protocol: Protocol) -> Reply:
    return Reply(Answer(values={protocol.question: 1.0 + int(key, 16) % 5}), 2.0)


@pytest.mark.server
def test_a_batch_is_sent_from_a_bucket_and_its_pictures_are_presigned(
    open_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "salon.toml").write_text(f'[labelstudio]\nurl = "{open_server}"\nimport_size = 6\n', encoding="utf-8")
    monkeypatch.setenv("SALON_SETTINGS", str(tmp_path / "salon.toml"))
    monkeypatch.setenv("SALON_LABELSTUDIO_HOME", str(tmp_path / "home"))  # where logins of a bucket's raters are kept
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", "a key of the tests, always the same")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with s3_server(port):
        root = f"s3://{BUCKET}/salon"
        warehouse = Warehouse.create(root)
        photos = add_photos(warehouse, PHOTOS, sizes=((1600, 1200),), folder=tmp_path / "files")
        stimuli = [Stimulus((photo,), TaskRole.RATE, "test") for photo in photos]
        tasks = shared_queue("batch-1", stimuli, SECRET, repeats=0, gap=20, seed="test")
        add_batch(warehouse, tasks, overlap=1, simulated=True)
        with ThreadPoolExecutor(2) as pool:
            outcomes = [sent.result() for sent in [pool.submit(send, root=root) for _ in range(2)]]
        assert sum(int(outcome.counts["new tasks"]) for outcome in outcomes) == PHOTOS
        (project,) = warehouse.table(PROJECTS).read()["project_id"].to_pylist()
        with LabelStudio(open_server, os.environ["LABEL_STUDIO_API_KEY"]) as client:
            there = Counter(data["key"] for _, data in client.task_data(int(project)))
        assert there == Counter(task.task_key for task in tasks)
        assert warehouse.table(SENT_TASKS).count() == PHOTOS

        (account,) = panel_accounts(root, 1)
        with LabelStudio(open_server, account.token) as rater:
            task = rater.next_task(int(project))
        assert task is not None
        # As a browser asks for it: Label Studio sends it on to the bucket, which gives it out without a login.
        address = httpx.URL(open_server).join(task["data"]["image"])
        asked = httpx.get(address, headers={"Authorization": f"Token {account.token}"}, trust_env=False)
        assert asked.status_code == httpx.codes.SEE_OTHER
        assert asked.headers["location"].startswith(f"http://127.0.0.1:{port}/{BUCKET}/")
        data = httpx.get(asked.headers["location"], trust_env=False).content
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.size == (1024, 768)
            assert not picture.getexif()

        assert rate_as_panel(root, "batch-1", 1, judge) == PHOTOS
        assert collect(root=root).counts["new ratings"] == PHOTOS
        assert warehouse.table(RATINGS).count() == PHOTOS

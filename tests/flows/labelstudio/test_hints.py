"""Webhooks of a real Label Studio as a hint: what is rated is collected at once, and forged hints are refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from flows.labelstudio.listen import HEADER, listen
from flows.labelstudio.panel import rate_as_panel
from flows.labelstudio.send import send
from labeling.labelstudio.client import LabelStudio
from labeling.protocols.answers import Answer, Reply
from schemas.errors import WrongUse
from schemas.protocols import Protocol
from schemas.ratings import RATINGS
from tests.flows.labelstudio.studies import long_batch
from tests.labelstudio_server import TestServer
from warehouse.store import Warehouse

pytestmark = pytest.mark.server
TASKS = 3
SALON = [sys.executable, "-c", "from flows.cli.main import main; main()"]
PATIENCE_S = 120


def judge(rater: int, key: str, protocol: Protocol) -> Reply:
    return Reply(Answer(values={protocol.question: 1.0 + int(key, 16) % 5}), 2.0)


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_rating_is_collected_at_a_hint_and_the_webhook_is_taken_away_at_the_end(
    open_server: str, tmp_path: Path
) -> None:
    warehouse = Warehouse.create(tmp_path / "warehouse")
    root = warehouse.location.root
    text = f'[labelstudio]\nurl = "{open_server}"\ndocument_root = "{tmp_path}"\nhint_every_minutes = 600\n'
    warehouse.location.local("salon.toml").write_text(text, encoding="utf-8")
    long_batch(warehouse, TASKS)
    send(root=root)
    client = LabelStudio(open_server, os.environ["LABEL_STUDIO_API_KEY"])
    command = [*SALON, "collect", "--listen", "--root", root]
    with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()  # it listens
        (hook,) = client.webhooks()
        refused = httpx.post(hook["url"], headers={HEADER: "guessed"}, trust_env=False)
        assert refused.status_code == httpx.codes.FORBIDDEN
        assert rate_as_panel(root, "batch-1", 1, judge) == TASKS
        wait_until(lambda: warehouse.table(RATINGS).count() == TASKS)
        # The first pass may have found those; nothing but a hint can tell of what comes now.
        assert rate_as_panel(root, "batch-1", 2, judge) == TASKS
        wait_until(lambda: warehouse.table(RATINGS).count() == 2 * TASKS)
        process.terminate()
        process.wait(PATIENCE_S)
    assert client.webhooks() == []


def test_a_server_that_may_not_call_this_machine_is_named_with_what_to_do(labelstudio: TestServer) -> None:
    warehouse = labelstudio.warehouse()
    long_batch(warehouse, TASKS)
    send(root=warehouse.location.root)
    with pytest.raises(WrongUse, match="hint_url"):
        listen(warehouse.location.root, lambda: None)

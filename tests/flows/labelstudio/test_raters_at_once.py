"""Many raters write at the same time, while tasks are imported: none of them is refused."""

from __future__ import annotations

import threading
import time

import pytest

from flows.labelstudio.collect import collect
from flows.labelstudio.panel import rate_as_panel
from flows.labelstudio.send import send
from labeling.protocols.answers import Answer, Reply
from schemas.protocols import Protocol
from schemas.ratings import SENT_TASKS
from tests.flows.labelstudio.studies import long_batch, shared_batch
from tests.labelstudio_server import TestServer

RATERS, PHOTOS, IMPORTED = 5, 5, 4000


@pytest.mark.server
def test_raters_who_write_at_once_are_all_taken_in_while_tasks_are_imported(labelstudio: TestServer) -> None:
    warehouse = labelstudio.warehouse()
    root = warehouse.location.root
    shared_batch(warehouse, PHOTOS, overlap=RATERS, simulated=True)
    send(root=root)
    other = labelstudio.warehouse()
    long_batch(other, IMPORTED)

    def judge(rater: int, key: str, protocol: Protocol) -> Reply:
        time.sleep(0.01)
        return Reply(Answer(values={protocol.question: 1.0 + rater % 5}), 2.0)

    importing = threading.Thread(target=send, kwargs={"root": other.location.root})
    importing.start()
    submitted = rate_as_panel(root, "batch-1", RATERS, judge, together=RATERS)
    importing.join()
    assert submitted == RATERS * PHOTOS
    collected = collect(root=root)
    assert collected.counts["new ratings"] == RATERS * PHOTOS
    assert other.table(SENT_TASKS).count() == IMPORTED

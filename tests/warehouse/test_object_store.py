"""A warehouse on an object store behaves as one in a folder, with many writers too."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from schemas.photos import DUPLICATES, FINGERPRINTS, Duplicate, Fingerprint
from tests.object_store import BUCKET, s3_server
from warehouse.maintenance import maintain_table
from warehouse.store import Warehouse

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with s3_server(port):
        yield f"s3://{BUCKET}/warehouse"


WRITER = """
import sys
from warehouse.store import Warehouse
from schemas.photos import FINGERPRINTS, Fingerprint
table = Warehouse.open(sys.argv[1]).table(FINGERPRINTS)
for start in range(0, 120, 40):
    table.insert([Fingerprint(photo_id=f"{n:064x}", method="m", bits=b"12345678") for n in range(start, start + 60)])
"""


def test_three_writers_at_once_leave_each_key_once_on_an_object_store(root: str) -> None:
    table = Warehouse.create(root).table(FINGERPRINTS)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, root]) for _ in range(3)]
    assert [writer.wait(180) for writer in writers] == [0, 0, 0]
    assert sorted(table.read(["photo_id"])["photo_id"].to_pylist()) == [f"{n:064x}" for n in range(140)]
    digest = table.digest()
    assert maintain_table(table, set(), retention_hours=0, least_files=2).files_after == 1
    assert table.digest() == digest


def test_derived_rows_are_replaced_and_queried_on_an_object_store(root: str) -> None:
    warehouse = Warehouse.create(root)
    row = Duplicate(
        photo_id="a", group_id="g", representative_id="a", relation="representative", distance=0.0,
        method="m", reason="t",
    )  # fmt: skip
    assert warehouse.table(DUPLICATES).replace([row])
    assert not warehouse.table(DUPLICATES).replace([row])
    assert warehouse.query("SELECT count(*) AS n FROM duplicates").to_pylist() == [{"n": 1}]
    warehouse.table(FINGERPRINTS).insert([Fingerprint(photo_id="x", method="n", bits=b"")])

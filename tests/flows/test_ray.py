"""The engine of a cluster gives what the local one gives, also when a node dies under its work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.tables import TABLES
from tests.flows.chaos.material import write_photos
from warehouse.store import Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(1800)]
SALON = Path(sys.executable).with_name("salon")
NODES = 3
SHARDS = "[ingest]\nshard = 12\n[embed]\nshard = 12\n[dedupe]\nshard = 5\n"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Three nodes on this machine, each with a raylet and workers of its own; one says that it has a GPU."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    utils = pytest.importorskip("ray.cluster_utils")
    size = {"num_cpus": 1, "object_store_memory": 120_000_000}
    made = utils.Cluster(initialize_head=True, head_node_args=size | {"include_dashboard": False})
    for number in range(1, NODES):
        made.add_node(**size, num_gpus=int(number == 1))
    made.wait_for_nodes()
    yield made
    made.shutdown()


def warehouse(root: Path, settings: str) -> Warehouse:
    made = Warehouse.create(root)
    (root / "salon.toml").write_text(SHARDS + settings)
    return made


def salon(root: Path, *words: str) -> subprocess.Popen[str]:
    environment = os.environ | {"SALON_ROOT": str(root)}
    return subprocess.Popen([SALON, *words], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended_well(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    return out


def digests(opened: Warehouse) -> dict[str, str]:
    return {spec.name: opened.table(spec).digest() for spec in TABLES}


def test_a_node_that_dies_in_the_middle_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    write_photos(photos, 96)
    here = warehouse(tmp_path / "local", "")
    ended_well(salon(tmp_path / "local", "curate", str(photos)))

    there = warehouse(tmp_path / "ray", f'[run]\nengine = "ray"\nray_address = "{cluster.address}"\n')
    process = salon(tmp_path / "ray", "curate", str(photos))
    while there.tables["sightings"].count() == 0:  # the first portion is in, the others are under way
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    victim = sorted(cluster.worker_nodes, key=lambda node: str(node.unique_id))[-1]
    cluster.remove_node(victim, allow_graceful=False)
    assert there.tables["sightings"].count() < 90, "the node was to die in the middle"
    ended_well(process)
    assert digests(there) == digests(here)

    again = ended_well(salon(tmp_path / "ray", "curate", str(photos), "--json"))
    assert '"ingest: new photos": 0' in again
    assert digests(there) == digests(here)


ASKS = """
import json, sys
from prefect import flow, task
from flows.context import open_run
from flows.engine import cluster_of
from flows.runtime import Sealed

@task
def assigned(sealed: Sealed[int]) -> dict[str, float]:
    import ray
    return ray.get_runtime_context().get_assigned_resources()

@flow
def look(root: str) -> list[dict[str, float]]:
    with cluster_of(open_run(root)) as cluster:
        return [*cluster.map(assigned, [1]), *cluster.map(assigned, [2], gpu=True)]

from flows.runtime import prepare_environment, run_flow
prepare_environment()
print(json.dumps(run_flow(look, root=sys.argv[1])))
"""


def test_work_that_can_use_a_gpu_asks_for_one(cluster: Any, tmp_path: Path) -> None:
    warehouse(tmp_path, f'[run]\nengine = "ray"\nray_address = "{cluster.address}"\nray_gpus = 0.5\n')
    text = subprocess.run(
        [sys.executable, "-c", ASKS, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    without, with_gpu = json.loads(text.splitlines()[-1])
    assert without.get("GPU", 0) == 0
    assert with_gpu["GPU"] == 0.5


def test_a_cluster_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    warehouse(tmp_path / "w", '[run]\nengine = "ray"\nray_address = "127.0.0.1:9"\n')
    (tmp_path / "photos").mkdir()
    write = tmp_path / "photos" / "a.jpg"
    write.write_bytes(b"no photo")
    process = salon(tmp_path / "w", "ingest", str(tmp_path / "photos"))
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 1
    assert len(errors.strip().splitlines()) == 1, errors
    assert "127.0.0.1:9" in errors

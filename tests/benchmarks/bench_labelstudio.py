"""Sending and collecting 10,000 tasks against the SDK's own import and raw export, taking turns in one run.

Prints rates and ratios. A Label Studio is started from the installation's template and ended again.
Usage: bench_labelstudio.py [TASKS]
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flows.runtime import prepare_environment, run_flow

SIZES = (1000, 2000, 5000, 10000)
"""Tasks a call that the SDK is tried with; its best counts."""

ROUNDS = 3
PATIENCE_S = 600
SQLITE = "%Y-%m-%d %H:%M:%S.%f"


def main(tasks: int) -> None:
    """Measure, and print."""
    prepare_environment()
    from flows.labelstudio.server import ServerFolder

    with tempfile.TemporaryDirectory() as text:
        folder = ServerFolder(Path(text) / "server")
        documents = Path(text) / "documents"
        running = folder.up(documents)
        credentials = folder.credentials()
        assert credentials is not None
        os.environ["LABEL_STUDIO_API_KEY"] = credentials.token
        os.environ["PREFECT_HOME"] = str(Path(text) / "prefect")
        try:
            measure(running.url, credentials.token, documents, tasks, folder.path / "data" / "label_studio.sqlite3")
        finally:
            folder.down()


def measure(url: str, token: str, documents: Path, tasks: int, database: Path) -> None:
    """Send and collect in both ways."""
    from flows.context import open_run
    from flows.labelstudio.collect import collect
    from flows.labelstudio.send import send
    from flows.labelstudio.studies import projects_of, protocol_of, study_of
    from flows.prefect_server import ensure_server
    from labeling.labelstudio.client import LabelStudio
    from labeling.protocols.markup import label_config
    from tests.flows.labelstudio.studies import long_batch
    from warehouse.store import Warehouse

    warehouse = Warehouse.create(documents / "warehouse")
    root = warehouse.location.root
    settings = f'[labelstudio]\nurl = "{url}"\ndocument_root = "{documents}"\n'
    Path(root, "salon.toml").write_text(settings, encoding="utf-8")
    ensure_server()
    long_batch(warehouse, 20, name="warm-up")
    run_flow(send, root=root, batch="warm-up")  # Prefect, the pictures and the server are warm from here on
    run = open_run(root)
    ours: list[float] = []
    peers: dict[int, list[float]] = {size: [] for size in SIZES}
    for turn in range(1, ROUNDS + 1):
        name = f"batch-{turn}"
        long_batch(warehouse, tasks, name=name)
        ours.append(timed(partial(run_flow, send, root=root, batch=name)))
        project = next(p for p in projects_of(run) if p.batch_id == name)
        payloads = [{"data": data} for _, data in LabelStudio(url, token).task_data(project.project_id)]
        for size, took in peers.items():
            took.append(sdk_import(url, token, label_config(protocol_of(project)), payloads, size))
    theirs = {size: statistics.median(took) for size, took in peers.items()}
    size = min(theirs, key=lambda size: theirs[size])
    best, mine = theirs[size], statistics.median(ours)
    print("SDK import, tasks a call: " + ", ".join(f"{n:,} {tasks / took:,.0f}/s" for n, took in theirs.items()))
    print(
        f"send {tasks:,} tasks: {tasks / mine:,.0f}/s; SDK import, {size:,} a call: {tasks / best:,.0f}/s; "
        f"ratio {best / mine:.2f} (medians of {ROUNDS})",
        flush=True,
    )
    annotate_all(database, project.project_id)
    exports = [timed(lambda: sdk_export(url, token, project.project_id)) for _ in range(ROUNDS)]
    collecting = timed(partial(run_flow, collect, root=root))
    exporting = statistics.median(exports)
    print(
        f"collect {tasks:,}: {tasks / collecting:,.0f}/s; SDK raw export {tasks / exporting:,.0f}/s; "
        f"ratio {exporting / collecting:.2f}"
    )
    client = LabelStudio(url, token)
    numbers = [number for number, _ in client.task_data(project.project_id)][:10]
    for number in numbers:
        client.annotate(number, annotation(random.Random(number)))
    again = timed(partial(run_flow, collect, root=root))
    new = warehouse.query("SELECT count(*) AS n FROM ratings")["n"][0].as_py()
    print(f"incremental collect of 10 new among {tasks:,}: {again:.2f} s ({new:,} rows)")
    assert new == tasks + 10
    assert len(study_of(run, name).tasks) == tasks


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def sdk_import(url: str, token: str, config: str, payloads: list[dict[str, Any]], size: int) -> float:
    """Seconds of the SDK's own import into a new project."""
    from label_studio_sdk import LabelStudio

    sdk = LabelStudio(base_url=url, api_key=token, timeout=PATIENCE_S)  # type: ignore[no-untyped-call] # the SDK's own
    project = sdk.projects.create(title=f"peer {size}", label_config=config)
    begun = time.perf_counter()
    for start in range(0, len(payloads), size):
        sdk.projects.import_tasks(id=project.id, request=payloads[start : start + size], return_task_ids=True)  # type: ignore[arg-type] # it takes plain dictionaries
    return time.perf_counter() - begun


def sdk_export(url: str, token: str, project: int) -> int:
    """The SDK's raw export, read as JSON; returns the number of tasks."""
    from label_studio_sdk import LabelStudio

    sdk = LabelStudio(base_url=url, api_key=token, timeout=PATIENCE_S)  # type: ignore[no-untyped-call] # the SDK's own
    content = b"".join(sdk.projects.exports.download_sync(id=project, export_type="JSON"))
    return len(json.loads(content))


def annotation(rng: random.Random) -> dict[str, object]:
    """An annotation as a browser posts it."""
    region = {"from_name": "beauty", "to_name": "image", "type": "choices"}
    return {"result": [region | {"value": {"choices": [str(rng.randint(1, 5))]}}], "lead_time": 3.5}


def annotate_all(database: Path, project: int) -> None:
    """One annotation per task, written straight into the server's database: over its API it takes ten minutes."""
    connection = sqlite3.connect(database, timeout=60)
    tasks = connection.execute("SELECT id FROM task WHERE project_id = ?", (project,)).fetchall()
    columns = [row[1] for row in connection.execute("PRAGMA table_info(task_completion)")]
    begun = datetime.now(UTC) - timedelta(hours=2)  # raters were at work for two hours
    gap = timedelta(hours=1.9) / len(tasks)
    rows = []
    for number, (task,) in enumerate(tasks):
        made = annotation(random.Random(task))
        moment = (begun + (number + 1) * gap).strftime(SQLITE)
        known: dict[str, object] = {
            "task_id": task,
            "project_id": project,
            "completed_by_id": 1,
            "updated_by_id": 1,
            "result": json.dumps(made["result"]),
            "lead_time": made["lead_time"],
            "created_at": moment,
            "updated_at": moment,
            "result_count": 1,
            "was_cancelled": 0,
            "ground_truth": 0,
            "bulk_created": 0,
            "prediction": "{}",
            "unique_id": f"{task:032x}",
        }
        rows.append([known.get(name) for name in columns if name != "id"])
    names = ", ".join(name for name in columns if name != "id")
    marks = ", ".join("?" for name in columns if name != "id")
    connection.executemany(f"INSERT INTO task_completion ({names}) VALUES ({marks})", rows)
    connection.execute(
        "UPDATE task SET total_annotations = 1, is_labeled = 1, created_at = ?, updated_at = "
        "(SELECT updated_at FROM task_completion c WHERE c.task_id = task.id) WHERE project_id = ?",
        (begun.strftime(SQLITE), project),
    )
    connection.commit()
    connection.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

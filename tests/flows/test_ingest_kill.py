"""Runs killed with -9 at moments all over their length, then finished, leave the tables of an unbroken run."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.context import Run
from tests.conftest import CHECKOUT, real_data
from tests.flows.test_ingest_run import FILLED, go, new_run, state

MOMENTS = 20
SHARD = 12
COMMIT_S = 0.4
"""About as long as a shard's commit takes."""
PROGRAM = """
import sys
sys.path.insert(0, {checkout!r})
from pathlib import Path
import flows.ingest_shards as shards
from tests.flows.test_ingest_run import go, new_run
shards.PICTURE_BYTES_HELD = 200_000  # several pieces a shard, as with photos by the thousand
add = shards.Shard.add
def told(self, *parts):
    print("file", flush=True)
    return add(self, *parts)
shards.Shard.add = told
go(new_run(Path({root!r}), shard={shard}), {source!r})
"""


@contextmanager
def running(root: Path, source: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, that says so for each file; killed with -9 at the end of the block."""
    program = PROGRAM.format(checkout=str(CHECKOUT), root=str(root), source=str(source), shard=SHARD)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def orphans(run: Run) -> int:
    """Files in the table of pictures that no commit has taken in."""
    table = run.warehouse.tables["pictures"]
    there = {path.name for path in Path(run.root, "tables", "pictures").glob("*.parquet")}
    return len(there - {Path(uri).name for uri in table.delta().file_uris()})


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_at_any_moment_and_finished_is_an_unbroken_run(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for image in sorted(real_data("oasis", "images").iterdir())[:60]:
        shutil.copy(image, source / image.name)
    for image in real_data("hostile", "files").iterdir():
        shutil.copy(image, source / image.name)
    files = len(list(source.iterdir()))
    whole = new_run(tmp_path / "whole", shard=SHARD)
    go(whole, source)
    wanted = state(whole)
    rng = random.Random(11)
    parts = set()
    for moment in range(MOMENTS):  # one in each twentieth of the run, at any time after one of its files
        root, after = tmp_path / f"broken{moment}", int(files * (moment + rng.random()) / MOMENTS)
        with running(root, source) as process:
            assert process.stdout is not None
            for _ in range(after):
                assert process.stdout.readline() == "file\n"
            time.sleep(rng.uniform(0, COMMIT_S))
        run = new_run(root, shard=SHARD)
        counts = {name: run.warehouse.tables[name].count() for name in FILLED}
        done = counts["sightings"] + counts["quarantine"]
        left = orphans(run)
        totals = go(run, source)
        print(f"killed after {after} of {files} files: {counts}, pictures uncommitted in {left} files")
        parts.add((counts["pictures"] > counts["sightings"], left > 0, done > 0))
        assert counts["pictures"] - counts["photos"] <= SHARD, "more than one shard was half written"
        assert totals.files == totals.listed - done, "what was whole was read again"
        assert state(run) == wanted
        shutil.rmtree(root)
    assert len(parts) > 1, "all moments fell into the same part of the run"

"""A run killed with -9 at random moments and finished leaves the tables of an unbroken run."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, real_data
from tests.flows.test_ingest_run import go, new_run, state

PROGRAM = """
import sys
sys.path.insert(0, {checkout!r})
from pathlib import Path
from tests.flows.test_ingest_run import go, new_run
print("go", flush=True)
go(new_run(Path({root!r}), shard=6), {source!r})
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_at_random_moments_leave_nothing_half_done(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for image in sorted(real_data("oasis", "images").iterdir())[:60]:
        shutil.copy(image, source / image.name)
    for image in real_data("hostile", "files").iterdir():
        shutil.copy(image, source / image.name)
    whole = new_run(tmp_path / "whole")
    go(whole, source)
    broken = new_run(tmp_path / "broken", shard=6)
    program = PROGRAM.format(checkout=str(CHECKOUT), root=str(tmp_path / "broken"), source=str(source))
    rng, killed = random.Random(11), 0
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(rng.uniform(0.2, 8.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        process.stdout.close()
    assert killed >= 5
    go(broken, source)
    assert state(broken) == state(whole)

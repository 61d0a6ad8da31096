"""A chain killed at random moments and then finished ends with the tables and the release of an unbroken one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.demo.photos import write_demo_photos
from schemas.tables import TABLES
from warehouse.store import Warehouse

SALON = Path(sys.executable).with_name("salon")
RUNS = int(os.environ.get("SALON_CHAOS_RUNS", "4"))
MOST_KILLS = 3
PATIENCE_S = 240
# What a release says of the machine it was made on, or of the versions of tables; nothing that its rows hold.
NOT_COMPARED = {"releases"}


def chain(photos: Path, votes: Path) -> tuple[tuple[str, ...], ...]:
    """All stages that need no Label Studio, as words of the command line."""
    return (
        ("curate", str(photos)),
        ("import-ratings", str(votes), "--scale", "1-7", "--simulated"),
        ("score",),
        ("publish", "beauty"),
    )


def start(words: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [SALON, *words], env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(words: tuple[str, ...], environment: dict[str, str]) -> None:
    process = start(words, environment)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors.decode()


def digests(root: Path) -> dict[str, str]:
    warehouse = Warehouse.open(root)
    return {spec.name: warehouse.table(spec).digest() for spec in TABLES if spec.name not in NOT_COMPARED}


def released(root: Path) -> dict[str, bytes]:
    folder = root / "releases" / "beauty" / "1.0.0"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_and_finished_chains_equal_an_unbroken_one(tmp_path: Path) -> None:
    photos = write_demo_photos(tmp_path / "photos").path
    names = sorted(path.name for path in photos.glob("*_[ab].jpg"))
    votes = tmp_path / "votes.csv"
    rows = [f"{name},r{k},{1 + (i * 3 + k) % 7}" for i, name in enumerate(names) for k in range(5)]
    votes.write_text("\n".join(["photo,rater,score", *rows]) + "\n")

    def environment(root: Path) -> dict[str, str]:
        return os.environ | {"SALON_ROOT": str(root), "SALON_PSEUDONYM_KEY": "a key for chaos, always the same"}

    whole = tmp_path / "whole"
    Warehouse.create(whole)
    for words in chain(photos, votes):
        finish(words, environment(whole))
    expected, files = digests(whole), released(whole)
    assert files

    seed = random.randrange(10**6)
    rng = random.Random(seed)
    for run in range(RUNS):
        root = tmp_path / f"broken-{run}"
        Warehouse.create(root)
        for words in chain(photos, votes):
            for _ in range(rng.randint(0, MOST_KILLS)):
                process = start(words, environment(root))
                try:
                    process.communicate(timeout=rng.uniform(1.0, 14.0))
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.communicate()
            finish(words, environment(root))
        found = digests(root)
        different = [name for name in expected if found[name] != expected[name]]
        assert not different, f"seed {seed}, run {run}: {different} differ from an unbroken run's"
        assert released(root) == files, f"seed {seed}, run {run}: the release differs"

"""A chain killed at any moment and then finished ends with the tables and the release of an unbroken one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.flows.chaos.material import write_photos, write_votes
from tests.flows.chaos.yard import Yard

RUNS = int(os.environ.get("SALON_CHAOS_RUNS", "3"))
"""50 runs on 2,000 photos, in pieces: python -m tests.flows.chaos.yard FOLDER --seeds 0-49"""


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.timeout(3600)
def test_chains_killed_at_random_and_finished_equal_an_unbroken_one(tmp_path: Path) -> None:
    yard = Yard(tmp_path, photos=200, batch=8)
    try:
        yard.open()
        for seed in random.sample(range(10**6), RUNS):
            told = yard.run(seed)
            assert told["different"] == [], told
            assert not any("Traceback" in text for text in told["errors"]), told
    finally:
        yard.close()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_stage_killed_at_any_commit_or_change_of_a_file_is_finished_by_the_next_run(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 16)
    write_votes(tmp_path / "votes.csv", tmp_path / "photos")
    environment = os.environ | {"SALON_PSEUDONYM_KEY": "a key for chaos, always the same"}
    words = [sys.executable, "-m", "tests.flows.chaos.moments", str(tmp_path)]
    ended = subprocess.run(words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-500:] + ended.stderr[-2000:]
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {line["stage"] for line in told} == {"curate", "import-ratings", "score", "publish"}
    assert len(told) > 50
    assert [line for line in told if line["different"]] == []

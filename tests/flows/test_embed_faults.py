"""What can go wrong while embedding: one sentence each, nothing lost, and the same command does the rest."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.photos import EMBEDDINGS
from tests.command_line import salon
from tests.conftest import real_data
from tests.flows.test_embed_and_filter import BAD, REAL
from tests.flows.test_embed_and_filter import made_once as made_once
from tests.flows.test_embed_and_filter import root as root
from tests.flows.test_wrong_use import one_sentence
from warehouse.store import Warehouse

Capture = pytest.CaptureFixture[str]
SALON = str(Path(sys.executable).with_name("salon"))
EVERYTHING = REAL + len(BAD)


def vectors(root: Path) -> int:
    return Warehouse.open(root).table(EMBEDDINGS).count()


def test_a_run_killed_in_the_middle_goes_on_where_it_stopped(root: Path, capfd: Capture) -> None:
    whole = Path(shutil.copytree(root, root.parent / "whole"))
    assert salon(capfd, whole, "embed").code == 0
    (root / "salon.toml").write_text("[embed]\nshard = 1\n")
    log = root / "tables" / "embeddings" / "_delta_log"
    before = len(list(log.glob("*.json")))
    process = subprocess.Popen(
        [SALON, "embed"],
        env={**os.environ, "SALON_ROOT": str(root)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while len(list(log.glob("*.json"))) < before + 3 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    committed = vectors(root)
    assert 3 <= committed < EVERYTHING
    ended = salon(capfd, root, "embed", "--json")
    assert json.loads(ended.out)["counts"]["new vectors"] == EVERYTHING - committed
    tables = [Warehouse.open(folder).table(EMBEDDINGS) for folder in (root, whole)]
    assert tables[0].digest() == tables[1].digest()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of a few megabytes, which only root may mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=False).returncode:
        text = "SKIPPED: a small file system cannot be mounted here"
        warnings.warn(pytest.PytestWarning(text), stacklevel=2)
        pytest.skip(text)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_one_sentence_and_costs_no_vector(root: Path, small_disk: Path, capfd: Capture) -> None:
    full = Path(shutil.copytree(root, small_disk / "warehouse"))
    (full / "salon.toml").write_text("[embed]\nshard = 4\n")
    filler = small_disk / "filler"
    room = 40_000  # for a commit or two of four vectors, not for five
    free = os.statvfs(small_disk)
    filler.write_bytes(bytes(free.f_bavail * free.f_frsize - room))
    ended = salon(capfd, full, "embed")
    assert ended.code == 1
    # A thread inside Delta's own library reports its own end before our sentence; nothing of Python's is shown.
    assert "Traceback" not in ended.err
    assert "left on the disk" in one_sentence(ended.err.splitlines()[-1])
    committed = vectors(full)
    assert committed < EVERYTHING
    filler.unlink()
    ended = salon(capfd, full, "embed", "--json")
    assert json.loads(ended.out)["counts"]["new vectors"] == EVERYTHING - committed
    assert salon(capfd, root, "embed").code == 0
    tables = [Warehouse.open(folder).table(EMBEDDINGS) for folder in (full, root)]
    assert tables[0].digest() == tables[1].digest()


def test_weights_that_are_missing_damaged_or_others_are_one_sentence_and_cost_no_vector(
    root: Path, tmp_path: Path, capfd: Capture
) -> None:
    assert salon(capfd, root, "embed").code == 0
    tiny = real_data("open_clip", "tiny-random")
    damaged = Path(shutil.copytree(tiny, tmp_path / "damaged"))
    weights = damaged / "open_clip_model.safetensors"
    weights.chmod(0o644)
    damaged.chmod(0o755)
    weights.write_bytes(weights.read_bytes()[:100_000])
    config = '[embed]\nweights_sha256 = "' + 64 * "0" + '"\n'
    for spec, settings, code, sentence in (
        (f"open_clip:local-dir:{tmp_path}/nowhere", "", 1, "no open_clip_config.json there"),
        (f"open_clip:ViT-B-32@{tmp_path}/absent.pt", "", 1, "no such checkpoint file"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "", 1, "the weights are not on this machine"),
        (f"open_clip:local-dir:{damaged}", "", 1, "cannot be loaded as weights"),
        (f"open_clip:ViT-B-32@{tiny}/open_clip_model.safetensors", "", 1, "cannot be loaded as weights of ViT-B-32"),
        (f"open_clip:local-dir:{tiny}", config, 1, f"weights_sha256 wants {64 * '0'}"),
        ("open_clip:ViT-Z/openai", "", 2, "open_clip knows no model 'ViT-Z'"),
    ):
        (root / "salon.toml").write_text(settings)
        ended = salon(capfd, root, "embed", "--embedder", spec)
        assert ended.code == code
        assert sentence in one_sentence(ended.err)
        assert vectors(root) == EVERYTHING

"""A curated warehouse per test."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.context import Run
from tests.flows.study.curated import fill, run_on


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study") / "warehouse"
    fill(root)
    return root


@pytest.fixture
def run(tmp_path: Path, filled: Path) -> Run:
    """A copy of the curated warehouse, so that no test sees another's batches."""
    import shutil

    shutil.copytree(filled, tmp_path / "warehouse")
    return run_on(tmp_path / "warehouse", batch_size=30, overlap=3)

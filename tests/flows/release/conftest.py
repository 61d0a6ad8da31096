"""Heaps of photos of one's own, under a fixed pseudonym key; an empty and a rated one are made once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.flows.release.heap import KEY, Heap


@pytest.fixture(scope="session")
def empty_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse without rows."""
    return Heap(tmp_path_factory.mktemp("empty")).root


@pytest.fixture(scope="session")
def rated_template(tmp_path_factory: pytest.TempPathFactory, empty_template: Path) -> Path:
    """A warehouse with 40 photos, each rated by six raters."""
    root = tmp_path_factory.mktemp("rated")
    shutil.copytree(empty_template, root, dirs_exist_ok=True)
    Heap(root).ready(40)
    return root


@pytest.fixture
def heap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_template: Path) -> Heap:
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", KEY.decode())
    shutil.copytree(empty_template, tmp_path, dirs_exist_ok=True)
    return Heap(tmp_path)


@pytest.fixture
def rated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rated_template: Path) -> Heap:
    """40 photos, rated; their files lie in the template's folder and must not be changed."""
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", KEY.decode())
    shutil.copytree(rated_template / "wh", tmp_path / "wh")
    return Heap(tmp_path)

"""A heap of photos of one's own, under a fixed pseudonym key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.release.heap import KEY, Heap


@pytest.fixture
def heap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Heap:
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", KEY.decode())
    return Heap(tmp_path)

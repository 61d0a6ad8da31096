"""A Label Studio for tests that need one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.labelstudio.server import ServerFolder


@pytest.fixture
def open_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a Label Studio that may call addresses on this machine; its token is in the environment.

    It gives out files under `tmp_path`.
    """
    folder = ServerFolder(tmp_path / "server")
    running = folder.up(tmp_path, local_calls=True)
    account = folder.credentials()
    assert account is not None
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", account.token)
    try:
        yield running.url
    finally:
        folder.down()

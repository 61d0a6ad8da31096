"""One real Label Studio for all tests of a session, and warehouses that send to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flows.labelstudio.server import Credentials, Running, ServerFolder
from labeling.labelstudio.client import LabelStudio
from warehouse.store import Warehouse


@dataclass
class TestServer:
    """A running server; its document root holds the tests' warehouses."""

    __test__ = False

    running: Running
    credentials: Credentials
    documents: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def token(self) -> str:
        return self.credentials.token

    def client(self) -> LabelStudio:
        """Salon's own account."""
        return LabelStudio(self.url, self.token)

    def warehouse(self, settings: str = "", url: str = "") -> Warehouse:
        """An empty warehouse whose settings name this server; `settings` is more TOML."""
        made = Warehouse.create(self.documents / f"warehouse-{next(self._numbers)}")
        text = f'[labelstudio]\nurl = "{url or self.url}"\ndocument_root = "{self.documents}"\n{settings}'
        made.location.local("salon.toml").write_text(text, encoding="utf-8")
        return made


@pytest.fixture(scope="session")
def labelstudio_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """Started from the installation's migrated template; ended by its process id."""
    folder = ServerFolder(tmp_path_factory.mktemp("labelstudio"))
    documents = tmp_path_factory.mktemp("documents")
    running = folder.up(documents)
    credentials = folder.credentials()
    assert credentials is not None
    try:
        yield TestServer(running, credentials, documents)
    finally:
        folder.down()


@pytest.fixture
def labelstudio(labelstudio_session: TestServer, monkeypatch: pytest.MonkeyPatch) -> TestServer:
    """The server, with its token in the environment as a person would set it."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", labelstudio_session.token)
    return labelstudio_session

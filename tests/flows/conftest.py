"""A Prefect server of the tests' own, started once for all flows that are run in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labelstudio_server import labelstudio as labelstudio
from tests.labelstudio_server import labelstudio_session as labelstudio_session


@pytest.fixture(scope="session", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of the tests are recorded in a database of their own, never in a person's."""
    home: Path = tmp_path_factory.mktemp("prefect")
    os.environ["PREFECT_HOME"] = str(home)
    os.environ.pop("PREFECT_API_URL", None)
    from prefect.context import refresh_global_settings_context

    from flows.prefect_server import ensure_server
    from flows.runtime import without_heartbeats

    refresh_global_settings_context()
    ensure_server()
    with without_heartbeats():
        yield

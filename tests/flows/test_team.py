"""A team's warehouse refuses a Prefect that keeps its records in SQLite, in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.team import refuse_sqlite
from schemas.errors import WrongUse
from warehouse.store import Warehouse


def run(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return subprocess.run(
        [str(Path(sys.executable).with_name("salon")), *words],
        env=plain | {"SALON_ROOT": str(root), "PREFECT_HOME": str(root / "prefect")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [("serve",), ("score",)])
def test_a_team_is_refused_prefect_on_sqlite(words: tuple[str, ...], tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    (tmp_path / "salon.toml").write_text("[schedule]\nteam = true\n")
    ended = run(tmp_path, *words)
    assert ended.returncode == 2
    assert "keeps its records in SQLite" in ended.stderr
    assert "PREFECT_API_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
    local = run(tmp_path, *words, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert (local.returncode, "127.0.0.1:9" in local.stderr) == (2, True)


CHECK = "from flows.team import refuse_sqlite; import sys; refuse_sqlite(sys.argv[1])"


@pytest.mark.parametrize(
    "environment",
    [
        {"PREFECT_API_URL": "https://prefect.example/api"},
        {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://user:word@db/prefect"},
    ],
)
def test_a_server_elsewhere_or_postgres_is_taken(environment: dict[str, str], tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    (tmp_path / "salon.toml").write_text("[schedule]\nteam = true\n")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    home = {"PREFECT_HOME": str(tmp_path / "prefect")}
    checkout = Path(__file__).resolve().parents[2]
    subprocess.run(
        [sys.executable, "-c", CHECK, str(tmp_path)], env=plain | home | environment, cwd=checkout, check=True
    )


def test_one_person_may_keep_sqlite(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    refuse_sqlite(str(tmp_path))
    (tmp_path / "salon.toml").write_text("[schedule]\nteam = true\n")
    with pytest.raises(WrongUse, match="SQLite"):
        refuse_sqlite(str(tmp_path))

"""A reader that goes away (`| head`) ends a command quietly, with what a shell says of any program so ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import main as entry
from tests.benchmarks.synthetic_tables import write_tables

SALON = (sys.executable, "-c", "from flows.cli.main import main; main()")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipe") / "w"
    write_tables(str(folder), 40)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("filter", "--help"),
        ("--version",),
        ("status",),
        ("status", "--json"),
        ("sql", "SELECT * FROM photos"),
        ("sql", "SELECT * FROM photos", "--json"),
        ("plan", "--interval", "0.3"),
        ("protocols",),
        ("maintain", "--json"),
    ],
    ids=" ".join,
)
def test_a_closed_pipe_ends_a_command_quietly(root: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as if `head` had read all that it wanted before the first line came
    try:
        ended = subprocess.run(
            [*SALON, *arguments], stdout=writing, stderr=subprocess.PIPE, env={**os.environ, "SALON_ROOT": str(root)}
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_reader_that_takes_one_line_gets_it(root: Path) -> None:
    command = f'"{sys.executable}" -c "from flows.cli.main import main; main()" sql "FROM range(100000)" --json'
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -c 9"],
        capture_output=True,
        env={**os.environ, "SALON_ROOT": str(root)},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (141, b'[{"range"', b"")


def test_a_program_that_is_ended_otherwise_keeps_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's runner ends `salon serve` with 0 where a service manager asks for it."""

    def ended() -> int:
        raise SystemExit(0)

    monkeypatch.setattr(entry, "_run", ended)
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 0

"""Running `salon` in this process, as a person would from a shell: arguments in, exit code and text out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def salon(capfd: pytest.CaptureFixture[str], root: Path | str, *arguments: str | Path) -> Ended:
    """Run one command on a warehouse."""
    capfd.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["salon", *map(str, arguments)])
        patch.setenv("SALON_ROOT", str(root))
        patch.setenv("COLUMNS", "200")
        patch.delenv("SALON_JSON", raising=False)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    text = capfd.readouterr()
    return Ended(code, text.out, text.err)

"""The code of docs/researchers.md runs, as it stands, against a release."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import CHECKOUT
from tests.flows.release.heap import Heap


def test_the_pages_python_runs_from_top_to_bottom(rated: Heap, tmp_path: Path) -> None:
    rated.settings("[publish]\nfewshot_shots = [2, 10]\nfewshot_least_query = 2\n")
    folder = rated.made()
    page = (CHECKOUT / "docs" / "researchers.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    code = "\n".join(blocks).replace('"path/or/OWNER/NAME"', repr(str(folder)))
    environment = {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "SRCC" in done.stdout and "votes known" in done.stdout

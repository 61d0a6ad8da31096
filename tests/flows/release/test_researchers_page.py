"""The code of docs/researchers.md runs, as it stands, against a release."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as pads
import pytest

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


R_WITHOUT_ARROW = """
open_dataset <- function(folder) {
  text <- read.csv(paste0(folder, ".csv"), na.strings = "")
  text[] <- lapply(text, function(x) if (all(x %in% c("true", "false", NA))) x == "true" else x)
  text
}
"""


@pytest.mark.slow
def test_the_pages_r_runs_from_top_to_bottom(rated: Heap, tmp_path: Path) -> None:
    packages = 'quit(status = !all(c("dplyr", "lme4") %in% rownames(installed.packages())))'
    if shutil.which("Rscript") is None or subprocess.run(["Rscript", "-e", packages], check=False).returncode:
        text = "SKIPPED FOR WANT OF R: the page's R code was not run (apt-get install r-cran-dplyr r-cran-lme4)"
        warnings.warn(pytest.PytestWarning(text), stacklevel=2)
        pytest.skip(text)
    folder = rated.made()
    for config in ("scores", "ratings"):
        table = pads.dataset(folder / config).to_table()
        flat = [c for c in table.column_names if not pa.types.is_list(table.schema.field(c).type)]
        pacsv.write_csv(table.select(flat), tmp_path / f"{config}.csv")
    page = (CHECKOUT / "docs" / "researchers.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```r\n(.*?)```", page, re.DOTALL)
    assert "library(arrow); " in code
    code = code.replace("library(arrow); ", "").replace('"path/to/release"', f'"{tmp_path}"')
    script = tmp_path / "page.R"
    script.write_text("options(warn = 1)\n" + code.replace("library(lme4)\n", f"library(lme4)\n{R_WITHOUT_ARROW}", 1))
    done = subprocess.run(["Rscript", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "photo_id" in done.stdout and "Residual" in done.stdout

"""Commands that read end with their proper code, each time: readers of Delta tables have aborted at exit elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.photos import FINGERPRINTS, Fingerprint
from warehouse.store import Warehouse

SALON = Path(sys.executable).with_name("salon")
COMMANDS = (
    (("sql", "SELECT count(*) FROM fingerprints"), 0),
    (("status", "--json"), 0),
    (("sql", "SELECT * FROM nothing"), 2),
    (("protocols",), 0),
)


@pytest.mark.slow
@pytest.mark.parametrize(("words", "code"), COMMANDS)
def test_a_reading_command_ends_with_its_code_twenty_times(words: tuple[str, ...], code: int, tmp_path: Path) -> None:
    rows = [Fingerprint(photo_id=f"{n:064x}", method="m", bits=n.to_bytes(8, "big")) for n in range(1000)]
    Warehouse.create(tmp_path).table(FINGERPRINTS).insert(rows)
    environment = os.environ | {"SALON_ROOT": str(tmp_path)}
    codes = [
        subprocess.run([SALON, *words], env=environment, capture_output=True, check=False).returncode for _ in range(20)
    ]
    assert codes == [code] * 20

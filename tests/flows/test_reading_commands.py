"""Commands that read end with their proper code, each time: readers of Delta tables have aborted at exit elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.curate import curate
from flows.import_ratings import Request, take_file
from flows.publish import publish
from flows.score import score
from tests.flows.chaos.material import write_photos, write_votes
from warehouse.store import Warehouse

SALON = Path(sys.executable).with_name("salon")
TIMES = int(os.environ.get("SALON_TIMES", "20"))
PHOTO = "p00001.jpg"
COMMANDS = (
    (("sql", "SELECT * FROM photos JOIN fingerprints USING (photo_id)"), 0),
    (("sql", "SELECT * FROM nothing"), 2),
    (("sql", "DROP TABLE photos"), 2),
    (("status",), 0),
    (("status", "--json"), 0),
    (("trace", PHOTO), 0),
    (("trace", "no such photo"), 2),
    (("search", "--like", PHOTO), 0),
    (("verify", "RELEASES/1.0.0"), 0),
    (("verify", "RELEASES/9.9.9"), 1),
    (("diff", "beauty", "1.0.0", "2.0.0"), 0),
    (("report",), 0),
    (("plan", "--interval", "0.5"), 0),
    (("protocols",), 0),
    (("select", "--preview", "--n", "1"), 0),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with photos, votes, scores and two versions of a release."""
    folder = tmp_path_factory.mktemp("reading")
    write_photos(folder / "photos", 20)
    write_votes(folder / "votes.csv", folder / "photos")
    root = folder / "w"
    Warehouse.create(root)
    curate(root=str(root), sources=[str(folder / "photos")])
    take_file(str(root), Request(file=str(folder / "votes.csv"), scale="1-7", simulated=True))
    score(root=str(root))
    publish(root=str(root), name="beauty")
    publish(root=str(root), name="beauty", bump="major", resplit=True)
    return root


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("words", "code"), COMMANDS)
def test_a_reading_command_ends_with_its_code_twenty_times(words: tuple[str, ...], code: int, root: Path) -> None:
    environment = os.environ | {"SALON_ROOT": str(root)}
    place = str(root / "releases" / "beauty")
    command = [str(SALON), *(word.replace("RELEASES", place) for word in words)]

    def run(_: int) -> tuple[int, str]:
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stderr

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(run, range(TIMES)))
    assert [one for one in ended if one[0] != code] == []

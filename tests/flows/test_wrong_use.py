"""Wrong use gets one clear sentence, the right exit code, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from flows.curate import curate
from flows.ingest import ingest
from schemas.photos import PHOTOS
from tests.command_line import salon
from warehouse.marker import MARKER
from warehouse.store import Warehouse

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Warehouse.create(tmp_path / "warehouse")
    return tmp_path / "warehouse"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with three photos that people may rate."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        Image.radial_gradient("L").rotate(40 * number).resize((300 + number, 300)).save(folder / f"p{number}.jpg")
    root = tmp_path_factory.mktemp("made") / "warehouse"
    Warehouse.create(root)
    curate(root=str(root), sources=[str(folder)])
    return root


@pytest.fixture
def root_with_photos(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "warehouse"))


def votes(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def one_sentence(text: str) -> str:
    """The error text; fails where there is more than one line, or a traceback."""
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, text
    assert lines[0].startswith("salon: ")
    return lines[0]


@pytest.mark.parametrize("command", ["ingest", "curate"])
def test_without_a_source_nothing_starts(command: str, root: Path, capfd: Capture) -> None:
    ended = salon(capfd, root, command)
    assert ended.code == 2
    assert "source" in ended.err


@pytest.mark.parametrize("command", ["ingest", "curate"])
def test_an_empty_folder_is_named(command: str, root: Path, tmp_path: Path, capfd: Capture) -> None:
    empty = tmp_path / "nothing here"
    empty.mkdir()
    ended = salon(capfd, root, command, empty)
    assert ended.code == 2
    assert "nothing here" in one_sentence(ended.err)


def test_a_source_that_is_not_there_is_named(root: Path, capfd: Capture) -> None:
    ended = salon(capfd, root, "ingest", "/no/such/folder")
    assert ended.code == 2
    assert "/no/such/folder" in one_sentence(ended.err)


@pytest.mark.parametrize("name", ["[2026]", "a|b", "a^b", "a\\b", "a\nb", "a%20b"])
def test_a_warehouse_is_not_made_where_its_tables_could_not_be_written(
    name: str, tmp_path: Path, capfd: Capture
) -> None:
    ended = salon(capfd, tmp_path, "init", tmp_path / name)
    assert ended.code == 2
    assert "cannot lie under a path with" in ended.err
    assert not (tmp_path / name).exists()


def test_a_warehouse_may_lie_at_any_other_path(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path / "Grüße & 'x' #1% @ {a};,=+~!$()*<>?:`\" é😀")
    with Image.new("RGB", (300, 300), "red") as picture:
        picture.save(tmp_path / "a.png")
    assert ingest(root=warehouse.location.root, sources=[str(tmp_path / "a.png")]).counts["new photos"] == 1
    assert warehouse.table(PHOTOS).replace(warehouse.table(PHOTOS).read().slice(1))
    assert warehouse.table(PHOTOS).count() == 0


@pytest.mark.parametrize("place", ["file", "file/warehouse"])
def test_a_warehouse_is_not_made_where_a_file_is(place: str, tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "file").touch()
    ended = salon(capfd, tmp_path, "init", tmp_path / place)
    assert ended.code == 2
    assert "a file is in the way" in one_sentence(ended.err)


def test_ctrl_c_ends_a_query_with_a_sentence_and_the_code_of_shells(root: Path) -> None:
    words = [str(Path(sys.executable).with_name("salon")), "sql", "SELECT count(*) FROM range(100000000), range(1000)"]
    # What a shell runs in the background inherits that interrupts are ignored, and so would the command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        words, env=os.environ | {"SALON_ROOT": str(root)}, stderr=subprocess.PIPE, text=True
    ) as asked:
        end = time.monotonic() + 120
        while psutil.Process(asked.pid).cpu_times().user < 8:  # reading the modules takes two or three
            assert time.monotonic() < end
            time.sleep(0.1)
        asked.send_signal(signal.SIGINT)
        _, said = asked.communicate(timeout=60)
    assert (asked.returncode, "stopped; what was committed stays" in one_sentence(said)) == (130, True)


def test_a_figure_that_cannot_be_is_told_with_what_is_expected(root: Path, capfd: Capture) -> None:
    ended = salon(capfd, root, "search", "x", "--count", "0")
    assert ended.code == 2
    assert "'--count' / '-n': expected greater than or equal to 1. See" in one_sentence(ended.err)


@pytest.mark.parametrize("command", [("ingest", "x"), ("status",), ("score",), ("publish", "beauty")])
def test_a_folder_without_a_warehouse_says_what_to_do(command: tuple[str, ...], tmp_path: Path, capfd: Capture) -> None:
    ended = salon(capfd, tmp_path, *command)
    assert ended.code == 2
    assert "salon init" in one_sentence(ended.err)


@pytest.mark.parametrize("command", [("ingest", "x"), ("sql", "SELECT 1"), ("collect",)])
def test_a_warehouse_of_a_newer_salon_is_refused(command: tuple[str, ...], root: Path, capfd: Capture) -> None:
    (root / MARKER).write_text(json.dumps({"schema_version": 99}))
    ended = salon(capfd, root, *command)
    assert ended.code == 1
    assert "newer Salon" in one_sentence(ended.err)


def test_label_studio_that_is_down_is_said_so(root_with_photos: Path, capfd: Capture) -> None:
    (root_with_photos / "salon.toml").write_text('[labelstudio]\nurl = "http://127.0.0.1:9"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABEL_STUDIO_API_KEY", "0" * 40)
        ended = salon(capfd, root_with_photos, "send")
    assert ended.code == 1
    assert "Label Studio" in one_sentence(ended.err)
    assert "http://127.0.0.1:9" in ended.err


def test_a_missing_column_is_named(root_with_photos: Path, tmp_path: Path, capfd: Capture) -> None:
    file = votes(tmp_path / "votes.csv", "photo,score", "p0.jpg,3")
    ended = salon(capfd, root_with_photos, "import-ratings", file, "--scale", "1-7")
    assert ended.code in (1, 2)
    assert "rater" in ended.err
    assert "Traceback" not in ended.err


def test_a_score_off_the_scale_is_named_with_its_line(root_with_photos: Path, tmp_path: Path, capfd: Capture) -> None:
    file = votes(tmp_path / "votes.csv", "photo,rater,score", "p0.jpg,a,3", "p1.jpg,a,9", "p2.jpg,a,4")
    ended = salon(capfd, root_with_photos, "import-ratings", file, "--scale", "1-7")
    text = ended.out + ended.err
    assert "line 3" in text
    assert "score" in text
    assert "9" in text
    rows = salon(capfd, root_with_photos, "sql", "SELECT value FROM ratings", "--json")
    assert all(row["value"] != 9 for row in json.loads(rows.out))


def test_a_wrong_setting_is_named_with_the_file_and_what_was_expected(root: Path, capfd: Capture) -> None:
    (root / "salon.toml").write_text("[dedupe]\nradius = 99\n")
    ended = salon(capfd, root, "dedupe")
    assert ended.code == 2
    text = one_sentence(ended.err)
    assert "dedupe.radius" in text
    assert "salon.toml" in text


def test_an_unknown_setting_is_named(root: Path, capfd: Capture) -> None:
    (root / "salon.toml").write_text("[dedupe]\nradios = 9\n")
    ended = salon(capfd, root, "dedupe")
    assert ended.code == 2
    assert "dedupe.radios" in one_sentence(ended.err)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[dedupe]\nradius = "much"', "'dedupe.radius': expected a valid integer, got 'much'."),
        ("dedupe = 3", "'dedupe': expected a table of settings, got 3."),
        ("[dedupe]\nradios = 9", "'dedupe.radios': there is no such setting, got 9."),
        (
            '[schedule]\ncollect = "daily"',
            "'schedule.collect': expected five fields such as '0 2 * * *', or nothing, got",
        ),
        ("[filter.rules.x]\nat_most = 1", "'filter.rules.x': a rule of a new name needs a kind, such as"),
        ('[filter.rules.x]\nkind = "rang"', "'filter.rules.x.kind': expected one of 'range', 'values', 'prompt'"),
        (
            '[filter.rules.resolution]\nat_least = "x"',
            "'filter.rules.resolution.at_least': expected a valid number, got",
        ),
        ('[filter.rules.x]\nkind = "prompt"\nat_most = 1', "'filter.rules.x': a prompt rule needs classes or prompts"),
    ],
)
def test_a_wrong_setting_is_told_in_plain_words(text: str, sentence: str, root: Path, capfd: Capture) -> None:
    (root / "salon.toml").write_text(text)
    ended = salon(capfd, root, "status")
    assert (ended.code, sentence in one_sentence(ended.err)) == (2, True), ended.err


def test_settings_that_are_no_text_in_utf8_say_so(root: Path, capfd: Capture) -> None:
    (root / "salon.toml").write_bytes("[study]\nquestion = 'Schönheit'".encode("latin-1"))
    assert "save it as UTF-8" in one_sentence(salon(capfd, root, "status").err)


def test_settings_that_an_editor_of_windows_saved_are_read(root: Path, capfd: Capture) -> None:
    (root / "salon.toml").write_text("\ufeff[dedupe]\nradius = 99\n", encoding="utf-8")
    assert "dedupe.radius" in one_sentence(salon(capfd, root, "dedupe").err)


def test_a_query_shows_names_as_they_are(root: Path, capfd: Capture) -> None:
    names = "IMG [copy].jpg", "[/red] :cat: ü"
    ended = salon(capfd, root, "sql", f"SELECT '{names[0]}' AS \"a [b]\", '{names[1]}'")
    assert ended.code == 0
    assert all(text in ended.out for text in (*names, "a [b]"))


def test_columns_of_one_name_keep_their_values(root: Path, capfd: Capture) -> None:
    query = "SELECT * FROM (SELECT 1 AS a, 2 AS a_2) JOIN (SELECT 1 AS a, 3 AS b) ON true"
    assert json.loads(salon(capfd, root, "sql", query, "--json").out) == [{"a": 1, "a_2": 2, "a_3": 1, "b": 3}]


def test_a_query_s_json_is_json_whatever_the_numbers_are(root: Path, capfd: Capture) -> None:
    ended = salon(capfd, root, "sql", "SELECT 'nan'::DOUBLE AS a, ['inf'::DOUBLE, 1.5] AS b", "--json")
    told = json.loads(ended.out, parse_constant=pytest.fail)
    assert told == [{"a": None, "b": [None, 1.5]}]


def test_a_query_that_writes_is_refused(root: Path, capfd: Capture) -> None:
    ended = salon(capfd, root, "sql", "DROP TABLE photos")
    assert ended.code == 2
    assert "SELECT" in one_sentence(ended.err)

"""What the README tells people to type is typed here, line by line, with a real Label Studio."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.demo.photos import write_demo_photos
from flows.demo.raters import rate_batch
from flows.labelstudio.server import ServerFolder
from tests.command_line import Ended, salon

README = Path(__file__).resolve().parents[2] / "README.md"
Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.server


def block(heading: str, language: str) -> str:
    """The first fenced block of a language under a heading."""
    section = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.S)
    assert found, f"README has no {language} block under '{heading}'"
    return found[1]


def commands(text: str) -> Iterator[list[str]]:
    """Every `salon` command of a block, as words without comments."""
    for line in text.splitlines():
        for part in line.split("#")[0].split("&&"):
            words = shlex.split(part)
            if words and words[0] == "salon":
                yield words[1:]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "my-salon"
    ServerFolder.of(str(tmp_path / "my-salon")).down()


def test_the_ten_lines_for_ones_own_photos_work_as_they_stand(
    root: Path, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = write_demo_photos(tmp_path / "Pictures").path
    done: list[str] = []

    def run(words: list[str]) -> Ended:
        ended = salon(capfd, root, *[str(photos) if word == "~/Pictures" else word for word in words])
        assert ended.code == 0, f"salon {' '.join(words)}: {ended.out}{ended.err}"
        done.append(words[0])
        return ended

    for words in commands(block("Your own photos", "bash")):
        run(words)
        if words[0] == "send":  # now people rate
            assert rate_batch(str(root), "batch-1", raters=3) > 0
    assert done[:2] == ["init", "curate"]
    assert done[-1] == "publish"

    release = next((root / "releases").glob("*/1.0.0"))
    code = block("How researchers meet it", "python").replace("path/to/releases/my-beauty/1.0.0", str(release))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    found: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), found)
    assert found["photos"]["train"][0]["image"].size[0] > 0  # type: ignore[index]  # a DatasetDict
    assert sum(part.num_rows for part in found["votes"].values()) > 0  # type: ignore[attr-defined]  # a DatasetDict


def test_every_page_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not (README.parent / link).exists()]


def test_every_make_target_that_the_readme_names_is_there() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make ([a-z-]+)", README.read_text(encoding="utf-8"))):
        assert re.search(rf"^{target}:", makefile, re.M), target

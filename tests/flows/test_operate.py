"""What docs/operate.md tells an engineer to type is typed here."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import salon
from warehouse.store import Warehouse

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operate.md"
SALON = Path(sys.executable).with_name("salon")
Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.server
SERVED = "serve"
"""Runs until it is interrupted: it has a test of its own."""
NEEDS_LABEL_STUDIO = ("labelstudio", "send", "collect")
NEEDS_NAMES = ("approve",)
"""Commands that the page names without what they take: their options are looked at."""


def commands() -> Iterator[list[str]]:
    """Every `salon` command of the page, in blocks and in the text, as words."""
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```bash\n(.*?)```", text, re.S):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "salon":
                yield words[1:]
    for inline in re.findall(r"`salon ([a-z][^`]*)`", re.sub(r"```.*?```", "", text, flags=re.S)):
        yield shlex.split(inline)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_every_command_of_the_page_does_what_it_is_named_for(
    tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "salon"
    Warehouse.create(root)
    monkeypatch.chdir(tmp_path)
    typed = []
    for words in commands():
        if words[0] == SERVED:
            continue
        asked = [*words, "--help"] if words[0] in (*NEEDS_LABEL_STUDIO, *NEEDS_NAMES) else words
        ended = salon(capfd, root, *asked)
        assert ended.code == 0, f"salon {shlex.join(words)}: {ended.out}{ended.err}"
        typed.append(words)
    assert ["maintain", "--repair"] in typed
    assert "salon_stage_done" in (tmp_path / "salon.prom").read_text()


def test_serve_serves_every_flow_until_it_is_interrupted(tmp_path: Path) -> None:
    assert [SERVED] in list(commands())
    Warehouse.create(tmp_path / "salon")
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    environment |= {"SALON_ROOT": str(tmp_path / "salon"), "PREFECT_HOME": str(tmp_path / "prefect")}
    words = [str(SALON), SERVED, "--port", str(free_port())]
    # What a shell runs in the background inherits that interrupts are ignored, and so would the server.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(words, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as served:
        assert served.stdout is not None
        told = []
        for line in served.stdout:
            told.append(line)
            if "Ctrl-C" in line:
                break
        served.send_signal(signal.SIGINT)
        out, errors = served.communicate(timeout=60)
    text = "".join(told) + out
    assert "curate/curate: on demand" in text, errors
    assert "maintain/maintain: 0 3 * * 0" in text
    assert "Traceback" not in errors
    assert (served.returncode, "stopped; what was committed stays" in errors) == (130, True)


def test_every_setting_and_variable_that_the_page_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    settings = (PAGE.parent / "settings.md").read_text(encoding="utf-8")
    named = re.findall(r"`\[([a-z]+)\] ([a-z_]+)", text)
    assert len(named) > 5
    for part, name in named:
        section = settings.split(f"[{part}]", 1)[1].split("\n## ", 1)[0]
        assert f"`{name}`" in section, f"[{part}] {name}"

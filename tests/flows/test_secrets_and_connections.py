"""Secrets reach no log, table, release or error; no stage opens a connection that it was not asked for."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flows.demo.photos import write_demo_photos
from tests.command_line import salon

Capture = pytest.CaptureFixture[str]
SECRETS = {
    "LABEL_STUDIO_API_KEY": "planted5ecret0labelstudio0000000000000000",
    "SALON_PSEUDONYM_KEY": "planted5ecret1pseudonym",
    "AWS_SECRET_ACCESS_KEY": "planted5ecret2objectstore",
    "AWS_ACCESS_KEY_ID": "planted5ecret3objectstore",
    "HF_TOKEN": "planted5ecret4hub",
}
MARK = b"planted5ecret"
LOOPBACK = ("127.", "::1", "::ffff:127.", "0.0.0.0", "localhost")

asked: list[str] = []
watching = threading.Event()


def _note_connections(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and watching.is_set() and isinstance(arguments[1], tuple):
        asked.append(str(arguments[1][0]))


sys.addaudithook(_note_connections)


@contextmanager
def watched_connections() -> Iterator[set[str]]:
    """Remote addresses that this process asks for, and those that its children are seen with."""
    found: set[str] = set()
    asked.clear()

    def look() -> None:
        while watching.is_set():
            for child in psutil.Process().children(recursive=True):
                try:
                    found.update(c.raddr.ip for c in child.net_connections(kind="inet") if c.raddr)
                except psutil.Error:
                    continue  # it ended while we looked
            threading.Event().wait(0.05)

    watching.set()
    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield found
    finally:
        watching.clear()
        looker.join()
        found.update(asked)


def chain(capfd: Capture, root: Path, photos: Path, votes: Path) -> str:
    """All stages that need no Label Studio, and one that fails for want of it; returns all they printed."""
    text = ""
    for words, code in (
        (("init",), 0),
        (("curate", photos), 0),
        (("import-ratings", votes, "--scale", "1-7", "--simulated"), 0),
        (("score",), 0),
        (("publish", "beauty"), 0),
        (("send",), 1),
        (("status", "--json"), 0),
    ):
        if words == ("send",):
            (root / "salon.toml").write_text('[labelstudio]\nurl = "http://127.0.0.1:9"\n')
        ended = salon(capfd, root, *words)
        assert ended.code == code, ended.out + ended.err
        text += ended.out + ended.err
    return text


def test_planted_secrets_are_found_nowhere_and_nothing_calls_home(
    tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    photos = write_demo_photos(tmp_path / "photos").path
    names = sorted(path.name for path in photos.glob("*_a.jpg"))
    votes = tmp_path / "votes.csv"
    votes.write_text(
        "photo,rater,score\n"
        + "".join(f"{name},r{k},{1 + (i + k) % 7}\n" for i, name in enumerate(names) for k in range(4))
    )
    root = tmp_path / "warehouse"
    with watched_connections() as addresses:
        printed = chain(capfd, root, photos, votes)
    assert MARK.decode() not in printed

    places = [root, Path(os.environ["PREFECT_HOME"])]
    holding = [path for place in places for path in place.rglob("*") if path.is_file() and MARK in path.read_bytes()]
    assert not holding, "a planted secret was written down"

    strangers = {address for address in addresses if not address.startswith(LOOPBACK)}
    assert not strangers, "a stage opened a connection that it was not asked for"
    assert any(address.startswith("127.") for address in addresses), "the watch itself sees connections"

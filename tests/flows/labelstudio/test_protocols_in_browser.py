"""Every protocol, rated by keyboard in a real Chromium as an annotator; also where the docs' screenshots come from.

``SALON_SCREENSHOTS=docs/images pytest tests/flows/labelstudio/test_protocols_in_browser.py`` writes them anew.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from flows.demo.photos import write_demo_photos
from flows.labelstudio.collect import collect
from flows.labelstudio.raters import add_raters
from flows.labelstudio.send import send
from flows.select import select
from labeling.protocols.catalogue import built_in
from schemas.photos import BURSTS, PHOTOS, SIGHTINGS, VERDICTS, Burst, Verdict
from schemas.protocols import PROBLEM_CONTROL, Protocol, ProtocolKind
from tests.flows.labelstudio.studies import photo_row, sighting_row
from tests.labelstudio_server import TestServer
from warehouse.store import Warehouse

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LAPTOP = (1366, 768)
TASKS = 10
SKIPPED, REPORTED = 3, 5
"""Which of the ten tasks is skipped, and which is reported."""

PATIENCE_MS = 60_000
LOADED = """(count) => {
    const shown = [...document.images].filter(i => i.src.startsWith("blob:") && i.naturalWidth > 0);
    return shown.length >= count ? shown.map(i => i.src).join() : null;
}"""
"""The addresses of the task's pictures once all of them are there: new ones for every task."""


@dataclass(frozen=True)
class Photos:
    """A warehouse with the demo's photos, in bursts of two."""

    server: TestServer
    warehouse: Warehouse
    count: int

    def settings(self, protocol: str) -> None:
        text = (
            f'[labelstudio]\nurl = "{self.server.url}"\ndocument_root = "{self.server.documents}"\n'
            f'[study]\nprotocol = "{protocol}"\noverlap = 1\naudit_share = 0\nstrata = []\nflatten = []\n'
            "pairs_per_photo = 2\nrepeats = 0\n"
        )
        self.warehouse.location.local("salon.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def photos(labelstudio_session: TestServer) -> Iterator[Photos]:
    warehouse = labelstudio_session.warehouse()
    folder = warehouse.location.local("files")
    made = write_demo_photos(folder)
    paths = sorted(path for path in folder.glob("*_[ab].jpg"))
    assert len(paths) == made.scenes
    rows = [photo_row(path.read_bytes(), path) for path in paths]
    warehouse.table(PHOTOS).insert(rows)
    warehouse.table(SIGHTINGS).insert(sighting_row(path.read_bytes(), path) for path in paths)
    ids = [row.photo_id for row in rows]
    verdicts = [Verdict(photo_id=i, rule="any", rules_version="1", kept=True, reason="") for i in ids]
    warehouse.table(VERDICTS).insert(verdicts)
    warehouse.table(BURSTS).insert(
        Burst(photo_id=photo, burst_id=f"burst {n // 2}", position=n % 2) for n, photo in enumerate(ids)
    )
    yield Photos(labelstudio_session, warehouse, len(ids))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page(viewport={"width": LAPTOP[0], "height": LAPTOP[1]})
        browser.close()


def log_in(page: Page, url: str, login: str, password: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{url}/user/login/")
    page.fill("input[name=email]", login)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: "/user/login" not in address, timeout=PATIENCE_MS)


def keys_of(protocol: Protocol, number: int) -> list[str]:
    """What is pressed for the number-th answer."""
    if protocol.kind is ProtocolKind.SLIDER:
        return []
    if protocol.kind is ProtocolKind.PAIRWISE:
        return [str(1 + number % 3)]
    if protocol.kind is ProtocolKind.BEST_FRAME:
        return [str(1 + number % protocol.frames)]
    steps = protocol.high - protocol.low + 1
    return [str((1 + number % steps) % 10), *("asdfg"[: len(protocol.attributes)])]


@pytest.mark.server
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", built_in())
def test_ten_tasks_are_answered_by_keyboard_one_skipped_one_reported(
    name: str, photos: Photos, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", photos.server.token)
    protocol = built_in()[name]
    if protocol.kind is ProtocolKind.BEST_FRAME:
        protocol = protocol.model_copy(update={"frames": 2})
    root = photos.warehouse.location.root
    photos.settings(name)
    if protocol.kind is ProtocolKind.BEST_FRAME:
        path = photos.warehouse.location.local("salon.toml")
        more = '[study.protocols.best-frame]\nlike = "best-frame"\nframes = 2\n'
        path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    batch = f"in-browser-{name}"
    select(root=root, n=TASKS, batch=batch, again=True)
    sent = send(root=root, batch=batch)
    assert sent.counts["new tasks"] == TASKS
    account = add_raters(root, [f"{name}@raters.invalid"])[1][0]
    log_in(page, photos.server.url, account.email, account.password)
    project = sent.files["project"].rsplit("/", 1)[1]
    page.goto(f"{photos.server.url}/projects/{project}/data?labeling=1")
    folder = Path(os.environ.get("SALON_SCREENSHOTS", str(tmp_path)))
    answer(page, protocol, folder / f"protocol-{name}.png")

    collected = collect(root=root)
    table = "comparisons" if protocol.is_comparison else "ratings"
    rows = photos.warehouse.query(f"SELECT * FROM {table} WHERE batch_id = $1", [batch]).to_pylist()
    overall = [row for row in rows if row["question"] == protocol.question]
    assert collected.counts["rejected"] == 0
    assert Counter(row["status"] for row in overall) == {"counted": TASKS - 2, "cannot_rate": 1, "skipped": 1}
    assert [row["reason"] for row in overall if row["status"] == "cannot_rate"] == ["report"]
    counted = [row for row in rows if row["status"] == "counted"]
    assert len(counted) == (TASKS - 2) * (1 + len(protocol.attributes))
    assert all(row["seconds"] and row["submitted_at"] for row in counted)


def answer(page: Page, protocol: Protocol, screenshot: Path) -> None:
    """Answer all tasks of the project that the page shows."""
    before = ""
    for number in range(1, TASKS + 1):
        changed = f"(count) => {{ const now = ({LOADED})(count); return now && now !== {before!r} ? now : null }}"
        handle = page.wait_for_function(changed, arg=len(protocol.picture_keys), timeout=PATIENCE_MS)
        before = str(handle.json_value())
        if number == 1:
            close_instructions(page)
        if number == SKIPPED:
            page.keyboard.press("Control+Space")
            continue
        if number == REPORTED:
            page.keyboard.press("r")
        else:
            for key in keys_of(protocol, number):
                page.keyboard.press(key)
            if protocol.kind is ProtocolKind.SLIDER:
                page.locator(f"input[name={protocol.question}]").fill(str(7 * number))
        if number == 1:
            assert fits(page), "the page can be scrolled on a laptop's screen"
            screenshot.parent.mkdir(exist_ok=True)
            page.screenshot(path=str(screenshot))
        if protocol.kind is ProtocolKind.SLIDER and number != REPORTED:
            # The slider has the focus, and takes keys for itself.
            page.get_by_text("Submit", exact=True).first.click()
        else:
            page.keyboard.press("Control+Enter")


def close_instructions(page: Page) -> None:
    """The window with instructions and consent, which stands before the first task."""
    title = page.get_by_text("Labeling Instructions")
    title.wait_for(timeout=PATIENCE_MS)
    page.keyboard.press("Escape")
    title.wait_for(state="hidden", timeout=PATIENCE_MS)


def fits(page: Page) -> bool:
    """Whether question, picture and answers are all within the window."""
    bottom = page.evaluate(
        "() => Math.max(...[...document.querySelectorAll('.lsf-choices, .lsf-choice')]"
        ".map(e => e.getBoundingClientRect().bottom))"
    )
    return bool(bottom <= LAPTOP[1])


def test_the_way_out_has_keys_that_no_answer_has() -> None:
    from labeling.protocols.markup import PROBLEM_KEYS

    for protocol in built_in().values():
        used = {key for number in range(12) for key in keys_of(protocol, number)}
        assert not used & set(PROBLEM_KEYS.values())
    assert PROBLEM_CONTROL == "problem"

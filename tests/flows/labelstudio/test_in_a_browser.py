"""An annotator in a real browser, behind the gateway: every protocol by keyboard, on a laptop and on a tablet."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from flows.labelstudio.collect import collect
from flows.labelstudio.panel import panel_accounts
from flows.labelstudio.send import send
from labeling.design.stimuli import Stimulus, task_key, task_of
from schemas.codes import TaskRole
from schemas.ratings import PROJECTS
from tests.flows.labelstudio.studies import SECRET, add_batch, add_photos
from tests.flows.labelstudio.test_gateway import served
from tests.labelstudio_server import TestServer

pytestmark = [pytest.mark.server, pytest.mark.browser]
TASKS = 12
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENS = {"laptop": (1366, 768), "tablet": (820, 1180)}
KEYS = {"acr-5": "4", "acr-5-attributes": "4", "1-10": "0", "pairwise": "1", "best-frame": "2"}
PICTURES = {"pairwise": 2, "best-frame": 3}
SHOTS = os.environ.get("SALON_SCREENSHOTS")
"""A folder for the screenshots of the docs."""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"SKIPPED FOR WANT OF A BROWSER: no {CHROMIUM}")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        browser.close()


def log_in(page: Page, url: str, email: str, password: str) -> None:
    page.context.clear_cookies()
    page.goto(url + "/user/login/")
    page.fill("#email", email)
    page.fill("#password", password)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile(r"labeling=1"), timeout=60_000)


def wait_for_picture(page: Page, count: int) -> None:
    page.wait_for_function(
        "n => [...document.querySelectorAll('.lsf-image img')]"
        ".filter(i => i.naturalWidth > 0 && i.width > 100).length >= n",
        arg=count,
        timeout=60_000,
    )


def number_shown(page: Page) -> str:
    return page.inner_text(".lsf-current-task")


def submit(page: Page, *keys: str) -> None:
    """Press keys until the next task is there."""
    before = number_shown(page)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function(
        "before => !document.querySelector('.lsf-current-task') || "
        "document.querySelector('.lsf-current-task').innerText !== before",
        arg=before,
        timeout=60_000,
    )


def overflow(page: Page) -> int:
    """Pixels by which the page or its main part is higher than the screen."""
    return int(
        page.evaluate(
            """() => { const main = document.querySelector('.lsf-main-content');
            const last = document.querySelector('.salon-problem').getBoundingClientRect();
            const bar = document.querySelector('.lsf-bottombar').getBoundingClientRect();
            return Math.max(document.documentElement.scrollHeight - innerHeight, main.scrollHeight - main.clientHeight,
                            last.bottom - bar.top) }"""
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("protocol", KEYS)
def test_ten_photos_are_rated_by_keyboard_one_skipped_and_one_reported(
    protocol: str, labelstudio: TestServer, page: Page
) -> None:
    warehouse = labelstudio.warehouse()
    root = warehouse.location.root
    shown = PICTURES.get(protocol, 1)
    photos = add_photos(warehouse, TASKS + shown)
    tasks = []
    for number in range(TASKS):
        stimulus = Stimulus(tuple(photos[number : number + shown]), TaskRole.RATE, "test")
        key = task_key(SECRET, "batch-1", stimulus, f"{protocol} {number}")
        tasks.append(replace(task_of(stimulus, key, "batch-1"), slot=1, position=number + 1))
    add_batch(warehouse, tasks, protocol=protocol, queue="project_per_rater", overlap=1, simulated=True)
    (account,) = panel_accounts(root, 1)
    send(root=root)
    with served(root) as (url, gateway):
        pictures: list[bytes] = []
        listen: Any = lambda r: pictures.append(r.body()) if "/data/local-files" in r.url and r.ok else None  # noqa: E731 - taken off again below
        page.on("response", listen)
        page.set_viewport_size({"width": 1366, "height": 768})
        log_in(page, url, account.email, account.password)
        wait_for_picture(page, shown)
        page.keyboard.press("Escape")
        look(page, protocol, shown)
        for _ in range(10):
            wait_for_picture(page, shown)
            # One question, one key; with attributes, their stars and the key that submits.
            more = (*"asdfg", "Control+Enter") if protocol == "acr-5-attributes" else ()
            submit(page, KEYS[protocol], *more)
        wait_for_picture(page, shown)
        submit(page, "Control+Space")
        wait_for_picture(page, shown)
        page.keyboard.press("r")
        if protocol == "acr-5-attributes":
            page.keyboard.press("Control+Enter")
        page.wait_for_function("() => document.querySelector('#salon-cover').style.display === 'flex'", timeout=60_000)
        project = int(warehouse.table(PROJECTS).read()["project_id"][0].as_py())
        code = gateway.code(gateway.rights.pseudonym(account.user), project)
        assert code in page.inner_text("#salon-cover")
        page.remove_listener("response", listen)
        gateway.flush()
    collect(root=root)
    table = "current_comparisons" if shown > 1 else "current_ratings"
    rows = warehouse.query(f"SELECT DISTINCT task_key, status, presented_at, seconds, device FROM {table}").to_pylist()
    statuses = [row["status"] for row in rows]
    assert (statuses.count("counted"), statuses.count("skipped"), statuses.count("cannot_rate")) == (10, 1, 1)
    assert all(row["presented_at"] is not None and row["device"] for row in rows), rows
    assert all(row["seconds"] > 0 for row in rows if row["status"] == "counted")
    assert len(pictures) >= TASKS
    for data in pictures:
        with Image.open(io.BytesIO(data)) as picture:
            assert not picture.getexif()
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def look(page: Page, protocol: str, shown: int) -> None:
    """No scrolling on either screen; a picture for the docs where it is asked for."""
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(700)
        wait_for_picture(page, shown)
        assert overflow(page) <= 0, (protocol, screen)
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"rating-{protocol}-{screen}.png"))
    page.set_viewport_size({"width": 1366, "height": 768})
    page.wait_for_timeout(500)

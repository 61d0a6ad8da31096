"""An annotator's browser: Debian's Chromium, and what the labelling page shows in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

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
LAPTOP = (1366, 768)
TABLET = (820, 1180)
PATIENCE_MS = 60_000
SHOWN = """(count) => {
    const shown = [...document.querySelectorAll(".lsf-image img")]
        .filter(image => image.complete && image.naturalWidth > 0 && image.width > 100);
    return shown.length >= count ? shown.map(image => image.src).join() : null;
}"""
"""The addresses of the task's pictures once all of them are there: new ones for every task."""


def need_chromium() -> None:
    """Skip where there is no browser."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"SKIPPED FOR WANT OF A BROWSER: no {CHROMIUM}")


def log_in(page: Page, url: str, email: str, password: str) -> None:
    """Log in as an annotator, and wait for the labelling page."""
    page.context.clear_cookies()
    page.goto(url + "/user/login/")
    page.fill("#email", email)
    page.fill("#password", password)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile(r"labeling=1"), timeout=PATIENCE_MS)


def pictures_shown(page: Page, count: int = 0) -> str | None:
    """The addresses of the pictures that are shown; None while there are fewer."""
    found = page.evaluate(f"({SHOWN})({count})")
    return None if found is None else str(found)


def wait_for_new_pictures(page: Page, count: int, before: str) -> str:
    """Wait until other pictures than before are shown; returns their addresses."""
    changed = f"(before) => {{ const now = ({SHOWN})({count}); return now && now !== before ? now : null }}"
    return str(page.wait_for_function(changed, arg=before, timeout=PATIENCE_MS).json_value())


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

"""A hundred ratings in a real Chromium, by keyboard on a laptop and by touch on a tablet, through the gateway.

Prints per screen what a rating costs: keys or taps; the wait for the server, in which the page had a request under way
(the answer's through the gateway into Label Studio, the next task's, its picture's); and the whole wait from the key to
the next picture, in which the browser also works and draws. Any need to scroll ends the run. Photos are of all shapes,
from panorama to portrait, shown at the settings' size.
Usage: bench_rating.py [RATINGS [PROTOCOL...]]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runtime import prepare_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from labeling.labelstudio.accounts import Account
    from warehouse.store import Warehouse

SHAPES = ((1600, 1200), (1200, 1600), (2400, 800), (1000, 1000), (1920, 1080), (900, 2100))
PROTOCOLS = {"acr-5": ("1", "2", "3", "4", "5"), "pairwise": ("1", "2", "3")}
PICTURES = {"acr-5": 1, "pairwise": 2}


@dataclass(frozen=True)
class Screen:
    """A window, and how its user answers."""

    name: str
    width: int
    height: int
    touch: bool


SCREENS = (Screen("laptop", 1366, 768, touch=False), Screen("tablet", 820, 1180, touch=True))


REQUESTS = """() => {
    const all = performance.getEntriesByType("resource").filter(entry => !entry.name.includes("/salon/"));
    performance.clearResourceTimings();
    return all.map(entry => [new URL(entry.name).pathname.replace(/[0-9]+/g, "N"), entry.startTime, entry.responseEnd]);
}"""
"""Requests since the last time, as path, begin and end in ms; without the count's, which nobody waits for."""


def main(ratings: int, protocols: Sequence[str]) -> None:
    """Measure, and print."""
    prepare_environment()
    from playwright.sync_api import sync_playwright

    from flows.labelstudio.panel import panel_accounts
    from flows.labelstudio.send import send
    from flows.labelstudio.server import ServerFolder
    from flows.prefect_server import ensure_server
    from tests.flows.labelstudio.chromium import CHROMIUM, FLAGS
    from tests.flows.labelstudio.test_gateway import served
    from warehouse.store import Warehouse

    ensure_server()
    with tempfile.TemporaryDirectory() as text, sync_playwright() as driver:
        folder = ServerFolder(Path(text) / "server")
        documents = Path(text) / "documents"
        running = folder.up(documents)
        account = folder.credentials()
        assert account is not None
        os.environ["LABEL_STUDIO_API_KEY"] = account.token
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            for protocol in protocols:
                for screen in SCREENS:
                    warehouse = Warehouse.create(documents / f"{protocol}-{screen.name}")
                    settings = f'[labelstudio]\nurl = "{running.url}"\ndocument_root = "{documents}"\n'
                    warehouse.location.local("salon.toml").write_text(settings, encoding="utf-8")
                    add_list(warehouse, protocol, ratings)
                    root = warehouse.location.root
                    (rater,) = panel_accounts(root, 1)
                    send(root=root)
                    with served(root) as (url, _):
                        measure(browser, url, rater, protocol, screen, ratings)
        finally:
            browser.close()
            folder.down()


def add_list(warehouse: Warehouse, protocol: str, ratings: int) -> None:
    """A list for one rater, of photos of all shapes."""
    from labeling.design.stimuli import Stimulus, task_key, task_of
    from schemas.codes import TaskRole
    from tests.flows.labelstudio.studies import SECRET, add_batch, add_photos

    shown = PICTURES[protocol]
    photos = add_photos(warehouse, ratings + shown, sizes=SHAPES)
    tasks = []
    for number in range(ratings):
        stimulus = Stimulus(tuple(photos[number : number + shown]), TaskRole.RATE, "test")
        key = task_key(SECRET, "batch-1", stimulus, f"{protocol} {number}")
        tasks.append(replace(task_of(stimulus, key, "batch-1"), slot=1, position=number + 1))
    add_batch(warehouse, tasks, protocol=protocol, queue="project_per_rater", overlap=1, simulated=True)


def measure(browser: Browser, url: str, rater: Account, protocol: str, screen: Screen, ratings: int) -> None:
    """Rate a whole list, and print what it cost."""
    from tests.flows.labelstudio.chromium import log_in, overflow, pictures_shown, wait_for_new_pictures

    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height}, has_touch=screen.touch, is_mobile=screen.touch
    )
    page = context.new_page()
    log_in(page, url, rater.email, rater.password)
    shown = wait_for_new_pictures(page, PICTURES[protocol], "")
    page.keyboard.press("Escape")
    page.wait_for_timeout(1000)
    give = answering(page, protocol, screen)
    waits, served = [], []
    paths: dict[str, list[float]] = {}
    page.evaluate(REQUESTS)
    begun = time.perf_counter()
    for number in range(ratings):
        over = overflow(page)
        assert over <= 0, f"{protocol} on a {screen.name}: photo {number + 1} is {over} pixels too high"
        pressed = time.perf_counter()
        give(number)
        if number == ratings - 1:
            page.wait_for_function("() => document.querySelector('#salon-cover').style.display === 'flex'")
            break
        shown = wait_for_new_pictures(page, PICTURES[protocol], shown)
        waits.append(1000 * (time.perf_counter() - pressed))
        requests = page.evaluate(REQUESTS)
        served.append(union([(begin, end) for _, begin, end in requests]))
        for path, begin, end in requests:
            paths.setdefault(path, []).append(end - begin)
    took = time.perf_counter() - begun
    assert pictures_shown(page) is not None
    print(
        f"{protocol}, {screen.name} {screen.width} x {screen.height}: {ratings} ratings without scrolling, "
        f"1 {'tap' if screen.touch else 'key'} each; wait for the server: {spread(served)}; for the next picture: "
        f"{spread(waits)}; {took / ratings:.2f} s a rating of somebody who need not look",
        flush=True,
    )
    for path, took_ms in sorted(paths.items(), key=lambda item: -sum(item[1])):
        print(f"    {statistics.median(took_ms):5.0f} ms, {len(took_ms)} times: {path}")
    context.close()


def union(spans: Sequence[tuple[float, float]]) -> float:
    """Length of what spans of time cover together."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def spread(values: Sequence[float]) -> str:
    """Median and 95th percentile, in ms."""
    parts = statistics.quantiles(values, n=20)
    return f"median {parts[9]:.0f} ms, 95 % within {parts[18]:.0f} ms"


def answering(page: Page, protocol: str, screen: Screen) -> Callable[[int], None]:
    """How this screen's user gives the number-th answer: a key, or a tap on one of the answers."""
    keys = PROTOCOLS[protocol]
    if not screen.touch:
        return lambda number: page.keyboard.press(keys[number % len(keys)])
    answers = page.locator(".salon-answers .lsf-choice")
    return lambda number: answers.nth(number % len(keys)).tap()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, sys.argv[2:] or list(PROTOCOLS))

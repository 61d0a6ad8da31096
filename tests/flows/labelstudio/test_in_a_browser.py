"""An annotator in a real browser, behind the gateway: every protocol by keyboard, on a laptop and on a tablet.

``SALON_SCREENSHOTS=docs/images pytest -m browser tests/flows/labelstudio`` writes the docs' screenshots anew.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Response, sync_playwright

from flows.demo.photos import write_demo_photos
from flows.labelstudio.collect import collect
from flows.labelstudio.gateway import Gateway
from flows.labelstudio.panel import panel_accounts
from flows.labelstudio.send import send
from labeling.design.stimuli import Stimulus, task_key, task_of
from labeling.labelstudio.accounts import Account
from labeling.protocols.catalogue import built_in
from labeling.protocols.markup import PROBLEM_KEYS
from schemas.codes import TaskRole
from schemas.photos import PHOTOS, SIGHTINGS
from schemas.protocols import Problem, Protocol, ProtocolKind
from schemas.ratings import PROJECTS
from tests.flows.labelstudio.chromium import (
    CHROMIUM,
    FLAGS,
    LAPTOP,
    PATIENCE_MS,
    TABLET,
    log_in,
    need_chromium,
    overflow,
    wait_for_new_pictures,
)
from tests.flows.labelstudio.studies import SECRET, add_batch, add_photos, photo_row, sighting_row
from tests.flows.labelstudio.test_gateway import served
from tests.labelstudio_server import TestServer
from warehouse.store import Warehouse

pytestmark = [pytest.mark.server, pytest.mark.browser]
TASKS = 12
SCREENS = {"laptop": LAPTOP, "tablet": TABLET}
SHOTS = os.environ.get("SALON_SCREENSHOTS")
"""A folder for the screenshots of the docs."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need_chromium()
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": LAPTOP[0], "height": LAPTOP[1]})
    yield context.new_page()
    context.close()


def keys_of(protocol: Protocol, number: int) -> tuple[str, ...]:
    """What is pressed for the number-th answer, to the key that submits it."""
    if protocol.kind is ProtocolKind.SLIDER:
        return (str(number % 10), "ArrowRight", "Enter")
    if protocol.kind is ProtocolKind.PAIRWISE:
        return (str(1 + number % 3),)
    if protocol.kind is ProtocolKind.BEST_FRAME:
        return (str(1 + number % protocol.frames),)
    steps = protocol.high - protocol.low + 1
    answer = str((1 + number % steps) % 10)
    # One question, one key; with attributes, their stars and the key that submits.
    return (answer, *"asdfg"[: len(protocol.attributes)], "Enter") if protocol.attributes else (answer,)


def with_tasks(server: TestServer, name: str, protocol: Protocol) -> Warehouse:
    """A list for one rater over the demo's photos; a burst is a photo seen three times from nearly the same place."""
    warehouse = server.warehouse()
    folder = warehouse.location.local("files")
    write_demo_photos(folder)
    paths = sorted(folder.glob("*_[ab].jpg"))
    shown = len(protocol.picture_keys)
    bursts = [(path,) for path in paths[:TASKS]]
    if protocol.kind is ProtocolKind.PAIRWISE:
        bursts = [(path, paths[n + 7]) for n, (path,) in enumerate(bursts)]  # type: ignore[misc]  # of another length
    if protocol.kind is ProtocolKind.BEST_FRAME:
        bursts = [frames(path, shown) for (path,) in bursts]  # type: ignore[misc]  # of another length
    tasks = []
    known = set()
    for number, pictures in enumerate(bursts):
        rows = [photo_row(path.read_bytes(), path) for path in pictures]
        new = [(row, path) for row, path in zip(rows, pictures, strict=True) if row.photo_id not in known]
        known |= {row.photo_id for row in rows}
        warehouse.table(PHOTOS).insert(row for row, _ in new)
        warehouse.table(SIGHTINGS).insert(sighting_row(path.read_bytes(), path) for _, path in new)
        stimulus = Stimulus(tuple(row.photo_id for row in rows), TaskRole.RATE, "test")
        key = task_key(SECRET, "batch-1", stimulus, f"{name} {number}")
        tasks.append(replace(task_of(stimulus, key, "batch-1"), slot=1, position=number + 1))
    add_batch(warehouse, tasks, protocol=name, queue="project_per_rater", overlap=1, simulated=True)
    return warehouse


def frames(path: Path, count: int) -> tuple[Path, ...]:
    """What a camera takes in a burst, moving a little."""
    made = []
    with Image.open(path) as picture:
        for number in range(count):
            x, y = picture.width // 16, picture.height // 24
            box = (number * x, number * y, picture.width - (count - number) * x, picture.height - (count - number) * y)
            made.append(path.with_name(f"{path.stem}-{number}.jpg"))
            picture.crop(box).save(made[-1], quality=92)
    return tuple(made)


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in())
def test_ten_photos_are_rated_by_keyboard_one_skipped_and_one_reported(
    name: str, labelstudio: TestServer, page: Page
) -> None:
    protocol = built_in()[name]
    warehouse = with_tasks(labelstudio, name, protocol)
    root = warehouse.location.root
    (account,) = panel_accounts(root, 1)
    send(root=root)
    pictures: list[bytes] = []

    def keep(response: Response) -> None:
        if "/data/local-files" in response.url and response.ok:
            pictures.append(response.body())

    page.on("response", keep)
    with served(root) as (url, gateway):
        work_through(page, url, account, name)
        assert completion_code(warehouse, gateway, account) in page.inner_text("#salon-cover")
        gateway.flush()
    collected = collect(root=root)
    assert collected.counts["rejected"] == 0
    assert_all_is_stored(warehouse, protocol)
    assert len(pictures) >= TASKS
    assert_sized_and_bare(pictures)


def work_through(page: Page, url: str, account: Account, name: str) -> None:
    """Answer ten tasks, skip one, report one, all by keyboard."""
    protocol = built_in()[name]
    shown = len(protocol.picture_keys)
    log_in(page, url, account.email, account.password)
    at = wait_for_new_pictures(page, shown, "")
    page.keyboard.press("Escape")  # the instructions
    look(page, name, shown)
    for number in range(TASKS - 2):
        for key in keys_of(protocol, number):
            page.keyboard.press(key)
        at = wait_for_new_pictures(page, shown, at)
    page.keyboard.press("Control+Space")
    wait_for_new_pictures(page, shown, at)
    page.keyboard.press(PROBLEM_KEYS[Problem.REPORT])
    if keys_of(protocol, 0)[-1] == "Enter":
        page.keyboard.press("Enter")
    covered = "() => document.querySelector('#salon-cover').style.display === 'flex'"
    page.wait_for_function(covered, timeout=PATIENCE_MS)


def completion_code(warehouse: Warehouse, gateway: Gateway, account: Account) -> str:
    project = int(warehouse.table(PROJECTS).read()["project_id"][0].as_py())
    return gateway.code(gateway.rights.pseudonym(account.user), project)


def assert_all_is_stored(warehouse: Warehouse, protocol: Protocol) -> None:
    """Ten answers as they were given, one skipped, one reported; with times by the gateway's clock and the device."""
    table = "comparisons" if protocol.is_comparison else "ratings"
    rows = warehouse.query(
        f"SELECT r.*, t.position AS place FROM current_{table} r JOIN tasks t USING (task_key) ORDER BY place"
    ).to_pylist()
    overall = [row for row in rows if row["question"] == protocol.question]
    by_place = {row["place"]: row["status"] for row in overall}
    assert [by_place[place] for place in range(1, TASKS + 1)] == ["counted"] * (TASKS - 2) + ["skipped", "cannot_rate"]
    assert {row["reason"] for row in overall if row["status"] == "cannot_rate"} == {Problem.REPORT.value}
    assert all(row["presented_at"] and row["submitted_at"] and row["device"] for row in rows)
    counted = [row for row in rows if row["status"] == "counted"]
    assert all(row["seconds"] > 0 for row in counted)
    assert {row["question"] for row in counted} == {q.name for q in protocol.questions} | {protocol.question}
    given = [row for row in overall if row["status"] == "counted"]
    if protocol.kind is ProtocolKind.STEPS:
        steps = protocol.high - protocol.low + 1
        assert [row["value"] for row in given] == [protocol.low + n % steps for n in range(TASKS - 2)]
    elif protocol.kind is ProtocolKind.SLIDER:
        assert [row["value"] for row in given] == [10 * n + 1 for n in range(TASKS - 2)]
    elif protocol.kind is ProtocolKind.PAIRWISE:
        assert [row["outcome"] for row in given] == [("left", "tie", "right")[n % 3] for n in range(TASKS - 2)]
    else:
        assert len(given) == (TASKS - 2) * (protocol.frames - 1)


def assert_sized_and_bare(pictures: list[bytes]) -> None:
    """Pictures have the settings' size at most, and carry nothing but pixels."""
    for data in pictures:
        with Image.open(io.BytesIO(data)) as picture:
            assert max(picture.size) <= 1024
            assert not picture.getexif()
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def look(page: Page, name: str, shown: int) -> None:
    """No scrolling on either screen; a picture for the docs where it is asked for."""
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(700)
        wait_for_new_pictures(page, shown, "")
        assert overflow(page) <= 0, (name, screen)
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"rating-{name}-{screen}.png"))
    page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
    page.wait_for_timeout(500)


@pytest.mark.slow
def test_a_rater_is_invited_to_a_break_and_goes_on_on_another_device(labelstudio: TestServer, browser: Browser) -> None:
    warehouse = with_tasks(labelstudio, "acr-5", built_in()["acr-5"])
    root = warehouse.location.root
    (account,) = panel_accounts(root, 1)
    send(root=root)
    with served(root) as (url, gateway):
        laptop = browser.new_context(viewport={"width": LAPTOP[0], "height": LAPTOP[1]}).new_page()
        log_in(laptop, url, account.email, account.password)
        at = wait_for_new_pictures(laptop, 1, "")
        laptop.keyboard.press("Escape")
        for key in "345":
            laptop.keyboard.press(key)
            at = wait_for_new_pictures(laptop, 1, at)
        gateway.break_after_s = 0.0  # as if 25 minutes were over
        laptop.keyboard.press("2")
        cover = laptop.locator("#salon-cover")
        cover.wait_for(state="visible", timeout=PATIENCE_MS)
        assert "take a break" in cover.inner_text()
        at = wait_for_new_pictures(laptop, 1, at)
        laptop.keyboard.press("1")  # nothing is rated behind the invitation
        gateway.break_after_s = 1500.0
        cover.get_by_role("button").click()
        cover.wait_for(state="hidden", timeout=PATIENCE_MS)
        laptop.keyboard.press("5")
        wait_for_new_pictures(laptop, 1, at)
        laptop.context.close()

        context = browser.new_context(
            viewport={"width": TABLET[0], "height": TABLET[1]}, has_touch=True, is_mobile=True
        )
        tablet = context.new_page()
        log_in(tablet, url, account.email, account.password)
        at = wait_for_new_pictures(tablet, 1, "")
        tablet.wait_for_function("() => document.querySelector('#salon-progress').innerText.startsWith('5 of 12')")
        tablet.keyboard.press("Escape")
        for number in range(TASKS - 5):
            tablet.locator(".salon-answers .lsf-choice").nth(number % 5).tap()
            if number < TASKS - 6:
                at = wait_for_new_pictures(tablet, 1, at)
        covered = "() => document.querySelector('#salon-cover').style.display === 'flex'"
        tablet.wait_for_function(covered, timeout=PATIENCE_MS)
        assert completion_code(warehouse, gateway, account) in tablet.inner_text("#salon-cover")
        context.close()
        gateway.flush()
    collect(root=root)
    rows = warehouse.query("SELECT value, device, position FROM counted_ratings ORDER BY position").to_pylist()
    assert [row["value"] for row in rows] == [3, 4, 5, 2, 5, 1, 2, 3, 4, 5, 1, 2]
    widths = [json.loads(row["device"])["width"] for row in rows]
    # Label Studio's page asks tablets for a ninth more than their screen is wide.
    assert widths == [LAPTOP[0]] * 5 + [round(TABLET[0] / 0.9)] * 7


@pytest.mark.slow
def test_a_message_of_label_studio_covers_neither_the_count_nor_the_answers(
    labelstudio: TestServer, page: Page
) -> None:
    warehouse = with_tasks(labelstudio, "acr-5", built_in()["acr-5"])
    root = warehouse.location.root
    (account,) = panel_accounts(root, 1)
    send(root=root)
    with served(root) as (url, _):
        log_in(page, url, account.email, account.password)
        wait_for_new_pictures(page, 1, "")
        page.keyboard.press("Escape")
        page.route("**/annotations*", lambda route: route.fulfill(status=500, json={"detail": "The disk is full."}))
        page.keyboard.press("3")
        message = page.locator("[class*=toast-viewport] li").first
        message.wait_for(state="visible", timeout=PATIENCE_MS)
        page.wait_for_timeout(500)  # it moves in
        shown = message.bounding_box()
        assert shown is not None
        for selector in ("#salon-progress", ".salon-answers", ".salon-problem", ".lsf-controls", ".salon-picture"):
            other = page.locator(selector).first.bounding_box()
            assert other is not None, selector
            beside = shown["x"] + shown["width"] <= other["x"] or other["x"] + other["width"] <= shown["x"]
            above = shown["y"] + shown["height"] <= other["y"] or other["y"] + other["height"] <= shown["y"]
            assert beside or above, (selector, shown, other)


@pytest.mark.slow
def test_a_suggestion_is_chosen_beforehand_and_enter_accepts_it(
    labelstudio: TestServer, page: Page, tmp_path: Path
) -> None:
    assisted = {"assisted": Protocol(like="acr-5", allow_predictions=True)}
    warehouse = labelstudio.warehouse('[study.protocols.assisted]\nlike = "acr-5"\nallow_predictions = true\n')
    root = warehouse.location.root
    photos = add_photos(warehouse, 2)
    tasks = []
    for number, photo in enumerate(photos):
        stimulus = Stimulus((photo,), TaskRole.RATE, "test")
        key = task_key(SECRET, "batch-1", stimulus, f"suggested {number}")
        tasks.append(replace(task_of(stimulus, key, "batch-1"), slot=1, position=number + 1))
    add_batch(
        warehouse, tasks, protocol="assisted", queue="project_per_rater", overlap=1, simulated=True, protocols=assisted
    )
    file = tmp_path / "head.csv"
    file.write_text("photo_id,score\n" + "".join(f"{photo},4.2\n" for photo in photos), encoding="utf-8")
    (account,) = panel_accounts(root, 1)
    send(root=root, suggestions=str(file))
    with served(root) as (url, _):
        log_in(page, url, account.email, account.password)
        at = wait_for_new_pictures(page, 1, "")
        page.keyboard.press("Escape")
        page.wait_for_function("() => document.querySelector('.salon-answers input:checked')", timeout=PATIENCE_MS)
        page.keyboard.press("Enter")  # the first is accepted, the second changed
        wait_for_new_pictures(page, 1, at)
        page.keyboard.press("2")
        page.keyboard.press("Enter")
        covered = "() => document.querySelector('#salon-cover').style.display === 'flex'"
        page.wait_for_function(covered, timeout=PATIENCE_MS)
    assert collect(root=root).counts == {"new ratings": 2, "changed": 0, "withdrawn": 0, "rejected": 0}
    rows = warehouse.query("SELECT value FROM counted_ratings ORDER BY position").to_pylist()
    assert [row["value"] for row in rows] == [4.0, 2.0]

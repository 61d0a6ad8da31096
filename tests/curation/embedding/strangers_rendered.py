"""Pictures that are no photos, a fourth collection: pages that Chromium lays out, as people's screenshots are made."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.curation.embedding.strangers import Random, jpeg
from tests.curation.embedding.strangers_drawn import colour, words
from tests.flows.labelstudio.chromium import CHROMIUM, FLAGS

FACES = ("sans-serif", "serif", "monospace", "Liberation Sans", "URW Bookman", "Nimbus Sans Narrow")
SCREENS = ((1280, 800), (1000, 700), (1366, 768), (800, 1100))


def rendered_strangers(seed: int, each: int = 4) -> dict[str, list[bytes]]:
    """Pictures by family, `each` of every family; needs Chromium and playwright."""
    from playwright.sync_api import sync_playwright

    rng = np.random.default_rng(seed)
    found: dict[str, list[bytes]] = {family.__name__: [] for family in FAMILIES}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page()
        for family in FAMILIES:
            for _ in range(each):
                width, height = SCREENS[int(rng.integers(len(SCREENS)))]
                page.set_viewport_size({"width": width, "height": height})
                page.set_content(family(rng))
                picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                found[family.__name__].append(jpeg(picture))
        browser.close()
    return found


def article(rng: Random) -> str:
    """Headings and paragraphs with links."""
    text = "".join(f"<p>{words(rng, 70)} <a href=#>{words(rng, 3)}</a> {words(rng, 30)}</p>" for _ in range(6))
    return _page(rng, f"<div style='padding:20px 60px'><h1>{words(rng, 3)}</h1><hr>{text}</div>")


def shop(rng: Random) -> str:
    """A grid of goods whose pictures are ramps."""
    goods = "".join(
        f"<div style='border:1px solid #ddd;padding:10px'><div style='height:150px;background:{_ramp(rng)}'></div>"
        f"<b>{words(rng, 3)}</b><br>{rng.integers(5, 300)}.99 <button>{words(rng, 1)}</button></div>"
        for _ in range(8)
    )
    bar = f"<div style='background:{_rgb(rng)};color:#fff;padding:18px;font-size:26px'>{words(rng, 2)}</div>"
    grid = "display:grid;grid-template-columns:repeat(4,1fr);gap:18px;padding:24px"
    return _page(rng, f"{bar}<div style='{grid}'>{goods}</div>")


def inbox(rng: Random) -> str:
    """Rows of messages."""
    rows = "".join(
        f"<tr><td><input type=checkbox><td>{words(rng, 2)}<td><b>{words(rng, 4)}</b> {words(rng, 7)}<td>{day} Mar</tr>"
        for day in rng.integers(1, 29, 20)
    )
    return _page(rng, f"<table width=100% cellpadding=9>{rows}</table>")


def chart(rng: Random) -> str:
    """Bars, lines or bubbles as vector graphics."""
    kind = rng.integers(3)
    if kind == 0:
        fills = [_rgb(rng) for _ in range(3)]
        marks = "".join(
            f"<rect x={80 + 60 * k} y={500 - h} width=40 height={h} fill='{fills[k % 3]}' />"
            for k, h in enumerate(rng.integers(40, 420, 14))
        )
    elif kind == 1:
        curves = np.clip(280 + np.cumsum(rng.normal(size=(3, 32)), axis=1) * 30, 40, 490)
        marks = "".join(
            f"<polyline fill=none stroke-width=4 stroke='{_rgb(rng)}' points='"
            + " ".join(f"{80 + 28 * k},{y:.0f}" for k, y in enumerate(curve))
            + "' />"
            for curve in curves
        )
    else:
        marks = "".join(
            f"<circle cx={x} cy={y} r={r} fill='{_rgb(rng)}' fill-opacity=.6 />"
            for x, y, r in rng.integers([80, 60, 4], [900, 490, 30], (60, 3))
        )
    axes = "<path d='M70 40V500H960' stroke=#333 fill=none />"
    numbers = "".join(f"<text x=20 y={y}>{500 - y}</text>" for y in range(60, 500, 80))
    return _page(rng, f"<h2>{words(rng, 6)}</h2><svg width=1000 height=560>{axes}{marks}{numbers}</svg>")


def desktop(rng: Random) -> str:
    """Windows on a background of three colours."""
    windows = "".join(
        f"<div style='position:absolute;left:{x}px;top:{y}px;width:560px;height:360px;background:#fff;color:#777;"
        f"border-radius:10px;box-shadow:0 8px 30px #0008'><div style='background:{_rgb(rng, 120)};padding:6px'>"
        f"{words(rng, 2)}</div><div style='padding:14px'>{words(rng, 70)}</div></div>"
        for x, y in rng.integers(20, [600, 300], (int(rng.integers(1, 4)), 2))
    )
    bar = "<div style='position:absolute;bottom:0;width:100%;height:48px;background:#000a'></div>"
    return _page(rng, windows + bar, f"linear-gradient({rng.integers(360)}deg,{_rgb(rng)},{_rgb(rng)},{_rgb(rng)})")


def preferences(rng: Random) -> str:
    """A list of switches."""
    rows = "".join(
        f"<div style='padding:22px 28px;font-size:24px;border-bottom:1px solid #8883'>{words(rng, 2)}"
        f"<span style='float:right;width:64px;height:34px;border-radius:17px;background:{_rgb(rng)}'></span></div>"
        for _ in range(8)
    )
    return _page(rng, rows, *(("#f4f4f4", "#222") if rng.random() < 0.6 else ("#111", "#ccc")))


def invoice(rng: Random) -> str:
    """A letterhead, a table of amounts and a total."""
    rows = "".join(
        f"<tr><td>{words(rng, 4)}<td align=right>{n}<td align=right>{n * 7.35:.2f}</tr>"
        for n in rng.integers(1, 90, int(rng.integers(4, 16)))
    )
    head = f"<div style='float:right;width:120px;height:60px;background:{_rgb(rng)}'></div><h2>{words(rng, 2)}</h2>"
    table = f"<table width=100% cellpadding=7 border=1 style='border-collapse:collapse'>{rows}</table>"
    return _page(rng, f"<div style='padding:70px'>{head}<p>{words(rng, 30)}</p>{table}<h3>{words(rng, 3)}</h3></div>")


def spreadsheet(rng: Random) -> str:
    """Cells, some of them filled in."""
    cells = "".join(
        "<tr>" + "".join(f"<td>{rng.normal() * 900:.1f}" if rng.random() < 0.6 else "<td>" for _ in range(12)) + "</tr>"
        for _ in range(30)
    )
    bar = f"<div style='background:{_rgb(rng, 0, 140)};color:#fff;padding:12px'>{words(rng, 9)}</div>"
    return _page(rng, f"{bar}<table border=1 width=100% style='border-collapse:collapse'>{cells}</table>")


def video_site(rng: Random) -> str:
    """A player that shows a flat picture, and suggestions beside it."""
    others = "".join(
        f"<div style='margin:10px;display:flex;gap:10px'><div style='width:160px;height:90px;background:{_ramp(rng)}'>"
        f"</div><div>{words(rng, 6)}<br><small>{words(rng, 2)}</small></div></div>"
        for _ in range(6)
    )
    player = f"<div style='height:420px;background:{_ramp(rng)}'></div><h2>{words(rng, 7)}</h2>{words(rng, 30)}"
    dark = ("#0f0f0f", "#eee") if rng.random() < 0.5 else ("#fff", "#222")
    return _page(rng, f"<div style='display:flex'><div style='flex:2'>{player}</div><div>{others}</div></div>", *dark)


def poster(rng: Random) -> str:
    """Very large words."""
    title = f"<div style='font-size:110px;font-weight:bold;color:{_rgb(rng)}'>{words(rng, 2).upper()}</div>"
    below = f"<p style='font-size:40px'>{words(rng, 5)}</p>{words(rng, 8)}"
    return _page(rng, f"<div style='padding:80px;text-align:center'>{title}{below}</div>", _rgb(rng), _rgb(rng))


def failure(rng: Random) -> str:
    """A page that says that something went wrong, and little else."""
    text = f"<h1 style='font-size:{rng.integers(40, 120)}px'>{rng.integers(400, 599)}</h1>{words(rng, 8)}"
    return _page(rng, f"<div style='padding:120px'>{text}<p><button>{words(rng, 2)}</button></div>", _rgb(rng, 200))


def weather(rng: Random) -> str:
    """Tiles with figures and round symbols on a ramp."""
    disc = "width:60px;height:60px;border-radius:50%"
    tiles = "".join(
        "<div style='background:#fff3;border-radius:20px;padding:22px;color:#fff;font-size:26px'>"
        f"{words(rng, 1)}<div style='{disc};background:{_rgb(rng)}'></div>{n}&deg;</div>"
        for n in rng.integers(-9, 36, 8)
    )
    grid = "display:grid;grid-template-columns:repeat(4,1fr);gap:20px;padding:40px"
    return _page(rng, f"<div style='{grid}'>{tiles}</div>", _ramp(rng))


FAMILIES: tuple[Callable[[Random], str], ...] = (
    article, shop, inbox, chart, desktop, preferences,
    invoice, spreadsheet, video_site, poster, failure, weather,
)  # fmt: skip


def _page(rng: Random, body: str, ground: str = "#fff", ink: str = "#222") -> str:
    font = FACES[int(rng.integers(len(FACES)))]
    return (
        f"<body style='margin:0;min-height:100vh;background:{ground};color:{ink};font-family:\"{font}\"'>{body}</body>"
    )


def _rgb(rng: Random, low: int = 0, high: int = 256) -> str:
    return "rgb({},{},{})".format(*colour(rng, low, high))


def _ramp(rng: Random) -> str:
    return f"linear-gradient({rng.integers(360)}deg,{_rgb(rng)},{_rgb(rng)})"

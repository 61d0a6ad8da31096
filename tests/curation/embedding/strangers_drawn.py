"""Pictures that are no photos, a third collection: plots of matplotlib, and pages and screens in its many typefaces."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from tests.curation.embedding.strangers import Colour, Random, jpeg

TYPEFACES = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SANS, MONO = "DejaVuSans.ttf", "DejaVuSansMono.ttf"
FACES = (SANS, "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSerif-Italic.ttf", "STIXGeneral.ttf", "cmr10.ttf")
STYLES = ("default", "ggplot", "seaborn-v0_8", "dark_background", "bmh", "fivethirtyeight")
TEXT = """
lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna
aliqua enim ad minim veniam quis revenue market growth annual report total budget meeting project user settings account
search help file edit view window tools data server error warning model street park avenue station
"""
WORDS = TEXT.split()


def drawn_strangers(seed: int, each: int = 3) -> dict[str, list[bytes]]:
    """Pictures by family, `each` of every family."""
    rng = np.random.default_rng(seed)
    return {family.__name__: [jpeg(family(rng)) for _ in range(each)] for family in FAMILIES}


def plot(rng: Random) -> Image.Image:
    """One of six kinds of plot in one of six styles."""
    with style.context(str(rng.choice(STYLES))):
        figure = Figure(figsize=(float(rng.uniform(5, 9)), float(rng.uniform(4, 6))), dpi=110)
        axes, kind = figure.subplots(), rng.integers(6)
        if kind == 0:
            axes.plot(np.cumsum(rng.normal(size=(60, 3)), axis=0), label=[words(rng, 1) for _ in range(3)])
            axes.legend()
        elif kind == 1:
            axes.bar([f"{words(rng, 1)}{k}" for k in range(7)], rng.random(7))
        elif kind == 2:
            axes.pie(rng.random(5) + 0.1, labels=[words(rng, 1) for _ in range(5)], autopct="%1.0f%%")
        elif kind == 3:
            across, up = rng.normal(size=(2, 300))
            axes.scatter(across, up, c=rng.random(300), s=rng.integers(5, 60, 300))
        elif kind == 4:
            figure.colorbar(axes.imshow(rng.normal(size=(12, 16)), cmap=str(rng.choice(["viridis", "hot", "Greys"]))))
        else:
            axes.hist(rng.normal(size=(400, 2)), bins=25, stacked=True)
        axes.set(title=words(rng, 5), xlabel=words(rng, 2), ylabel=words(rng, 2))
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
    return Image.open(stream).convert("RGB")


def slide(rng: Random) -> Image.Image:
    """A title, some points, and boxes."""
    ground = colour(rng, 200) if rng.random() < 0.6 else colour(rng, 0, 80)
    ink = (20, 20, 20) if sum(ground) > 400 else (240, 240, 240)
    page, pen = blank(1280, 720, ground)
    pen.text((80, 60), words(rng, 4).title(), font=face(rng, 60), fill=ink)
    for k in range(int(rng.integers(2, 6))):
        pen.ellipse((90, 200 + k * 90, 104, 214 + k * 90), fill=colour(rng))
        pen.text((130, 185 + k * 90), words(rng, 6), font=face(rng, 34), fill=ink)
    for k in range(3 if rng.random() < 0.5 else 0):
        pen.rounded_rectangle((820, 220 + k * 150, 1140, 330 + k * 150), 20, fill=colour(rng))
    pen.rectangle((0, 690, 1280, 720), fill=colour(rng))
    return page


def terminal(rng: Random) -> Image.Image:
    """Lines of a fixed pitch on a dark ground."""
    page, pen = blank(1000, 700, colour(rng, 0, 45))
    for y in range(10, 690, 22):
        text = ("$ " if rng.random() < 0.2 else "") + words(rng, int(rng.integers(1, 13)))
        pen.text((10, y), text, font=type_of(MONO, 17), fill=colour(rng, 120))
    return page


def web_page(rng: Random) -> Image.Image:
    """A browser's bar, a banner, a column of text and teasers."""
    page, pen = blank(1366, 900, (255, 255, 255))
    pen.rectangle((0, 0, 1366, 70), fill=(222, 225, 230))
    pen.rounded_rectangle((200, 24, 1100, 56), 16, fill=(255, 255, 255))
    pen.text((220, 30), f"https://{words(rng, 1)}.org", font=face(rng, 18), fill=(90, 90, 90))
    pen.rectangle((0, 70, 1366, 150), fill=colour(rng))
    pen.text((60, 88), words(rng, 2).title(), font=face(rng, 40), fill=(255, 255, 255))
    page.paste(ramp(rng, 700, 260), (60, 190))
    font = face(rng, 19)
    for y in range(480, 880, 28):
        pen.text((60, y), words(rng, 12), font=font, fill=(50, 50, 50))
    for y in range(190, 890, 140):
        pen.rectangle((820, y, 1300, y + 120), outline=(200, 200, 200))
        pen.rectangle((832, y + 12, 932, y + 108), fill=colour(rng))
        pen.text((950, y + 20), words(rng, 4), font=font, fill=(20, 60, 160))
    return page


def login(rng: Random) -> Image.Image:
    """A card with fields and a button."""
    page, pen = blank(1280, 800, colour(rng, 180 if rng.random() < 0.6 else 0))
    pen.rounded_rectangle((440, 160, 840, 640), 18, fill=(255, 255, 255), outline=(210, 210, 210))
    pen.text((480, 200), words(rng, 2).title(), font=face(rng, 34), fill=(30, 30, 30))
    for y in (280, 360, 440):
        pen.rounded_rectangle((480, y, 800, y + 50), 6, outline=(180, 180, 180), width=2)
        pen.text((492, y + 12), words(rng, 1), font=face(rng, 20), fill=(150, 150, 150))
    pen.rounded_rectangle((480, 540, 800, 600), 8, fill=colour(rng))
    pen.text((590, 554), "Sign in", font=face(rng, 24), fill=(255, 255, 255))
    return page


def calendar(rng: Random) -> Image.Image:
    """A month with entries."""
    page, pen = blank(1100, 850, (255, 255, 255))
    pen.text((40, 20), words(rng, 1).title(), font=face(rng, 44), fill=colour(rng, 0, 120))
    for day in range(35):
        x, y = 40 + day % 7 * 146, 110 + day // 7 * 140
        pen.rectangle((x, y, x + 146, y + 140), outline=(190, 190, 190))
        pen.text((x + 8, y + 6), str(day + 1), font=type_of(SANS, 20), fill=(70, 70, 70))
        if rng.random() < 0.35:
            pen.rounded_rectangle((x + 6, y + 50, x + 138, y + 76), 5, fill=colour(rng))
            pen.text((x + 10, y + 52), words(rng, 2)[:14], font=type_of(SANS, 15), fill=(255, 255, 255))
    return page


def street_map(rng: Random) -> Image.Image:
    """Parks, water, roads of three widths, and names."""
    page, pen = blank(1000, 800, (236, 232, 224))
    for _ in range(6):
        x, y = rng.integers(0, 1000), rng.integers(0, 800)
        corners = [(int(x + rng.normal() * 120), int(y + rng.normal() * 100)) for _ in range(6)]
        pen.polygon(corners, fill=(200, 225, 190) if rng.random() < 0.6 else (170, 205, 230))
    for width, fill in ((6, (255, 255, 255)), (12, (255, 230, 150)), (3, (250, 250, 250))):
        for _ in range(14):
            angle, x, y = rng.uniform(0, np.pi), rng.integers(0, 1000), rng.integers(0, 800)
            dx, dy = 1500 * np.cos(angle), 1500 * np.sin(angle)
            ends = (int(x - dx), int(y - dy), int(x + dx), int(y + dy))
            pen.line(ends, fill=(200, 195, 185), width=width + 3)
            pen.line(ends, fill=fill, width=width)
    for _ in range(18):
        place = (int(rng.integers(0, 900)), int(rng.integers(0, 780)))
        pen.text(place, words(rng, 2).title(), font=face(rng, int(rng.integers(13, 22))), fill=(80, 80, 80))
    return page


def ramp(rng: Random, width: int = 600, height: int = 400) -> Image.Image:
    """One colour running into another, along a line or from the middle."""
    first, second = np.array(colour(rng)), np.array(colour(rng))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    along = np.hypot(x, y) if rng.random() < 0.3 else np.cos(angle) * x + np.sin(angle) * y
    along = ((along - along.min()) / np.ptp(along))[..., None]
    return Image.fromarray((first * (1 - along) + second * along).astype(np.uint8))


def dialog(rng: Random) -> Image.Image:
    """A message over a desktop with symbols and a bar."""
    page = ramp(rng, 1280, 800)
    pen = ImageDraw.Draw(page)
    for k in range(int(rng.integers(3, 9))):
        pen.rounded_rectangle((30, 30 + k * 90, 86, 86 + k * 90), 10, fill=colour(rng))
        pen.text((26, 90 + k * 90), words(rng, 1), font=face(rng, 14), fill=(255, 255, 255))
    x, y = int(rng.integers(200, 600)), int(rng.integers(100, 400))
    pen.rectangle((x, y, x + 480, y + 240), fill=(240, 240, 240), outline=(120, 120, 120))
    pen.rectangle((x, y, x + 480, y + 34), fill=(0, 90, 170))
    for k in range(3):
        pen.text((x + 90, y + 60 + k * 32), words(rng, 5), font=face(rng, 18), fill=(20, 20, 20))
    for k in range(2):
        pen.rectangle((x + 230 + k * 120, y + 190, x + 330 + k * 120, y + 222), fill=(225, 225, 225))
    pen.rectangle((0, 760, 1280, 800), fill=(24, 24, 32))
    return page


def dashboard(rng: Random) -> Image.Image:
    """Cards with numbers, a curve and a pie, light or dark."""
    ground, card, ink = (
        ((22, 26, 36), (34, 40, 54), (220, 220, 230))
        if rng.random() < 0.5
        else ((244, 246, 250), (255, 255, 255), (40, 40, 50))
    )
    page, pen = blank(1366, 800, ground)
    pen.rectangle((0, 0, 200, 800), fill=colour(rng, 0, 70))
    for k in range(4):
        x = 230 + k * 280
        pen.text((30, 80 + k * 48), words(rng, 1).title(), font=face(rng, 18), fill=(210, 210, 220))
        pen.rounded_rectangle((x, 30, x + 260, 150), 12, fill=card)
        pen.text((x + 20, 80), f"{rng.integers(10, 9999):,}", font=face(rng, 40), fill=ink)
    for box in ((230, 180, 930, 560), (950, 180, 1330, 560), (230, 590, 1330, 780)):
        pen.rounded_rectangle(box, 12, fill=card)
    heights = np.clip(370 + np.cumsum(rng.normal(size=60)) * 12, 200, 540)
    pen.line([(250 + k * 11, int(height)) for k, height in enumerate(heights)], fill=colour(rng, 60), width=3)
    borders = np.sort(rng.uniform(0, 360, 5))
    for start, end in zip(borders, [*borders[1:], borders[0] + 360], strict=True):
        pen.pieslice((1010, 240, 1270, 500), float(start), float(end), fill=colour(rng))
    for k in range(5):
        pen.text((250, 606 + k * 34), words(rng, 12), font=face(rng, 16), fill=ink)
    return page


def paper(rng: Random) -> Image.Image:
    """Two columns of small type under a title."""
    page, pen = blank(850, 1100, (255, 255, 255))
    pen.text((120, 70), words(rng, 7).title(), font=face(rng, 28), fill=(0, 0, 0))
    font = type_of(str(rng.choice(["STIXGeneral.ttf", "cmr10.ttf", "DejaVuSerif.ttf"])), 14)
    for x in (70, 440):
        for y in range(170, 1040, 18):
            pen.text((x, y), words(rng, 9)[:48], font=font, fill=(20, 20, 20))
    return page


def phone(rng: Random) -> Image.Image:
    """A start screen."""
    page = ramp(rng, 800, 1600)
    pen = ImageDraw.Draw(page)
    pen.text((300, 150), f"{rng.integers(24)}:{rng.integers(10, 60)}", font=face(rng, 90), fill=(255, 255, 255))
    for k in range(20):
        x, y = 60 + k % 4 * 180, 420 + k // 4 * 210
        pen.rounded_rectangle((x, y, x + 130, y + 130), 30, fill=colour(rng))
        pen.text((x + 10, y + 140), words(rng, 1), font=face(rng, 24), fill=(255, 255, 255))
    return page


FAMILIES: tuple[Callable[[Random], Image.Image], ...] = (
    plot, slide, terminal, web_page, login, calendar, street_map, ramp, dialog, dashboard, paper, phone,
)  # fmt: skip


def blank(width: int, height: int, ground: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A sheet of one colour, and the pen to draw on it."""
    page = Image.new("RGB", (width, height), ground)
    return page, ImageDraw.Draw(page)


def type_of(name: str, size: int) -> ImageFont.FreeTypeFont:
    """One of matplotlib's typefaces."""
    return ImageFont.truetype(str(TYPEFACES / name), size)


def face(rng: Random, size: int) -> ImageFont.FreeTypeFont:
    """Any of six typefaces."""
    return type_of(FACES[int(rng.integers(len(FACES)))], size)


def words(rng: Random, count: int) -> str:
    """Words without a meaning."""
    return " ".join(rng.choice(WORDS, count))


def colour(rng: Random, low: int = 0, high: int = 256) -> Colour:
    """Any colour with channels in a range."""
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    return red, green, blue

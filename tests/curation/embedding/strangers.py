"""Pictures that are no photos, drawn here: two collections of different make, for judging an outlier rule.

The rule's measure was chosen on these and on kinds like those of `strangers_drawn`; half of the kinds of
`strangers_rendered` judge it.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Random = np.random.Generator
Colour = tuple[int, int, int]

TEXT = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you
were all her she there would their we him been has when who will more no if out so said what up its about into than
them can only other new some could time these two may then do first any my now such like our
"""
WORDS = TEXT.split()


def jpeg(picture: Image.Image) -> bytes:
    """A JPEG file, short side at most 512, as a canonical picture is."""
    scale = 512 / min(picture.size)
    if scale < 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BOX)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90, subsampling=0)
    return stream.getvalue()


def plain_strangers() -> list[bytes]:
    """Ten each of documents, screenshots and blank frames, from rectangles alone."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(10):
        page = Image.new("RGB", (500, 400), (252, 252, 250))
        pen = ImageDraw.Draw(page)
        for line in range(20, 380, 14):
            x = 30
            while x < 440 + rng.integers(0, 30):
                width = int(rng.integers(8, 40))
                pen.rectangle((x, line, x + width, line + 6), fill=(20, 20, 20))
                x += width + 7
        made.append(page)
        screen = Image.new("RGB", (500, 400), _light(rng))
        pen = ImageDraw.Draw(screen)
        pen.rectangle((0, 0, 500, 40), fill=(40, 80, int(rng.integers(120, 220))))
        for row in range(4):
            pen.rectangle((20, 60 + row * 80, 480, 125 + row * 80), fill=(255, 255, 255), outline=(200, 200, 200))
            for text in range(3):
                pen.rectangle(
                    (90, 70 + row * 80 + text * 16, 200 + int(rng.integers(20, 250)), 78 + row * 80 + text * 16),
                    fill=(90, 90, 90),
                )
        made.append(screen)
        made.append(Image.new("RGB", (500, 400), _any(rng)))
    return [jpeg(picture) for picture in made]


def other_strangers(seed: int, each: int = 8) -> dict[str, list[bytes]]:
    """Pictures by family, `each` of every family."""
    rng = np.random.default_rng(seed)
    return {family.__name__: [jpeg(family(rng)) for _ in range(each)] for family in FAMILIES}


def letter(rng: Random) -> Image.Image:
    """A page of running text on paper that is not quite white, a little turned as scans are."""
    paper = (255 - int(rng.integers(0, 12)),) * 2 + (255 - int(rng.integers(0, 30)),)
    page = Image.new("RGB", (850, 1100), paper)
    pen, size = ImageDraw.Draw(page), int(rng.integers(15, 26))
    pen.text((80, 60), _line(rng, 4).title(), font=_font(size * 2), fill=(15, 15, 15))
    y = 150
    while y < 1030:
        if rng.random() > 0.12:
            pen.text((80, y), _line(rng, int(690 / size / 2.6)), font=_font(size), fill=(30, 30, 35))
        y += int(size * 1.5)
    return page.rotate(float(rng.normal(0, 0.7)), fillcolor=paper, resample=Image.Resampling.BILINEAR)


def form(rng: Random) -> Image.Image:
    """A table with rules and numbers."""
    page = Image.new("RGB", (900, 700), (254, 254, 254))
    pen, step = ImageDraw.Draw(page), int(rng.integers(26, 44))
    columns = np.sort(rng.integers(120, 860, 5))
    for y in range(90, 660, step):
        pen.line((40, y, 860, y), fill=(150, 150, 150))
        pen.text((46, y + 4), _line(rng, 1), font=_font(17), fill=(20, 20, 20))
        for x in columns:
            pen.text((int(x) + 4, y + 4), f"{rng.normal(0, 400):.2f}", font=_font(15), fill=(20, 20, 20))
    for x in columns:
        pen.line((int(x), 90, int(x), 660), fill=(150, 150, 150))
    pen.rectangle((40, 30, 860, 76), fill=_any(rng))
    return page


def editor(rng: Random) -> Image.Image:
    """Source code in a dark theme."""
    ground = int(rng.integers(18, 46))
    screen = Image.new("RGB", (1440, 900), (ground, ground, ground + 8))
    pen = ImageDraw.Draw(screen)
    pen.rectangle((0, 0, 220, 900), fill=(ground + 10,) * 3)
    for line in range(42):
        y, x = 20 + line * 21, 250 + 28 * int(rng.integers(0, 5))
        pen.text((232, y), str(line), font=_font(14), fill=(100, 100, 100), anchor="ra")
        for _ in range(int(rng.integers(0, 9))):
            word = _line(rng, 1)
            pen.text((x, y), word, font=_font(15), fill=tuple(int(v) for v in rng.integers(120, 240, 3)))
            x += 10 * len(word) + 8
        if line % 2:
            pen.text((20, y), _line(rng, 2), font=_font(14), fill=(170, 170, 170))
    return screen


def chat(rng: Random) -> Image.Image:
    """A conversation on a phone: bubbles left and right."""
    dark = rng.random() < 0.5
    screen = Image.new("RGB", (1080, 1920), (16, 20, 24) if dark else (236, 229, 221))
    pen, y = ImageDraw.Draw(screen), 150
    pen.rectangle((0, 0, 1080, 120), fill=_any(rng))
    while y < 1780:
        mine, lines = rng.random() < 0.5, int(rng.integers(1, 5))
        fill = ((0, 92, 75) if mine else (32, 44, 51)) if dark else ((220, 248, 198) if mine else (255, 255, 255))
        left, width = (380, 660) if mine else (40, 640)
        pen.rounded_rectangle((left, y, left + width, y + 30 + 46 * lines), 24, fill=fill)
        for row in range(lines):
            ink = (230, 230, 230) if dark else (20, 20, 20)
            pen.text((left + 24, y + 14 + 46 * row), _line(rng, 6)[:34], font=_font(34), fill=ink)
        y += 60 + 46 * lines
    return screen


def desktop(rng: Random) -> Image.Image:
    """Windows on a background that runs from one colour to another."""
    first, second = np.array(_any(rng)), np.array(_any(rng))
    ramp = np.linspace(0, 1, 1280)[None, :, None] * 0.6 + np.linspace(0, 0.4, 800)[:, None, None]
    screen = Image.fromarray((first * (1 - ramp) + second * ramp).astype(np.uint8))
    pen = ImageDraw.Draw(screen)
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.integers(20, 600)), int(rng.integers(20, 300))
        pen.rectangle((x, y, x + 620, y + 420), fill=_light(rng), outline=(90, 90, 90))
        pen.rectangle((x, y, x + 620, y + 32), fill=_any(rng))
        for line in range(12):
            pen.text((x + 20, y + 50 + 30 * line), _line(rng, 8), font=_font(18), fill=(40, 40, 40))
    pen.rectangle((0, 756, 1280, 800), fill=(30, 30, 34))
    return screen


def chart(rng: Random) -> Image.Image:
    """Bars or lines on axes."""
    page = Image.new("RGB", (1000, 640), (255, 255, 255))
    pen = ImageDraw.Draw(page)
    for y in range(80, 560, 60):
        pen.line((80, y, 960, y), fill=(225, 225, 225))
        pen.text((30, y), f"{rng.integers(1, 999)}", font=_font(16), fill=(60, 60, 60))
    heights = rng.integers(20, 440, 12)
    if rng.random() < 0.5:
        colour = _any(rng)
        for k, height in enumerate(heights):
            pen.rectangle((100 + 70 * k, 560 - int(height), 150 + 70 * k, 560), fill=colour)
    else:
        for _ in range(3):
            points = [(100 + 70 * k, 560 - int(h)) for k, h in enumerate(rng.permutation(heights))]
            pen.line(points, fill=_any(rng), width=3)
    pen.text((120, 24), _line(rng, 5).title(), font=_font(30), fill=(20, 20, 20))
    return page


def lens_cap(rng: Random) -> Image.Image:
    """A frame of nearly one colour: sensor noise, falling off to the corners."""
    y, x = np.mgrid[-1:1:400j, -1.25:1.25:500j]
    colour = rng.integers(0, 256, 3) if rng.random() < 0.5 else np.full(3, rng.integers(0, 256))
    falling = 1 - rng.uniform(0, 0.25) * (x**2 + y**2)[..., None]
    plane = colour * falling + rng.normal(0, rng.uniform(0.3, 3), (400, 500, 3))
    return Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8))


FAMILIES: tuple[Callable[[Random], Image.Image], ...] = (letter, form, editor, chat, desktop, chart, lens_cap)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _line(rng: Random, words: int) -> str:
    return " ".join(rng.choice(WORDS, max(words, 1)))


def _any(rng: Random) -> Colour:
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def _light(rng: Random) -> Colour:
    red, green, blue = (int(v) for v in rng.integers(225, 256, 3))
    return red, green, blue

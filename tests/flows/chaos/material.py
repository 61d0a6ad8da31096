"""What the chains of a yard work on: small distinct photos cut from real ones, some copies, some broken, and votes."""

from __future__ import annotations

import io
import random
from pathlib import Path

from PIL import Image

from tests.conftest import real_data

COPIES, BROKEN = 0.03, 0.01
RATERS = 3
QUALITY = 88
SIZE = (330, 264)
"""A little above what the default rules ask for."""


def write_photos(folder: Path, count: int) -> None:
    """Write `count` files: quarters of real photos, no two alike but a few recompressed copies; some are broken."""
    unfinished = folder.with_name(folder.name + ".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    copies, broken = round(count * COPIES), max(1, round(count * BROKEN))
    whole = count - copies - broken
    sources = sorted(real_data("oasis", "images").iterdir())
    assert whole <= 4 * len(sources), "quarters of the real photos do not suffice"
    for number in range(whole):
        with Image.open(sources[number % len(sources)]) as image:
            quarter = _quarter(image.convert("RGB"), number // len(sources))
        _save(quarter, unfinished / f"p{number:05d}.jpg", QUALITY)
        if number < copies:
            _save(quarter, unfinished / f"p{number:05d}_copy.jpg", 60)
    for number in range(broken):
        data = (unfinished / f"p{number:05d}.jpg").read_bytes()
        (unfinished / f"broken{number:05d}.jpg").write_bytes(data[: len(data) // 3] if number % 2 else b"no photo\n")
    unfinished.rename(folder)


def _quarter(image: Image.Image, number: int) -> Image.Image:
    width, height = image.width // 2, image.height // 2
    left, top = (number % 2) * width, (number // 2) * height
    return image.crop((left, top, left + width, top + height)).resize(SIZE)


def _save(image: Image.Image, path: Path, quality: int) -> None:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    path.write_bytes(stream.getvalue())


def write_votes(path: Path, photos: Path) -> None:
    """Simulated votes, the same each time; every tenth photo has none, and waits for Label Studio."""
    rng = random.Random(7)
    rows = ["photo,rater,score"]
    for number, photo in enumerate(sorted(photos.glob("p?????.jpg"))):
        if number % 10 == 0:
            continue
        beauty = rng.gauss(4, 1)
        rows += [f"{photo.name},r{k},{min(7, max(1, round(rng.gauss(beauty, 1))))}" for k in range(RATERS)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")

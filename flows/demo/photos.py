"""Photos for the demo: real ones that ship inside scikit-image and scikit-learn, and what a camera roll adds.

Each real photo is cut into its two halves, which show different things, so that there is something to choose
from. Some halves come again as near copies: recompressed, resized, brightened, cropped by a few per cent, or
stored turned with a rotation tag. A few files are broken on purpose.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageEnhance

from schemas.errors import WrongUse

SOURCES: tuple[tuple[str, str], ...] = (
    ("skimage.data", "astronaut.png"),
    ("skimage.data", "camera.png"),
    ("skimage.data", "chelsea.png"),
    ("skimage.data", "coffee.png"),
    ("skimage.data", "coins.png"),
    ("skimage.data", "grass.png"),
    ("skimage.data", "gravel.png"),
    ("skimage.data", "brick.png"),
    ("skimage.data", "hubble_deep_field.jpg"),
    ("skimage.data", "moon.png"),
    ("skimage.data", "motorcycle_left.png"),
    ("skimage.data", "rocket.jpg"),
    ("sklearn.datasets.images", "china.jpg"),
    ("sklearn.datasets.images", "flower.jpg"),
)
LEAST_SHORT_SIDE = 480
"""Halves are enlarged to this many pixels, since people should not be asked about stamps."""
ORIENTATION = 0x0112
TURNED_RIGHT = 6
"""EXIF orientation of a picture that has to be turned clockwise by 90 degrees to be upright."""


@dataclass(frozen=True)
class DemoFolder:
    """What was written: scenes that differ, copies of some of them, and broken files."""

    path: Path
    scenes: int
    copies: int
    broken: int


def _jpeg(picture: Image.Image, quality: int = 92, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()


def _recompressed(picture: Image.Image) -> bytes:
    return _jpeg(picture, quality=55)


def _resized(picture: Image.Image) -> bytes:
    return _jpeg(picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS))


def _brightened(picture: Image.Image) -> bytes:
    return _jpeg(ImageEnhance.Brightness(picture).enhance(1.12))


def _cropped(picture: Image.Image) -> bytes:
    x, y = picture.width // 50, picture.height // 50
    return _jpeg(picture.crop((x, y, picture.width - x, picture.height - y)))


def _turned(picture: Image.Image) -> bytes:
    return _jpeg(picture.transpose(Image.Transpose.ROTATE_90), orientation=TURNED_RIGHT)


VARIATIONS: tuple[tuple[str, Callable[[Image.Image], bytes]], ...] = (
    ("recompressed", _recompressed),
    ("resized", _resized),
    ("brightened", _brightened),
    ("cropped", _cropped),
    ("turned", _turned),
)


def _scenes() -> Iterator[tuple[str, Image.Image]]:
    """Halves of all source photos, by name."""
    for package, name in SOURCES:
        try:
            data = files(package).joinpath(name).read_bytes()
        except (ModuleNotFoundError, FileNotFoundError) as error:
            raise WrongUse(
                f"the demo's photos come with scikit-image and scikit-learn: {error}; `make setup`."
            ) from error
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        middle = picture.width // 2
        for side, box in (("a", (0, 0, middle, picture.height)), ("b", (middle, 0, picture.width, picture.height))):
            half = picture.crop(box)
            scale = max(1.0, LEAST_SHORT_SIDE / min(half.size))
            size = (round(half.width * scale), round(half.height * scale))
            yield f"{Path(name).stem}_{side}", half.resize(size, Image.Resampling.LANCZOS)


def write_demo_photos(folder: Path) -> DemoFolder:
    """Write the demo's photos; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = copies = 0
    for number, (name, picture) in enumerate(_scenes()):
        (folder / f"{name}.jpg").write_bytes(_jpeg(picture))
        scenes += 1
        if number % 2 == 0:
            variation, make = VARIATIONS[number // 2 % len(VARIATIONS)]
            (folder / f"{name}_{variation}.jpg").write_bytes(make(picture))
            copies += 1
    return DemoFolder(folder, scenes, copies, _write_broken(folder))


def _write_broken(folder: Path) -> int:
    """Files that cannot be photos: cut off, empty, text under a photo's name, far too small."""
    whole = (folder / "coffee_a.jpg").read_bytes()
    broken = {
        "cut_off.jpg": whole[: len(whole) // 3],
        "empty.jpg": b"",
        "letter.jpg": b"Dear archive, please find the photos attached.\n",
        "stamp.jpg": _jpeg(Image.new("RGB", (40, 30), "gray")),
    }
    for name, data in broken.items():
        (folder / name).write_bytes(data)
    return len(broken)

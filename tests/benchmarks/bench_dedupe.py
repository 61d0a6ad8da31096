"""The second look: pairs a second, and how far copies and other photos lie apart, on edits of real photos.

Run ``python tests/benchmarks/bench_dedupe.py``. Copies are made here, by edits that people make; "elsewhere" is
the photo warped by 1 % of its size, as another place to stand would do: it must not be taken for a copy.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
from scipy import ndimage

from curation.duplicates.comparison import compare
from curation.duplicates.evaluation import nearest
from curation.duplicates.looks import Look
from curation.fingerprints import fingerprints
from schemas.settings import DedupeSettings
from tests.conftest import real_data

Edit = Callable[[Image.Image], Image.Image]
PHOTOS = 20


def saved(picture: Image.Image, quality: int = 90) -> bytes:
    """A JPEG file."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def cropped(picture: Image.Image, share: float) -> Image.Image:
    """The picture less a share of each side."""
    width, height = picture.size
    return picture.crop(
        (round(share * width), round(share * height), round((1 - share) * width), round((1 - share) * height))
    )


def framed(picture: Image.Image) -> Image.Image:
    """The picture with black bars above and below."""
    frame = Image.new("RGB", (picture.width, round(1.4 * picture.height)))
    frame.paste(picture, (0, round(0.2 * picture.height)))
    return frame


def marked(picture: Image.Image) -> Image.Image:
    """The picture with a light bar across its middle, as a watermark."""
    out = picture.copy()
    width, height = out.size
    ImageDraw.Draw(out, "RGBA").rectangle(
        (0.2 * width, 0.45 * height, 0.8 * width, 0.52 * height), fill=(255, 255, 255, 140)
    )
    return out


def elsewhere(picture: Image.Image) -> Image.Image:
    """The picture, each part moved by about 1 % of its size in its own direction."""
    rng = np.random.default_rng(7)
    pixels = np.asarray(picture, np.float32)
    height, width = pixels.shape[:2]
    side = min(height, width)
    fields = [ndimage.gaussian_filter(rng.normal(size=(height, width)), 0.15 * side) for _ in range(2)]
    y, x = np.mgrid[0:height, 0:width]
    moved = [axis + 0.01 * side * field / field.std() for axis, field in zip((y, x), fields, strict=True)]
    planes = [ndimage.map_coordinates(pixels[..., c], moved, order=1, mode="reflect") for c in range(3)]
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8))


EDITS: dict[str, Edit] = {
    "JPEG quality 5": lambda p: Image.open(io.BytesIO(saved(p, 5))),
    "a sixth of the size": lambda p: p.resize((p.width // 6, p.height // 6)),
    "blur of 3 px": lambda p: p.filter(ImageFilter.GaussianBlur(3)),
    "contrast doubled": lambda p: ImageEnhance.Contrast(p).enhance(2),
    "darkened": lambda p: p.point([int(255 * (v / 255) ** 2) for v in range(256)] * 3),
    "cropped by 3 %": lambda p: cropped(p, 0.03),
    "letterboxed": framed,
    "watermark": marked,
    "turned by 1 degree": lambda p: cropped(p.rotate(1, Image.Resampling.BICUBIC), 0.03),
    "elsewhere": elsewhere,
}


def main() -> None:
    """Print, for each edit, the share proposed and the share held to be the same; then the speed."""
    settings = DedupeSettings()
    files = sorted(real_data("oasis", "images").iterdir())
    photos = [Image.open(path).convert("RGB") for path in files[:: len(files) // PHOTOS]]
    prints, looks = [fingerprints(p) for p in photos], [Look.of(saved(p)) for p in photos]
    spent, pairs = 0.0, 0
    print(f"{'edit':22s} within 7  within {settings.radius}  same  least measure  least agreeing")
    for name, edit in EDITS.items():
        copies = [edit(photo).convert("RGB") for photo in photos]
        apart = np.array([nearest(a, fingerprints(c), ())[0] for a, c in zip(prints, copies, strict=True)])
        theirs = [Look.of(saved(copy)) for copy in copies]
        start = time.process_time()
        seen = [compare(a, b) for a, b in zip(looks, theirs, strict=True)]
        spent, pairs = spent + time.process_time() - start, pairs + len(seen)
        measure, agreeing = (np.array([getattr(s, key) for s in seen]) for key in ("measure", "agreeing"))
        same = (measure >= settings.least_measure) & (agreeing >= settings.least_agreeing)
        near = [f"{np.mean(apart <= radius):8.0%}" for radius in (7, settings.radius)]
        print(f"{name:22s} {near[0]} {near[1]} {same.mean():7.0%} {measure.min():12.2f} {agreeing.min():15.2f}")
    print(f"second look: {pairs / spent:.0f} pairs a second of processor time, aligned where that is needed")


if __name__ == "__main__":
    main()

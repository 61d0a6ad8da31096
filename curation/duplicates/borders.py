"""Plain borders around a picture: letterboxes, pillarboxes, frames and passe-partouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

TOLERANCE = 12.0
"""Gray levels within which a line is plain, and belongs to the border: what JPEG leaves of a plain area."""
LEAST_SHARE = 0.3
"""Least share of width and height that must remain; else there is no picture in the frame, or no frame."""
PARTS = 65535


@dataclass(frozen=True)
class Box:
    """What remains of a picture, in pixels: left and top are inside, right and bottom outside."""

    left: int
    top: int
    right: int
    bottom: int

    def pack(self, width: int, height: int) -> bytes:
        """The box as four big-endian uint16, in 1/65535 of the picture's sides."""
        sides = (self.left / width, self.top / height, self.right / width, self.bottom / height)
        return b"".join(round(side * PARTS).to_bytes(2, "big") for side in sides)


def packed_share(packed: bytes) -> float:
    """The share of the picture's area that a packed box holds."""
    left, top, right, bottom = (int.from_bytes(packed[i : i + 2], "big") / PARTS for i in range(0, 8, 2))
    return (right - left) * (bottom - top)


def find_box(gray: npt.NDArray[np.float32]) -> Box:
    """The part of a picture inside its plain borders; the whole picture where there are none.

    Parameters
    ----------
    gray : (height, width) float32
        Gray levels, 0 to 255.

    Notes
    -----
    A border is a run of lines from an edge, each of them plain (98 of 100 pixels within 12 gray levels) and of
    the same level as the outermost line. A plain sky is no border: it must leave a picture with edges of its
    own, so the line just inside must differ from the border along most of its length.
    """
    height, width = gray.shape
    top, bottom = _border(gray), _border(gray[::-1])
    left, right = _border(gray.T), _border(gray.T[::-1])
    box = Box(left, top, width - right, height - bottom)
    if box.right - box.left < LEAST_SHARE * width or box.bottom - box.top < LEAST_SHARE * height:
        return Box(0, 0, width, height)
    return box


def _border(lines: npt.NDArray[np.float32]) -> int:
    """Number of border lines, counted from the first line on."""
    low, middle, high = np.percentile(lines, (1, 50, 99), axis=1)
    plain = (high - low <= TOLERANCE) & (np.abs(middle - middle[0]) <= TOLERANCE / 2)
    if plain.all():
        return 0
    return int(np.argmin(plain))


def trim(picture: Image.Image) -> tuple[Image.Image, Box]:
    """A picture without its plain borders, and where it lay; one line more goes where a border's edge is soft."""
    box = find_box(np.asarray(picture.convert("L"), np.float32))
    width, height = picture.size
    if box == Box(0, 0, width, height):
        return picture, box
    inner = (
        box.left + (box.left > 0),
        box.top + (box.top > 0),
        box.right - (box.right < width),
        box.bottom - (box.bottom < height),
    )
    return picture.crop(inner), box

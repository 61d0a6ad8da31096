"""Plain borders around a picture: letterboxes, pillarboxes, frames and passe-partouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.compiled import compiled

TOLERANCE = 12
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

    def without_soft_edges(self, width: int, height: int) -> Box:
        """The box inside a picture of that size, a line smaller at each side where there is a border."""
        return Box(
            self.left + (self.left > 0),
            self.top + (self.top > 0),
            self.right - (self.right < width),
            self.bottom - (self.bottom < height),
        )


def packed_share(packed: bytes) -> float:
    """The share of the picture's area that a packed box holds."""
    left, top, right, bottom = (int.from_bytes(packed[i : i + 2], "big") / PARTS for i in range(0, 8, 2))
    return (right - left) * (bottom - top)


def find_box(gray: npt.NDArray[np.uint8]) -> Box:
    """The part of a picture inside its plain borders; the whole picture where there are none.

    Parameters
    ----------
    gray : (height, width) uint8
        Gray levels.

    Notes
    -----
    A border is a run of lines from an edge, each of them plain (98 of 100 pixels within 12 gray levels) and of
    the same level as the outermost line. Borders that leave less than 30 % of a side are none: that is a plain
    picture, such as a sky or a black frame.
    """
    height, width = gray.shape
    box = Box(_border(gray.T), _border(gray), width - _border(gray.T[::-1]), height - _border(gray[::-1]))
    if box.right - box.left < LEAST_SHARE * width or box.bottom - box.top < LEAST_SHARE * height:
        return Box(0, 0, width, height)
    return box


@compiled
def _border(lines: npt.NDArray[np.uint8]) -> int:
    """Number of border lines, counted from the first line on; most pictures are told by their first line."""
    height, size = lines.shape
    level = -1
    counts = np.empty(256, np.int64)
    for number in range(height):
        counts[:] = 0
        for x in range(size):
            counts[lines[number, x]] += 1
        low = _value_at(counts, size // 100)
        middle = _value_at(counts, size // 2)
        high = _value_at(counts, size - 1 - size // 100)
        level = middle if level < 0 else level
        if high - low > TOLERANCE or abs(middle - level) > TOLERANCE / 2:
            return number
    return 0


@compiled
def _value_at(counts: npt.NDArray[np.int64], place: int) -> int:
    """The value at a place among the values in their order (uint8, given by their counts)."""
    passed = 0
    for value in range(256):
        passed += counts[value]
        if passed > place:
            return value
    return 255


def trim(picture: Image.Image) -> tuple[Image.Image, Box]:
    """A picture without its plain borders, and where it lay; one line more goes where a border's edge is soft."""
    box = find_box(np.asarray(picture if picture.mode == "L" else picture.convert("L")))
    inner = box.without_soft_edges(*picture.size)
    if inner == Box(0, 0, *picture.size):
        return picture, box
    return picture.crop((inner.left, inner.top, inner.right, inner.bottom)), box

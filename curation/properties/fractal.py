"""Fractal dimension by box counting: of the dark parts' outline, and of brightness as a landscape.

References
----------
B. Spehar, C. W. G. Clifford, B. R. Newell and R. P. Taylor, Universal aesthetic of fractals, 2003 (of a binary
picture). G. Mather, Visual image statistics in the history of Western art, 2018 (differential box counting).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.compiled import compiled

Gray = npt.NDArray[np.uint8]


def fractal_dimension_2d(gray: Image.Image) -> float:
    """Slope of the outline's boxes over their number per side, both as powers of two; about 0.5 to 2.

    The picture (mode L) is squeezed to a square of its short side and split at its mean.
    """
    side = min(gray.size)
    square = gray if gray.size == (side, side) else gray.resize((side, side))  # bicubic, as the reference has it
    values = np.asarray(square)
    boxes = values < values.mean()
    sides, counts = [], []
    while boxes.shape[0] > 6:
        sides.append(boxes.shape[0])
        counts.append(int(boxes.sum()))
        half = boxes.shape[0] // 2
        filled = boxes[: 2 * half, : 2 * half].reshape(half, 2, half, 2).sum(axis=(1, 3))
        boxes = (filled > 0) & (filled < 4)
    used = [(a, b) for a, b in zip(sides[1:], counts[1:], strict=True) if b > 0]
    return _slope(np.log2([a for a, _ in used]), np.log2([b for _, b in used])) if len(used) > 1 else 0.0


def fractal_dimension_3d(gray: Gray) -> float:
    """Slope of the number of boxes that brightness passes through over their inverse size; about 2 to 3.

    Of the largest centred square whose side is a power of two.
    """
    height, width = gray.shape
    side = 2 ** int(np.floor(np.log2(min(height, width))))
    # Python's rounding of halves to even moves some crops by a pixel: as the reference does.
    top, left = round((height - side) / 2), round((width - side) / 2)
    square = np.ascontiguousarray(gray[top : top + side, left : left + side])
    smallest = 2 ** int(np.ceil(np.log2(side ** (1 / 3))))
    largest = smallest
    while np.ceil(side / largest + 1) <= np.ceil(side / (largest - 1)):
        largest += 1
    boxes = np.arange(smallest, largest + 1, 2)
    counts = [_boxes(square, int(box), side / box) for box in boxes]
    return _slope(np.log(1.0 / boxes), np.log(counts)) if len(boxes) > 1 else 0.0


@compiled
def _boxes(square: Gray, box: int, steps: float) -> float:
    """Boxes needed to cover the values' range in each tile; tiles overlap by a column."""
    side = square.shape[0]
    total = 0.0
    for y in range(1, side - box, box):
        for x in range(1, side - box + 1, box - 1):
            low, high = 255, 0
            for v in range(y - 1, y + box - 1):
                for u in range(x - 1, x + box - 1):
                    value = square[v, u]
                    low = min(low, value)
                    high = max(high, value)
            total += np.ceil((high - low) * steps) if high > low else 1.0
    return total


def _slope(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    return float(np.polyfit(np.asarray(x), np.asarray(y), 1)[0])

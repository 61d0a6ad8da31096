"""Faces on a picture, for privacy: OpenCV's cascades, which come with the library and need no download.

They find most faces that look at the camera and are not small; they miss many others. A photo without a
finding is not a photo without people.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from schemas.errors import BadInput

CASCADES = ("haarcascade_frontalface_alt2.xml", "haarcascade_profileface.xml")
SHORT_SIDE = 256
"""Pictures are looked at with this short side: the work grows with the pixels."""
LEAST = 24
"""Smallest face looked for, pixels at that size: a tenth of the short side."""
STEP = 1.15
"""Sizes looked at grow by this factor."""
NEIGHBOURS = 4
"""Detections that must agree: fewer find more faces, and more that are none."""
SAME = 0.3
"""Intersection over union from which two findings are one face."""

Box = tuple[int, int, int, int]


class FaceFinder:
    """Cascades, loaded once; one finder per thread."""

    def __init__(self) -> None:
        import cv2

        self._cv2: Any = cv2
        folder = Path(str(cv2.__file__)).parent / "data"
        self._cascades = [self._cv2.CascadeClassifier(str(folder / name)) for name in CASCADES]

    def count(self, picture: bytes) -> int:
        """Faces on an upright picture (a JPEG file): frontal, and both profiles; raises BadInput."""
        try:
            with Image.open(io.BytesIO(picture)) as image:
                image.draft("L", (SHORT_SIDE, SHORT_SIDE))
                scale = SHORT_SIDE / min(image.size)
                size = (round(image.width * scale), round(image.height * scale))
                grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR))
        except (OSError, ValueError, SyntaxError) as error:
            raise BadInput("the picture cannot be decoded", got=str(error)) from error
        grey = self._cv2.equalizeHist(grey)
        frontal, profile = self._cascades
        width = grey.shape[1]
        boxes = self._found(frontal, grey) + self._found(profile, grey)
        mirrored = self._found(profile, np.ascontiguousarray(grey[:, ::-1]))
        boxes += [(width - x - w, y, w, h) for x, y, w, h in mirrored]
        return len(distinct(boxes))

    def _found(self, cascade: Any, grey: Any) -> list[Box]:
        boxes = cascade.detectMultiScale(grey, scaleFactor=STEP, minNeighbors=NEIGHBOURS, minSize=(LEAST, LEAST))
        return [(int(x), int(y), int(w), int(h)) for x, y, w, h in boxes]


def distinct(boxes: list[Box]) -> list[Box]:
    """Boxes of which no two are the same face; larger ones stay."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda b: (-b[2] * b[3], b)):
        if all(overlap(box, other) < SAME for other in kept):
            kept.append(box)
    return kept


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x, y, width, height), 0 to 1."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)

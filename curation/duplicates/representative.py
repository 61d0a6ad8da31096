"""Which member stands for a group: a total order by content, and the reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

FORMATS = ("raw", "dng", "tiff", "png", "bmp", "heif", "heic", "avif", "jpeg", "webp", "gif")
"""Formats from most to least likely to be the original; others come last."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
BITS_STEP = 0.01
"""Bits per pixel are told apart to a hundredth."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What the choice of a representative depends on.

    Parameters
    ----------
    pixels : int
        Width times height, without plain borders.
    bits_per_pixel : float
        Size of the file for each pixel: the less compressed, the more.
    metadata : int
        How many of the capture facts (time, camera, lens, aperture, exposure, sensitivity) the file holds.
    """

    photo_id: str
    width: int
    height: int
    pixels: int
    bits_per_pixel: float
    format: str
    metadata: int
    captured_at: datetime | None

    @property
    def order(self) -> tuple[int, int, int, int, datetime, str]:
        """Sorts the best first; no two photos are equal."""
        kind = FORMATS.index(self.format) if self.format in FORMATS else len(FORMATS)
        return (
            -self.pixels,
            -round(self.bits_per_pixel / BITS_STEP),
            kind,
            -self.metadata,
            self.captured_at or NEVER,
            self.photo_id,
        )


def why(better: Candidate, other: Candidate) -> str:
    """Why the one comes before the other, as the first step of the order that tells them apart."""
    step = next(i for i, (x, y) in enumerate(zip(better.order, other.order, strict=True)) if x != y)
    return (
        f"larger: {_size(better)} against {_size(other)}",
        f"less compressed: {better.bits_per_pixel:.2f} against {other.bits_per_pixel:.2f} bits per pixel",
        f"format closer to an original: {better.format} against {other.format}",
        f"more capture metadata: {better.metadata} against {other.metadata} facts",
        f"captured earlier: {_time(better)} against {_time(other)}",
        "equal in all that is looked at; the smaller photo_id",
    )[step]


def _size(photo: Candidate) -> str:
    bare = photo.pixels < photo.width * photo.height
    return f"{photo.width}×{photo.height} px" + (f" ({photo.pixels:,} without borders)" if bare else "")


def _time(photo: Candidate) -> str:
    return "no time" if photo.captured_at is None else f"{photo.captured_at:%Y-%m-%d %H:%M:%S}"

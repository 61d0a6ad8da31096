"""Perceptual hashes of an upright picture, and of its eight mirrored and turned forms, from one small picture.

`phash64@1` is Zauner's pHash as the `imagehash` package computes it: gray (ITU-R 601-2 luma), reduced to 32 by
32 with a Lanczos window, two-dimensional DCT-II, the 8 by 8 lowest frequencies, one bit each: above their
median or not, row by row, the first bit the most significant. `phash256@1` is the same with 16 by 16
frequencies of a 64 by 64 picture, which is made in two steps (box, then Lanczos) to save time.

A mirrored picture has the same DCT but for the signs of odd columns, and a transposed one has the transposed
DCT: the hashes of all eight forms cost one transform.

References
----------
C. Zauner, Implementation and benchmarking of perceptual image hash functions, 2010.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.duplicates.borders import Box, find_box
from curation.resampling import lanczos, luma

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

MARGIN = 0.04
"""Share of its width and height that the inner picture lacks at each side."""


class FingerprintMethod(StrEnum):
    """Values of ``fingerprints.method``; the version changes when a value would."""

    PHASH64 = "phash64@1"
    """8 bytes: equal in meaning to ``imagehash.phash``."""
    PHASH256 = "phash256@1"
    """32 bytes: as ``imagehash.phash(hash_size=16)``, within a few bits."""
    PHASH64_FORMS = "phash64_forms@1"
    """64 bytes: `PHASH64` of the picture in each `Form`, in their order; the first 8 bytes are `PHASH64`."""
    PIXELS = "pixels@1"
    """32 bytes: SHA-256 over the picture's full size and its upright sRGB pixels at canonical scale."""
    INNER64 = "inner64@1"
    """8 bytes: `PHASH64` of what lies inside plain borders, less 4 % at each side: near that of a cropped copy."""
    TRIMMED64 = "trimmed64@1"
    """16 bytes: `PHASH64` without plain borders (letterboxes, frames), then the picture's box inside them: left,
    top, right, bottom as uint16, in 1/65535 of the sides."""


class Form(StrEnum):
    """The eight symmetries of a rectangle, in the order of `FingerprintMethod.PHASH64_FORMS`."""

    UPRIGHT = "upright"
    MIRRORED = "mirrored"
    """Left and right exchanged."""
    FLIPPED = "flipped"
    """Top and bottom exchanged."""
    HALF_TURN = "half_turn"
    TRANSPOSED = "transposed"
    """Rows become columns."""
    TURNED_LEFT = "turned_left"
    """A quarter turn against the clock."""
    TURNED_RIGHT = "turned_right"
    """A quarter turn with the clock."""
    TRANSVERSED = "transversed"
    """Mirrored along the other diagonal."""


@dataclass(frozen=True)
class Fingerprints:
    """All fingerprints of one picture, as the table holds them (big-endian bytes)."""

    phash64: bytes
    phash256: bytes
    phash64_forms: bytes
    pixels: bytes
    trimmed64: bytes
    inner64: bytes

    @property
    def upright(self) -> frozenset[bytes]:
        """The 64-bit words of the picture as it stands: whole, without borders, and its inner part."""
        return frozenset((self.phash64, self.trimmed64[:8], self.inner64))

    def in_form(self, form: Form) -> bytes:
        """`phash64` of the picture in one of its forms."""
        place = 8 * tuple(Form).index(form)
        return self.phash64_forms[place : place + 8]

    def by_method(self) -> dict[FingerprintMethod, bytes]:
        """The table's rows: bits by method."""
        return {
            FingerprintMethod.PHASH64: self.phash64,
            FingerprintMethod.PHASH256: self.phash256,
            FingerprintMethod.PHASH64_FORMS: self.phash64_forms,
            FingerprintMethod.PIXELS: self.pixels,
            FingerprintMethod.TRIMMED64: self.trimmed64,
            FingerprintMethod.INNER64: self.inner64,
        }


def fingerprints(picture: Image.Image, full_size: tuple[int, int] | None = None) -> Fingerprints:
    """Fingerprints of an upright sRGB picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        Mode RGB, at any scale of 64 pixels or more.
    full_size : (int, int), optional
        Width and height of the original, which `pixels` tells apart; the picture's own by default.
    """
    pixels = np.asarray(picture.convert("RGB"))
    return fingerprints_of(pixels, luma(pixels), full_size or picture.size)


def fingerprints_of(pixels: Pixels, gray: Pixels, full_size: tuple[int, int]) -> Fingerprints:
    """Fingerprints where pixels (uint8, height by width by 3) and their luma (height by width) are at hand."""
    forms = _bits(_forms(frequencies(gray, 8)))
    box = find_box(gray)
    return Fingerprints(
        phash64=forms[0],
        phash256=_bits(frequencies(gray, 16, gap=2.0)[None])[0],
        phash64_forms=b"".join(forms),
        pixels=pixel_hash(pixels, full_size),
        trimmed64=_trimmed(gray, box, forms[0]),
        inner64=_inner(gray, box),
    )


def _trimmed(gray: Pixels, box: Box, plain: bytes) -> bytes:
    """`plain` and the whole picture's box, unless there are borders."""
    height, width = gray.shape
    inner = box.without_soft_edges(width, height)
    if inner != Box(0, 0, width, height):
        plain = _bits(frequencies(gray[inner.top : inner.bottom, inner.left : inner.right], 8)[None])[0]
    return plain + box.pack(width, height)


def _inner(gray: Pixels, box: Box) -> bytes:
    """The hash of the box, less a margin at each side."""
    across, down = round(MARGIN * (box.right - box.left)), round(MARGIN * (box.bottom - box.top))
    inner = gray[box.top + down : box.bottom - down, box.left + across : box.right - across]
    return _bits(frequencies(inner, 8, gap=2.0)[None])[0]


def frequencies(gray: Pixels, side: int, gap: float | None = None) -> Floats:
    """The side by side lowest frequencies (float64, rows are vertical frequencies) of a gray picture's DCT-II.

    With a `gap` the picture is first averaged in boxes down to at least that many times the wanted size.
    """
    small = lanczos(gray, 4 * side, 4 * side, gap).astype(np.float64)
    basis = _dct_basis(side)
    return np.asarray(basis @ small @ basis.T)


@cache
def _dct_basis(side: int) -> Floats:
    """The lowest `side` rows of the unnormalised DCT-II over 4 * side samples (float64, side by 4 * side)."""
    samples = np.arange(4 * side)
    return np.asarray(2 * np.cos(np.pi * np.arange(side)[:, None] * (2 * samples + 1) / (8 * side)))


def _bits(low: Floats) -> list[bytes]:
    """One bit per frequency, above the median or not, of each of several pictures (float64, n by side by side)."""
    flat = low.reshape(len(low), -1)
    half = flat.shape[1] // 2
    middle = np.partition(flat, (half - 1, half), axis=1)[:, half - 1 : half + 1].mean(axis=1)
    return [row.tobytes() for row in np.packbits(flat > middle[:, None], axis=1)]


def _forms(low: Floats) -> Floats:
    """The frequencies of the picture in each `Form`, in their order."""
    signs = np.where(np.arange(len(low)) % 2, -1.0, 1.0)
    across, down, turned = signs[None, :], signs[:, None], low.T
    return np.stack(
        [
            low,
            low * across,
            low * down,
            low * across * down,
            turned,
            turned * down,
            turned * across,
            turned * across * down,
        ]
    )


def pixel_hash(pixels: Pixels, full_size: tuple[int, int]) -> bytes:
    """SHA-256 over full size, own size and pixels: equal for equal pixels in different bytes."""
    height, width = pixels.shape[:2]
    total = hashlib.sha256(f"RGB {full_size[0]}x{full_size[1]} {width}x{height}\n".encode())
    total.update(np.ascontiguousarray(pixels).data)
    return total.digest()

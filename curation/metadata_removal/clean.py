"""One entry for the three formats whose metadata can be removed without decoding."""

from __future__ import annotations

from dataclasses import dataclass

from curation.metadata_removal.jpeg import clean_jpeg
from curation.metadata_removal.orientation import orientation_of
from curation.metadata_removal.png import SIGNATURE, clean_png
from curation.metadata_removal.webp import clean_webp
from schemas.errors import BadInput

CLEANERS = {"jpeg": clean_jpeg, "png": clean_png, "webp": clean_webp}
LOSSLESS = frozenset(CLEANERS)
"""Formats whose metadata can be removed without touching a pixel."""


@dataclass(frozen=True)
class Cleaned:
    """A file without metadata.

    Parameters
    ----------
    data : bytes
        The file.
    format : str
        jpeg, png or webp: what the bytes are, whatever their name says.
    orientation : int
        EXIF orientation, 1 to 8, that the file still carries.
    removed : tuple of str
        What went, in the order of the file.
    """

    data: bytes
    format: str
    orientation: int
    removed: tuple[str, ...]


def lossless_format(data: bytes) -> str | None:
    """jpeg, png or webp by the first bytes; None for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(SIGNATURE):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return None


def cleaned(data: bytes, orientation: int | None = None) -> Cleaned:
    """A JPEG, PNG or WebP file without metadata; its decoded pixels are the same.

    Parameters
    ----------
    data : bytes
        The whole file.
    orientation : int, optional
        EXIF orientation, 1 to 8, where it is known already; else it is read from the file.

    Raises
    ------
    BadInput
        Another format, or a file that is cut.
    """
    kind = lossless_format(data)
    if kind is None:
        raise BadInput("metadata cannot be removed losslessly", expected="JPEG, PNG or WebP", got=data[:12].hex())
    if orientation is None:
        orientation = orientation_of(data)
    clean, removed = CLEANERS[kind](data, orientation)
    return Cleaned(data=clean, format=kind, orientation=orientation, removed=removed)

"""The one piece of metadata that has to stay: which way is up."""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image

ORIENTATION_TAG = 0x0112
UPRIGHT = 1
SHORT = 3

UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error)
"""What Pillow raises over broken metadata; a picture with broken metadata counts as upright."""


def orientation_of(data: bytes) -> int:
    """EXIF orientation, 1 to 8, as a reader of the file sees it (EXIF first, then XMP); 1 where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broken EXIF warns, and is thrown away here
        try:
            with Image.open(io.BytesIO(data)) as image:
                found = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
        except UNREADABLE:
            return UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT


def orientation_block(orientation: int) -> bytes:
    """A TIFF block (the payload of EXIF) whose only tag is the orientation: 26 bytes, little-endian."""
    header = struct.pack("<2sHI", b"II", 42, 8)
    entry = struct.pack("<HHIHH", ORIENTATION_TAG, SHORT, 1, orientation, 0)
    return header + struct.pack("<H", 1) + entry + struct.pack("<I", 0)

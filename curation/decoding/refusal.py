"""What ends the decoding of one file: a code for tables, and a sentence for people."""

from __future__ import annotations

import struct
import zlib
from enum import StrEnum

from PIL import Image, UnidentifiedImageError

from schemas.codes import QuarantineReason
from schemas.errors import PermanentFault


class NotAPhoto(PermanentFault):
    """A file that cannot be taken as a photo; the reason stands in the quarantine."""

    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")

    def __reduce__(self) -> tuple[type[NotAPhoto], tuple[QuarantineReason, str]]:
        # Exceptions are pickled by their `args`, which hold the joined sentence; workers send them home.
        return (NotAPhoto, (self.reason, self.detail))


class FileWarning(StrEnum):
    """What was odd about a file that is a photo all the same; stands in ``photos.warnings``."""

    UNREADABLE_METADATA = "unreadable_metadata"
    """EXIF, XMP or IPTC is there and cannot be read, in whole or in part."""
    WRONG_ENDING = "wrong_ending"
    """The file name's ending names another format than its content."""
    BAD_PROFILE = "bad_profile"
    """The embedded colour profile cannot be used; the pixels were taken for sRGB."""
    MULTI_PICTURE = "multi_picture"
    """The file holds further pictures (stereo, pages, previews); the first one was taken."""
    ALPHA = "alpha"
    """Transparent pixels were laid over white."""
    HIGH_DEPTH = "high_depth"
    """More than 8 bits per channel were reduced to 8."""
    EMBEDDED_PREVIEW = "embedded_preview"
    """Camera RAW: measured on the preview that the camera embedded."""
    TRAILING_DATA = "trailing_data"
    """Bytes follow the end of the picture."""


# What Pillow and its codecs raise on hostile bytes, as its own tests of broken files show.
DECODER_FAULTS: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    KeyError,
    IndexError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    ZeroDivisionError,
    AssertionError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
    MemoryError,
    Image.DecompressionBombError,
)

_TRUNCATION_WORDS = ("truncated", "premature", "unexpected end", "broken png", "cannot load this image", "incomplete")


def refusal_of(error: Exception) -> NotAPhoto:
    """The refusal that an exception of a decoder amounts to."""
    text = f"{type(error).__name__}: {str(error).strip() or 'no message'}"[:300]
    words = text.lower()
    if isinstance(error, NotAPhoto):
        return error
    if isinstance(error, Image.DecompressionBombError | MemoryError) or "decompressed data too large" in words:
        return NotAPhoto(QuarantineReason.BOMB, f"it would unfold to more than is allowed ({text})")
    if isinstance(error, UnidentifiedImageError):  # the first bytes name a format that Salon takes, what follows not
        return NotAPhoto(QuarantineReason.CORRUPT, "its beginning is that of a picture, but its header cannot be read")
    if isinstance(error, EOFError) or any(word in words for word in _TRUNCATION_WORDS):
        return NotAPhoto(QuarantineReason.TRUNCATED, f"the picture data end too early ({text})")
    return NotAPhoto(QuarantineReason.CORRUPT, f"the picture data cannot be decoded ({text})")

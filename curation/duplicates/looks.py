"""What the second look sees of a picture: its trimmed, reduced form."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.duplicates.borders import trim
from curation.fingerprints import Form

SIDE = 128
CHROMA_SIDE = 16

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """A picture for comparing: without plain borders, stretched to a square.

    Parameters
    ----------
    gray : (128, 128) uint8
        Luma.
    chroma : (16, 16, 2) uint8
        Cb and Cr; 128 is no colour.
    """

    gray: Bytes
    chroma: Bytes

    @classmethod
    def of(cls, jpeg: bytes) -> Look:
        """The look of a canonical picture."""
        with Image.open(io.BytesIO(jpeg)) as opened:
            picture, _ = trim(opened.convert("RGB"))
        colours = picture.convert("YCbCr").resize((CHROMA_SIDE, CHROMA_SIDE), Image.Resampling.BOX)
        window = Image.Resampling.BOX if min(picture.size) >= SIDE else Image.Resampling.BICUBIC
        gray = picture.convert("L").resize((SIDE, SIDE), window)
        return cls(np.asarray(gray, np.uint8), np.asarray(colours, np.uint8)[..., 1:].copy())


def in_form(look: Look, form: Form) -> Look:
    """The look of the picture in another of its eight forms."""
    return Look(_turned(look.gray, form), _turned(look.chroma, form))


def _turned(picture: Bytes, form: Form) -> Bytes:
    match form:
        case Form.UPRIGHT:
            return picture
        case Form.MIRRORED:
            return picture[:, ::-1]
        case Form.FLIPPED:
            return picture[::-1]
        case Form.HALF_TURN:
            return picture[::-1, ::-1]
        case Form.TRANSPOSED:
            return picture.swapaxes(0, 1)
        case Form.TURNED_LEFT:
            return np.rot90(picture, 1)
        case Form.TURNED_RIGHT:
            return np.rot90(picture, -1)
        case Form.TRANSVERSED:
            return picture.swapaxes(0, 1)[::-1, ::-1]

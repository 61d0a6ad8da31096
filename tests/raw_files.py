"""A small camera RAW file (DNG), written byte by byte: a Bayer mosaic of a picture, with or without a JPEG preview."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

BYTE, ASCII, SHORT, LONG, RATIONAL, SRATIONAL = 1, 2, 3, 4, 5, 10
PACKING = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", RATIONAL: "I", SRATIONAL: "i"}

SRGB_OF_XYZ = (32404542, -15371385, -4985314, -9692660, 18760108, 415560, 556434, -2040259, 10572252)
"""XYZ to linear sRGB in ten-millionths: the made-up camera sees the colours of the picture."""


@dataclass
class Directory:
    """One TIFF directory: tags with their type and values."""

    tags: dict[int, tuple[int, list[int]]] = field(default_factory=dict)

    def put(self, tag: int, kind: int, *values: int) -> None:
        """Set a tag; rationals are given as numerator and denominator."""
        self.tags[tag] = (kind, list(values))

    def text(self, tag: int, words: str) -> None:
        """Set a text."""
        self.tags[tag] = (ASCII, [*words.encode(), 0])

    def size(self) -> int:
        """Bytes of the directory with its values."""
        return len(self.pack(0))

    def pack(self, at: int) -> bytes:
        """The directory's bytes where it begins at a place in the file."""
        head, rest = struct.pack("<H", len(self.tags)), b""
        behind = at + 2 + 12 * len(self.tags) + 4
        for tag, (kind, values) in sorted(self.tags.items()):
            data = struct.pack(f"<{len(values)}{PACKING[kind]}", *values)
            count = len(values) // 2 if kind in (RATIONAL, SRATIONAL) else len(values)
            place = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", behind + len(rest))
            if len(data) > 4:
                rest += data + b"\0" * (len(data) % 2)
            head += struct.pack("<HHI", tag, kind, count) + place
        return head + b"\0\0\0\0" + rest


def dng(picture: Image.Image, preview: bool = True, orientation: int = 1, model: str = "Model R") -> bytes:
    """A DNG file of an RGB picture of even size.

    Parameters
    ----------
    picture : PIL.Image.Image
        As the sensor saw it, before it is turned upright.
    preview : bool
        With a JPEG preview at full size.
    orientation : int
        EXIF orientation.
    model : str
        Model of the camera.
    """
    pixels = np.asarray(picture.convert("RGB"))
    mosaic = _mosaic(pixels).tobytes()
    height, width = pixels.shape[:2]
    jpeg = io.BytesIO()
    picture.convert("RGB").save(jpeg, "JPEG", quality=95)
    main, raw, photo = Directory(), Directory(), Directory()
    photo.put(33434, RATIONAL, 1, 250)
    photo.put(33437, RATIONAL, 28, 10)
    photo.put(34855, SHORT, 400)
    photo.text(36867, "2024:05:17 12:34:56")
    photo.text(36881, "+02:00")
    photo.put(37386, RATIONAL, 50, 1)
    photo.text(42036, "50mm F1.8")
    raw.put(254, LONG, 0)
    _strip(raw, width, height, (16,), 1, 32803, len(mosaic))
    raw.put(33421, SHORT, 2, 2)
    raw.put(33422, BYTE, 0, 1, 1, 2)
    raw.put(50714, LONG, 0)
    raw.put(50717, LONG, 65535)
    main.text(271, "Maker")
    main.text(272, model)
    main.put(274, SHORT, orientation)
    main.text(315, "Ada")
    main.put(50706, BYTE, 1, 4, 0, 0)
    main.text(50708, f"Maker {model}")
    main.put(50721, SRATIONAL, *(part for value in SRGB_OF_XYZ for part in (value, 10_000_000)))
    main.put(50728, RATIONAL, 1, 1, 1, 1, 1, 1)
    main.put(50778, SHORT, 21)
    main.put(330, LONG, 0)
    main.put(34665, LONG, 0)
    if preview:
        main.put(254, LONG, 1)
        _strip(main, width, height, (8, 8, 8), 7, 6, len(jpeg.getvalue()))
    places = [8]
    for directory in (main, raw, photo):
        places.append(places[-1] + directory.size())
    main.tags[330][1][0], main.tags[34665][1][0] = places[1], places[2]
    raw.tags[273][1][0] = places[3]
    if preview:
        main.tags[273][1][0] = places[3] + len(mosaic)
    directories = b"".join(d.pack(at) for d, at in zip((main, raw, photo), places, strict=False))
    return b"II*\0" + struct.pack("<I", 8) + directories + mosaic + (jpeg.getvalue() if preview else b"")


def _strip(
    directory: Directory, width: int, height: int, bits: tuple[int, ...], compression: int, kind: int, size: int
) -> None:
    directory.put(256, LONG, width)
    directory.put(257, LONG, height)
    directory.put(258, SHORT, *bits)
    directory.put(259, SHORT, compression)
    directory.put(262, SHORT, kind)
    directory.put(273, LONG, 0)
    directory.put(277, SHORT, len(bits))
    directory.put(278, LONG, height)
    directory.put(279, LONG, size)


def _mosaic(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Linear light of a Bayer pattern (red, green over green, blue)."""
    value = pixels / 255.0
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    result = linear[..., 1].copy()
    result[::2, ::2] = linear[::2, ::2, 0]
    result[1::2, 1::2] = linear[1::2, 1::2, 2]
    return np.asarray(np.round(result * 65535), dtype="<u2")

"""The true format of a file, by its first bytes; names and endings are never believed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath


class Format(StrEnum):
    """Picture formats that Salon takes; the value stands in ``photos.format``."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    HEIF = "heif"
    TIFF = "tiff"
    GIF = "gif"
    BMP = "bmp"
    JPEG2000 = "jpeg2000"
    RAW = "raw"


PILLOW_NAMES: dict[Format, tuple[str, ...]] = {
    Format.JPEG: ("JPEG", "MPO"),
    Format.PNG: ("PNG",),
    Format.WEBP: ("WEBP",),
    Format.AVIF: ("AVIF",),
    Format.TIFF: ("TIFF",),
    Format.GIF: ("GIF",),
    Format.BMP: ("BMP",),
    Format.JPEG2000: ("JPEG2000",),
}
"""Which of Pillow's decoders may touch a format: the others stay out of reach of hostile bytes."""

RAW_ENDINGS = (
    ".dng",
    ".cr2",
    ".cr3",
    ".crw",
    ".nef",
    ".nrw",
    ".arw",
    ".sr2",
    ".srf",
    ".orf",
    ".rw2",
    ".raf",
    ".pef",
    ".srw",
    ".3fr",
    ".fff",
    ".iiq",
    ".kdc",
    ".dcr",
    ".mrw",
    ".mef",
    ".mos",
    ".x3f",
    ".erf",
    ".rwl",
    ".raw",
)

ENDINGS: dict[str, Format] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), Format.JPEG),
    **dict.fromkeys((".png", ".apng"), Format.PNG),
    ".webp": Format.WEBP,
    **dict.fromkeys((".avif", ".avifs"), Format.AVIF),
    **dict.fromkeys((".heic", ".heif", ".hif"), Format.HEIF),
    **dict.fromkeys((".tif", ".tiff"), Format.TIFF),
    ".gif": Format.GIF,
    **dict.fromkeys((".bmp", ".dib"), Format.BMP),
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".j2c", ".jpf"), Format.JPEG2000),
    **dict.fromkeys(RAW_ENDINGS, Format.RAW),
}

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RAW_MARKS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")


def ending_of(name: str) -> str:
    """The ending of a file name in lower case, with its dot; empty where there is none."""
    return PurePosixPath(name).suffix.lower()


def sniff(data: bytes, name: str = "") -> Format | None:
    """The format of a file's content; None where it is none that Salon takes.

    The name only decides what content cannot: most camera RAW files are TIFF files inside.
    """
    if data[:3] == b"\xff\xd8\xff":
        return Format.JPEG
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return Format.PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return Format.GIF
    if data.startswith(_RAW_MARKS):
        return Format.RAW
    if data.startswith(_TIFF_MARKS):
        raw = data[8:10] == b"CR" or ENDINGS.get(ending_of(name)) is Format.RAW
        return Format.RAW if raw else Format.TIFF
    if data[:2] == b"BM":
        return Format.BMP
    if data[:4] == b"\xff\x4f\xff\x51" or data[4:12] == b"jP  \r\n\x87\n":
        return Format.JPEG2000
    return None


def _iso_media(data: bytes) -> Format | None:
    """Which of the ISO media formats, by the brands that the file claims."""
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, size, 4))}
    if data[8:12] == b"crx ":
        return Format.RAW
    if brands & _AVIF_BRANDS:
        return Format.AVIF
    return Format.HEIF if brands & _HEIF_BRANDS else None

"""Whatever mode and profile pixels are stored in: 8 bits, sRGB, no transparency."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from curation.decoding.refusal import FileWarning

WHITE = (255, 255, 255)


def to_eight_bits(image: Image.Image, odd: list[FileWarning]) -> Image.Image:
    """A picture in one of the modes L, LA, RGB, RGBA, CMYK, LAB.

    Sixteen-bit gray is scaled (a plain conversion would clip it to white); floating-point pixels are taken as
    0 to 1 where they fit in there, else as 0 to 255.
    """
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        odd.append(FileWarning.HIGH_DEPTH)
        values = np.asarray(image, dtype=np.float64)
        top = 255.0 if mode == "F" else 65535.0
        if mode == "F" and values.size and values.max() <= 1.0:
            top = 1.0
        scaled = np.clip(values * (255.0 / top), 0, 255)
        return Image.fromarray(np.round(np.nan_to_num(scaled)).astype(np.uint8))
    if mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if mode in ("PA", "La", "RGBa"):
        return image.convert("RGBA")
    if mode in ("1", "YCbCr", "HSV", "RGBX"):
        return image.convert("L" if mode == "1" else "RGB")
    if mode in ("L", "RGB") and "transparency" in image.info:
        return image.convert("RGBA")
    return image


def to_srgb(image: Image.Image, profile: bytes | None, odd: list[FileWarning]) -> Image.Image:
    """RGB or RGBA pixels in sRGB, by the embedded profile where there is one that can be used."""
    if image.mode == "LAB":
        return _through(image, None)
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    if profile and not is_srgb(profile):
        try:
            opaque = image.convert(image.mode[:-1]) if alpha else image
            converted = _through(opaque, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            odd.append(FileWarning.BAD_PROFILE)
            converted = image.convert("RGB")
    else:
        converted = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    if alpha is not None and converted.mode == "RGB":
        converted.putalpha(alpha)
    return converted


def _through(image: Image.Image, profile: bytes | None) -> Image.Image:
    converted = ImageCms.applyTransform(image, _transform(profile, image.mode))
    assert converted is not None  # only None when converting in place
    return converted


@lru_cache(maxsize=32)
def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform:
    """From a profile (None: CIELAB) to sRGB; making one costs more than using it, and cameras have few."""
    known = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
    return ImageCms.buildTransform(known, ImageCms.createProfile("sRGB"), mode, "RGB")


def is_srgb(profile: bytes) -> bool:
    """Whether a profile says that it is sRGB: then pixels stay as they are."""
    return b"sRGB" in profile[:1024] or b"s\0R\0G\0B" in profile[:1024]


def flatten(image: Image.Image, odd: list[FileWarning]) -> Image.Image:
    """RGB pixels; what is transparent is laid over white, as viewers and papers show it."""
    return flatten_alpha(image, odd).convert("RGB")


def flatten_alpha(image: Image.Image, odd: list[FileWarning]) -> Image.Image:
    """The picture without its alpha channel, laid over white; a picture without one as it is."""
    if image.mode not in ("RGBA", "LA"):
        return image
    if image.getchannel("A").getextrema()[0] == 255:
        return image.convert(image.mode[:-1])
    odd.append(FileWarning.ALPHA)
    under = Image.new("RGBA", image.size, (*WHITE, 255))
    under.alpha_composite(image.convert("RGBA"))
    return under.convert("RGB")

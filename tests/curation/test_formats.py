"""Each format that Salon takes comes upright, in sRGB, with its metadata, whatever it is packed in."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import IFD, Base

from curation.decoding.decode import DecodingLimits, decode
from curation.decoding.formats import Format
from curation.decoding.refusal import NotAPhoto
from curation.examination import Examined, Wanted, examine
from curation.metadata.reading import facts_of


def scene(width: int = 320, height: int = 240) -> Image.Image:
    """Smooth colours, darker to the right and redder to the bottom: no two corners are alike."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 60 + 150 * y / height, 200 - 150 * x / width
    return Image.fromarray(np.stack([red, green, 0 * x + 90.0], axis=-1).astype(np.uint8))


def difference(pixels: npt.NDArray[np.uint8], wanted: Image.Image) -> float:
    """Mean absolute difference in 8-bit steps."""
    return float(np.abs(pixels.astype(int) - np.asarray(wanted.convert("RGB"), dtype=int)).mean())


def saved(picture: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, name, **options)
    return stream.getvalue()


def heic(picture: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    pillow_heif.from_pillow(picture).save(stream, quality=95, **options)
    return stream.getvalue()


def sixteen_bits(picture: Image.Image) -> bytes:
    """A PNG of 16-bit gray."""
    gray = np.asarray(picture.convert("L"), dtype=np.uint16) * 257
    return saved(Image.fromarray(gray), "PNG")


ENCODERS: dict[str, tuple[Format, Callable[[Image.Image], bytes]]] = {
    "jpeg": (Format.JPEG, lambda picture: saved(picture, "JPEG", quality=95)),
    "progressive jpeg": (Format.JPEG, lambda picture: saved(picture, "JPEG", quality=95, progressive=True)),
    "png": (Format.PNG, lambda picture: saved(picture, "PNG")),
    "palette png": (Format.PNG, lambda picture: saved(picture.quantize(256), "PNG")),
    "rgba png": (Format.PNG, lambda picture: saved(picture.convert("RGBA"), "PNG")),
    "webp": (Format.WEBP, lambda picture: saved(picture, "WEBP", quality=95)),
    "lossless webp": (Format.WEBP, lambda picture: saved(picture, "WEBP", lossless=True)),
    "avif": (Format.AVIF, lambda picture: saved(picture, "AVIF", quality=90)),
    "heic": (Format.HEIF, heic),
    "tiff": (Format.TIFF, lambda picture: saved(picture, "TIFF", compression="tiff_lzw")),
    "jpeg in tiff": (Format.TIFF, lambda picture: saved(picture, "TIFF", compression="jpeg", quality=95)),
    "gif": (Format.GIF, lambda picture: saved(picture.quantize(256), "GIF")),
    "bmp": (Format.BMP, lambda picture: saved(picture, "BMP")),
    "jpeg 2000": (Format.JPEG2000, lambda picture: saved(picture, "JPEG2000", quality_layers=[5])),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_a_picture_keeps_its_pixels_in_every_format(name: str) -> None:
    kind, encode = ENCODERS[name]
    decoded = decode(encode(scene()), "no_ending")
    assert (decoded.format, decoded.width, decoded.height) == (kind, 320, 240)
    assert difference(decoded.pixels, scene()) < 3.0


def test_sixteen_bits_are_scaled_and_said_to_be() -> None:
    decoded = decode(sixteen_bits(scene()))
    assert difference(decoded.pixels, scene().convert("L")) < 1.0
    assert "high_depth" in decoded.warnings


def test_cmyk_keeps_its_colours() -> None:
    decoded = decode(saved(scene().convert("CMYK"), "JPEG", quality=95))
    assert decoded.mode == "CMYK"
    assert difference(decoded.pixels, scene()) < 4.0


def test_transparent_parts_are_laid_over_white() -> None:
    picture = scene().convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    decoded = decode(saved(picture, "PNG"))
    assert decoded.pixels.min() == 255
    assert "alpha" in decoded.warnings


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    lab_to_srgb = ImageCms.createProfile("sRGB")
    profile = ImageCms.ImageCmsProfile(lab_to_srgb)
    # littlecms makes no wide profile by itself: sRGB with red and blue exchanged shows that it is used at all.
    data = bytearray(profile.tobytes())
    red, blue = _tag(data, b"rXYZ"), _tag(data, b"bXYZ")
    data[red : red + 20], data[blue : blue + 20] = data[blue : blue + 20], data[red : red + 20]
    swapped = bytes(data).replace(b"sRGB", b"sBGR").replace(b"s\0R\0G\0B", b"s\0B\0G\0R")
    decoded = decode(saved(scene(), "PNG", icc_profile=swapped))
    assert decoded.converted
    assert difference(decoded.pixels[..., ::-1], scene()) < 2.0


def _tag(profile: bytearray, name: bytes) -> int:
    at = profile.index(name, 128)
    return int.from_bytes(profile[at + 4 : at + 8], "big")


@pytest.mark.parametrize("encode", [lambda p, e: saved(p, "JPEG", quality=95, exif=e), lambda p, e: heic(p, exif=e)])
def test_a_turned_picture_comes_upright(encode: Callable[[Image.Image, bytes], bytes]) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.Make] = "Maker"
    lying = scene().transpose(Image.Transpose.ROTATE_90)
    data = encode(lying, exif.tobytes())
    decoded = decode(data)
    assert (decoded.width, decoded.height) == (320, 240)
    assert difference(decoded.pixels, scene()) < 3.0
    assert facts_of(decoded, data).camera_make == "Maker"


def test_heic_brings_camera_and_time() -> None:
    exif = Image.Exif()
    exif[Base.Model] = "Phone"
    photo = exif.get_ifd(IFD.Exif)
    photo[Base.DateTimeOriginal], photo[Base.OffsetTimeOriginal] = "2024:05:17 12:34:56", "+02:00"
    data = heic(scene(), exif=exif.tobytes())
    found = examine(data, "a.heic", Wanted())
    assert isinstance(found, Examined)
    assert found.warnings == ()
    assert found.facts.camera_model == "Phone"
    assert found.facts.captured_at == datetime(2024, 5, 17, 10, 34, 56, tzinfo=UTC)


def test_a_cut_heic_or_avif_is_refused() -> None:
    for data in (heic(scene()), saved(scene(), "AVIF")):
        with pytest.raises(NotAPhoto) as caught:
            decode(data[: len(data) // 2])
        assert caught.value.reason in ("truncated", "corrupt")


# -- what stands beside the picture in a JPEG --------------------------------------------------------
def test_a_gain_map_is_flagged_and_the_base_picture_taken() -> None:
    plain = saved(scene(), "JPEG", quality=95)
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    packet += b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
    packet += b"</rdf:RDF></x:xmpmeta>"
    ultra = saved(scene(), "JPEG", quality=95, xmp=packet) + saved(scene(80, 60).convert("L"), "JPEG")
    assert not decode(plain).has_gain_map
    found = examine(ultra, "a.jpg", Wanted())
    assert isinstance(found, Examined)
    assert found.has_gain_map
    assert (found.width, found.height) == (320, 240)


def test_a_stereo_pair_gives_its_first_picture() -> None:
    data = saved(scene(), "MPO", quality=95, save_all=True, append_images=[scene().rotate(180)])
    decoded = decode(data)
    assert difference(decoded.pixels, scene()) < 3.0
    assert "multi_picture" in decoded.warnings


def test_an_animation_is_refused_or_gives_its_first_frame_as_the_settings_say() -> None:
    frames = [scene().rotate(180), scene().transpose(Image.Transpose.TRANSPOSE).resize((320, 240))]
    for name in ("GIF", "PNG", "WEBP"):
        data = saved(scene(), name, save_all=True, append_images=frames)
        with pytest.raises(NotAPhoto) as caught:
            decode(data)
        assert caught.value.reason == "animated"
        assert difference(decode(data, limits=DecodingLimits(animated=True)).pixels, scene()) < 12

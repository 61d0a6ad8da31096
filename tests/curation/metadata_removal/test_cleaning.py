"""Published bytes: the same pixels, and nothing about the photographer."""

from __future__ import annotations

import io
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from curation.metadata_removal import cleaned, lossless_format
from curation.metadata_removal.orientation import orientation_of
from schemas.errors import BadInput
from tests.conftest import real_data

FORBIDDEN = ("gps", "serial", "owner", "artist", "makernote", "thumbnail", "author", "creator", "copyright", "comment")
ALLOWED_BY_PROFILE = ("profilecreator", "profilecopyright", "devicemodel", "devicemfgdesc")


def picture(width: int = 90, height: int = 60) -> Image.Image:
    noise = np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x013B] = "An Artist"
    block[0x8298] = "(c) An Artist"
    block.get_ifd(0x8825)[1] = "N"
    block.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    block.get_ifd(0x8769)[0xA431] = "SERIAL-0815"
    return block


def written(kind: str, orientation: int) -> bytes:
    stream = io.BytesIO()
    extra: dict[str, object] = {"exif": exif(orientation)}
    if kind == "PNG":
        notes = PngInfo()
        notes.add_text("Author", "An Artist")
        extra["pnginfo"] = notes
    if kind == "JPEG":
        extra["comment"] = b"taken at home"
    if kind == "WEBP":
        extra["lossless"] = True
    picture().save(stream, kind, **extra)
    return stream.getvalue()


def upright(data: bytes) -> npt.NDArray[np.uint8]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))


def pixels(data: bytes) -> tuple[str, npt.NDArray[np.uint8]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.mode, np.asarray(image)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pixels_and_orientation_stay_and_everything_about_people_goes(kind: str, orientation: int) -> None:
    before = written(kind, orientation)
    after = cleaned(before)
    assert after.orientation == orientation == orientation_of(after.data)
    assert np.array_equal(pixels(before)[1], pixels(after.data)[1])
    assert np.array_equal(upright(before), upright(after.data))
    for secret in (b"Artist", b"SERIAL", b"taken at home"):
        assert secret in before or secret == b"taken at home"
        assert secret not in after.data
    with Image.open(io.BytesIO(after.data)) as image:
        assert set(image.getexif()) <= {0x0112}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_cleaning_twice_changes_nothing(kind: str) -> None:
    once = cleaned(written(kind, 6)).data
    assert cleaned(once).data == once


def test_a_colour_profile_stays() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        stream = io.BytesIO()
        picture().save(stream, kind, icc_profile=profile)
        with Image.open(io.BytesIO(cleaned(stream.getvalue()).data)) as image:
            assert image.info["icc_profile"] == profile


def test_a_progressive_jpeg_with_restart_markers_keeps_all_its_scans() -> None:
    stream = io.BytesIO()
    picture(320, 200).save(stream, "JPEG", progressive=True, restart_marker_blocks=3, exif=exif(1))
    before = stream.getvalue()
    after = cleaned(before).data
    assert before.count(b"\xff\xda") == after.count(b"\xff\xda") > 3
    assert np.array_equal(pixels(before)[1], pixels(after)[1])


def test_what_is_hidden_behind_the_end_of_the_picture_goes() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        after = cleaned(written(kind, 1) + b"hidden" * 100)
        assert b"hidden" not in after.data
        assert any("behind the picture" in word for word in after.removed)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_cut_file_is_refused_and_never_published_in_part(kind: str) -> None:
    whole = written(kind, 6)
    for size in range(1, len(whole) - 1, 131):
        with pytest.raises(BadInput):
            cleaned(whole[:size])


def test_other_formats_are_refused() -> None:
    stream = io.BytesIO()
    picture().save(stream, "TIFF")
    assert lossless_format(stream.getvalue()) is None
    with pytest.raises(BadInput, match="JPEG, PNG or WebP"):
        cleaned(stream.getvalue())


def readable(path: Path) -> bool:
    """Whether Pillow decodes the file, and it is one still picture of a lossless format."""
    data = path.read_bytes()
    if lossless_format(data) is None:
        return False
    try:
        pixels(data)
        with Image.open(io.BytesIO(data)) as image:
            return getattr(image, "n_frames", 1) == 1 or image.format == "MPO"
    except (OSError, ValueError, SyntaxError, TypeError):
        return False


def test_all_readable_hostile_files_open_afterwards_with_the_same_pixels() -> None:
    files = [path for path in sorted(real_data("hostile", "files").iterdir()) if readable(path)]
    assert len(files) > 15
    for path in files:
        before = path.read_bytes()
        try:
            after = cleaned(before).data
        except BadInput:
            # Cut behind the last pixel: the manifest says "reject", and so does ingest.
            assert path.name in {"broken_data_stream.png", "truncated_end_chunk.png"}
            continue
        mode, array = pixels(before)
        assert pixels(after)[0] == mode, path.name
        assert np.array_equal(array, pixels(after)[1]), path.name
        assert np.array_equal(upright(before), upright(after)), path.name
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(after)) as image:
                assert set(image.getexif()) <= {0x0112}, path.name


def exiftool(data: bytes, tmp_path: Path) -> list[str]:
    """Names of all tags that exiftool finds, unknown ones too, in lower case."""
    if shutil.which("exiftool") is None:
        text = "SKIPPED FOR WANT OF EXIFTOOL: published bytes are not read by an independent reader"
        warnings.warn(pytest.PytestWarning(text), stacklevel=2)
        pytest.skip(text)
    path = tmp_path / "published"
    path.write_bytes(data)
    done = subprocess.run(["exiftool", "-a", "-u", "-G1", "-s", str(path)], capture_output=True, text=True, check=True)
    return [line.lower() for line in done.stdout.splitlines()]


def test_exiftool_finds_nothing_personal_in_published_bytes(tmp_path: Path) -> None:
    files = [real_data("gps_photo", "gps_made_for_tests.jpg")]
    files += [path for path in sorted(real_data("hostile", "files").iterdir()) if readable(path)]
    looked = 0
    for path in files:
        try:
            data = cleaned(path.read_bytes()).data
        except BadInput:
            continue
        looked += 1
        for line in exiftool(data, tmp_path):
            group, _, rest = line.partition("]")
            name = rest.split(":")[0].strip()
            if group.startswith("[icc") or name in ALLOWED_BY_PROFILE or group in ("[system", "[exiftool"):
                continue
            assert not any(word in name for word in FORBIDDEN), f"{path.name}: {line}"
    assert looked > 15
    assert any("gps" in line for line in exiftool(files[0].read_bytes(), tmp_path))

"""Camera RAW: measured on its preview, developed where there is none, and refused in words where it is broken."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from curation.decoding.decode import DecodingLimits, decode
from curation.decoding.formats import Format
from curation.decoding.refusal import NotAPhoto
from curation.examination import Examined, Wanted, examine
from curation.metadata.reading import facts_of
from curation.properties.sharpness import variance_of_laplacian
from curation.published import Rendering, promised, published
from tests.curation.test_formats import difference, scene
from tests.raw_files import dng


def test_raw_is_measured_on_its_preview_and_described_by_its_own_metadata() -> None:
    data = dng(scene(800, 600))
    found = examine(data, "a.dng", Wanted())
    assert isinstance(found, Examined)
    assert (found.format, found.width, found.height) == (Format.RAW, 800, 600)
    assert found.warnings == ("embedded_preview",)
    facts = found.facts
    assert (facts.camera_make, facts.camera_model, facts.lens) == ("Maker", "Model R", "50mm F1.8")
    assert (facts.f_number, facts.exposure_s, facts.iso, facts.focal_length_mm) == (2.8, 0.004, 400, 50)
    assert facts.captured_at == datetime(2024, 5, 17, 10, 34, 56, tzinfo=UTC)
    assert facts.photographer == "Ada"
    wanted = scene(800, 600).resize((683, 512), Image.Resampling.BOX)
    assert difference(decode(data, "a.dng").pixels, wanted) < 3.0


@pytest.mark.parametrize("preview", [True, False])
def test_raw_comes_upright_with_and_without_a_preview(preview: bool) -> None:
    upright = scene(1200, 1600)
    data = dng(upright.transpose(Image.Transpose.ROTATE_90), preview, orientation=6)
    decoded = decode(data, "a.dng")
    assert (decoded.width, decoded.height) == (1200, 1600)
    assert decoded.pixels.shape[:2] == (683, 512)
    wanted = upright.resize((512, 683), Image.Resampling.BOX)
    # LibRaw brightens what it develops: then only the place of dark and light tells what is up.
    assert np.corrcoef(decoded.pixels[..., 1].ravel(), np.asarray(wanted)[..., 1].ravel())[0, 1] > 0.99
    assert facts_of(decoded, data).camera_model == "Model R"
    assert ("embedded_preview" in decoded.warnings) == preview


def test_raw_with_a_thumbnail_only_is_developed() -> None:
    decoded = decode(dng(scene(400, 300)), "a.dng")  # its preview is below 512 pixels
    assert "embedded_preview" not in decoded.warnings
    assert (decoded.width, decoded.height) == (400, 300)


def test_raw_that_claims_too_many_pixels_is_a_bomb() -> None:
    data = dng(scene(800, 600))
    with pytest.raises(NotAPhoto) as caught:
        decode(data, "a.dng", DecodingLimits(max_pixels=400_000))
    assert caught.value.reason == "bomb"


@pytest.mark.parametrize("end", [100, 1000, 20_000])
def test_a_cut_raw_file_is_refused_in_words(end: int) -> None:
    with pytest.raises(NotAPhoto):
        decode(dng(scene(800, 600), preview=False)[:end], "a.dng")


def test_a_rendition_as_large_as_the_sensor_is_developed_and_not_enlarged() -> None:
    grain = np.random.default_rng(0).integers(40, 215, (600, 800, 1), dtype=np.uint8).repeat(3, axis=2)
    data = dng(Image.fromarray(grain), preview=False)
    how = Rendering()
    found = []
    for width, height in ((800, 600), (400, 300)):
        rendition = published(data, "a.dng", promised("raw", width, height, how), how)
        with Image.open(io.BytesIO(rendition)) as image:
            assert image.size == (width, height)
            found.append(np.asarray(image.convert("L").resize((800, 600), Image.Resampling.LANCZOS)))
    assert variance_of_laplacian(found[0]) > 3 * variance_of_laplacian(found[1])

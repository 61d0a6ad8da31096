"""Properties agree with the field's reference, with other implementations, and with pictures whose answer is known."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import convolve1d, laplace
from skimage.color import rgb2hsv, rgb2lab
from skimage.filters import threshold_otsu
from skimage.measure import blur_effect

from curation.decoding.decode import decode
from curation.properties.balance import balance_statistics, otsu
from curation.properties.colour import colour_statistics, entropy_of
from curation.properties.composition import composition_statistics
from curation.properties.edges import edge_statistics
from curation.properties.fourier import fourier_statistics
from curation.properties.fractal import fractal_dimension_2d
from curation.properties.hue import hue_statistics
from curation.properties.measure import measure, native_set
from curation.properties.sharpness import luma_statistics, variance_of_laplacian
from schemas.columns import columns_of
from schemas.properties import Properties, PropertySet
from tests.conftest import real_data

REFERENCE = {
    "Image size (pixels)": "image_size",
    "Aspect ratio": "aspect_ratio",
    "RMS contrast": "contrast",
    "Luminance entropy": "entropy",
    "Complexity": "complexity",
    "Edge density": "edge_density",
    "Color entropy": "color_entropy",
    "mean R channel": "mean_red",
    "mean G channel": "mean_green",
    "mean B channel (RGB)": "mean_blue",
    "mean L channel": "mean_lightness",
    "mean a channel": "mean_a",
    "mean b channel (Lab)": "mean_b",
    "mean H channel": "mean_hue",
    "mean S channel": "saturation",
    "mean V channel": "mean_value",
    "std R channel": "std_red",
    "std G channel": "std_green",
    "std B channel": "std_blue",
    "std L channel": "contrast",
    "std a channel": "std_a",
    "std b channel (Lab)": "std_b",
    "std H channel": "std_hue",
    "std S channel": "std_saturation",
    "std V channel": "std_value",
    "Mirror symmetry": "mirror_symmetry",
    "DCM distance": "dcm_distance",
    "DCM x position": "dcm_x",
    "DCM y position": "dcm_y",
    "Balance": "balance",
    "Slope Redies": "fourier_slope",
    "Slope Spehar": "fourier_slope_spehar",
    "Slope Mather": "fourier_slope_mather",
    "Fourier sigma": "fourier_sigma",
    "2D Fractal dimension": "fractal_dimension_2d",
    "3D Fractal dimension": "fractal_dimension_3d",
    "Self-similarity (PHOG)": "self_similarity",
    "Anisotropy": "anisotropy",
    "Homogeneity": "homogeneity",
    "1st-order EOE": "edge_orientation_entropy",
    "2nd-order EOE": "edge_orientation_entropy_2nd",
}
"""The Aesthetics Toolbox's names, and ours."""


def reference_rows() -> list[dict[str, str]]:
    with real_data("properties", "aesthetics_toolbox_80_oasis.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def full_properties(name: str) -> Properties:
    decoded = decode(real_data("oasis", "images", name).read_bytes(), native=True)
    full = (decoded.width, decoded.height)
    return measure("x", decoded.pixels, decoded.gray, full, PropertySet.FULL, decoded.native)


def check_against_reference(rows: list[dict[str, str]]) -> None:
    for row in rows:
        ours = full_properties(row["img_file"])
        for theirs, name in REFERENCE.items():
            text = row[theirs]
            digits = len(text.partition(".")[2])
            expected, found = float(text), float(getattr(ours, name))
            allowed = max(0.01 * abs(expected), 0.51 * 10.0**-digits)
            assert abs(found - expected) <= allowed, f"{row['img_file']}: {theirs} is {expected}, {name} is {found}"


def test_every_shared_property_of_real_photos_is_the_aesthetics_toolbox_s() -> None:
    check_against_reference(reference_rows()[::10])


@pytest.mark.slow
def test_every_shared_property_of_all_eighty_photos_is_the_aesthetics_toolbox_s() -> None:
    check_against_reference(reference_rows())


def test_the_default_set_leaves_no_column_of_its_own_empty_and_the_full_set_none_at_all() -> None:
    decoded = decode(real_data("oasis", "images", "Car1.jpg").read_bytes())
    default = measure("x", decoded.pixels, decoded.gray, (500, 400), PropertySet.DEFAULT)
    full = full_properties("Car1.jpg")
    for spec in columns_of(Properties):
        assert getattr(full, spec.name) is not None
        assert (getattr(default, spec.name) is None) == spec.nullable
        if not spec.nullable and spec.name != "version":
            assert getattr(default, spec.name) in ("x", getattr(full, spec.name))


def noise(seed: int, shape: tuple[int, ...]) -> np.ndarray:  # type: ignore[type-arg]  # uint8
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_colour_statistics_are_those_of_scikit_image() -> None:
    pixels = noise(1, (70, 130, 3))
    ours, lightness = colour_statistics(pixels)
    lab, hsv = rgb2lab(pixels), rgb2hsv(pixels)
    assert np.abs(lightness - lab[..., 0]).max() < 0.001
    for channel, (mean, spread) in enumerate((ours.lightness, ours.a, ours.b)):
        assert mean == pytest.approx(lab[..., channel].mean(), abs=1e-3)
        assert spread == pytest.approx(lab[..., channel].std(), rel=1e-4)
    for channel, (mean, spread) in ((1, ours.saturation), (2, ours.value)):
        assert mean == pytest.approx(hsv[..., channel].mean(), rel=1e-4)
        assert spread == pytest.approx(hsv[..., channel].std(), rel=1e-3)


def test_colorfulness_is_hasler_s_formula_and_zero_for_gray() -> None:
    pixels = noise(2, (64, 64, 3))
    r, g, b = (pixels[..., c].astype(float) for c in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    wanted = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert colour_statistics(pixels)[0].colorfulness == pytest.approx(wanted, rel=1e-5)
    gray = noise(2, (64, 64, 1)).repeat(3, axis=2)
    assert colour_statistics(gray)[0].colorfulness == 0


def test_entropy_of_equally_frequent_values_is_their_number_in_bits() -> None:
    values = np.tile(np.arange(1, 17, dtype=np.float32), 32)
    assert entropy_of(values) == pytest.approx(4.0)
    assert entropy_of(np.zeros(10, np.float32)) == 0


def test_hue_is_circular_reds_on_both_sides_of_zero_average_to_red() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:, :2] = (255, 0, 30)
    pixels[:, 2:] = (255, 30, 0)
    found = hue_statistics(pixels)
    assert min(found.mean, 1 - found.mean) < 1e-3
    assert found.std == pytest.approx(30 / 255 / 6, rel=0.01)


def test_otsu_s_threshold_is_scikit_image_s() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        gray = np.clip(rng.normal(rng.choice([60, 180], (50, 50)), 25), 0, 255).astype(np.uint8)
        assert otsu(np.bincount(gray.ravel(), minlength=256)) == threshold_otsu(gray)  # type: ignore[no-untyped-call]  # scikit-image is untyped


def test_a_mirrored_picture_is_more_symmetric_and_perfectly_balanced_sideways() -> None:
    half = noise(3, (80, 60))
    both = np.concatenate([half, half[:, ::-1]], axis=1)
    assert balance_statistics(both).symmetry > balance_statistics(noise(4, (80, 120))).symmetry
    assert abs(balance_statistics(both).x) <= 1 / 120


def test_blur_is_scikit_image_s() -> None:
    for name in ("Car1.jpg", "Grass5.jpg"):
        decoded = decode(real_data("oasis", "images", name).read_bytes())
        gray = decoded.gray
        _, lightness = colour_statistics(decoded.pixels)
        assert composition_statistics(gray, lightness).blur == pytest.approx(
            blur_effect(gray),  # type: ignore[no-untyped-call]  # scikit-image is untyped
            abs=0.002,
        )


def test_sharpness_is_the_variance_of_the_laplacian_of_the_smoothed_picture() -> None:
    gray = noise(8, (90, 120))
    binomial = np.array([1, 4, 6, 4, 1]) / 16
    smooth = convolve1d(convolve1d(gray.astype(float), binomial, axis=0), binomial, axis=1)
    assert luma_statistics(gray).sharpness == pytest.approx(laplace(smooth)[3:-3, 3:-3].var(), rel=1e-9)
    assert variance_of_laplacian(gray) == pytest.approx(laplace(gray.astype(float))[1:-1, 1:-1].var(), rel=1e-9)


def test_the_files_own_scale_shows_what_reduction_hides() -> None:
    scene = Image.open(real_data("oasis", "images", "Car1.jpg")).convert("RGB").resize((2000, 1600))
    soft, grainy = scene, np.asarray(scene).astype(int) + np.random.default_rng(9).normal(0, 6, (1600, 2000, 1))
    files = []
    for picture in (soft, Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))):
        for kind in ("JPEG", "PNG"):
            stream = io.BytesIO()
            picture.save(stream, kind, quality=95)
            files.append(decode(stream.getvalue(), native=True))
    assert all(decoded.native is not None and decoded.native.shape == (512, 512) for decoded in files)
    own = [native_set(decoded.native) for decoded in files if decoded.native is not None]
    for jpeg, png in ((own[0], own[1]), (own[2], own[3])):  # the same pixels, cut out in two ways
        assert jpeg["native_noise"] == pytest.approx(png["native_noise"], rel=0.15, abs=0.1)
        assert jpeg["native_blur"] == pytest.approx(png["native_blur"], rel=0.03)
    assert own[3]["native_noise"] == pytest.approx(6, rel=0.1)
    assert own[3]["native_blur"] < own[1]["native_blur"]
    # Reduced to a third, the noise is a third as well, and the enlarged scene as sharp as any.
    assert luma_statistics(files[3].gray).noise < 0.7 * own[3]["native_noise"]


def test_the_noise_estimate_finds_the_noise_that_was_added() -> None:
    rng = np.random.default_rng(5)
    clean = np.tile(np.linspace(60, 190, 400), (300, 1))
    noisy = np.clip(np.round(clean + rng.normal(0, 8, clean.shape)), 0, 255).astype(np.uint8)
    assert luma_statistics(noisy).noise == pytest.approx(8, rel=0.03)


def test_stripes_of_one_direction_have_low_orientation_entropy_and_noise_has_high() -> None:
    stripes = np.tile((np.arange(200) // 10 % 2 * 255).astype(np.uint8), (150, 1))
    striped, rough = edge_statistics(Image.fromarray(stripes)), edge_statistics(Image.fromarray(noise(6, (150, 200))))
    assert striped.first_order < 1.5
    assert rough.first_order > 4.4
    assert rough.second_order > striped.second_order


def test_pink_noise_has_the_slope_it_was_made_with() -> None:
    rng = np.random.default_rng(7)
    side = 512
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(side, side))) / frequency
    picture = np.fft.ifft2(spectrum).real
    picture = (picture - picture.mean()) / picture.std() * 30 + 128
    gray = np.clip(np.round(picture), 0, 255).astype(np.uint8)
    lightness = (gray / np.float32(2.55)).astype(np.float32)
    found = fourier_statistics(Image.fromarray(gray), lightness)
    assert found.slope_redies == pytest.approx(-2, abs=0.15)
    assert found.slope_mather == pytest.approx(-1, abs=0.1)
    assert found.slope_spehar == pytest.approx(-1, abs=0.15)


def test_a_straight_edge_has_fractal_dimension_one() -> None:
    picture = np.zeros((512, 512), np.uint8)
    picture[:, 255:] = 255
    assert fractal_dimension_2d(Image.fromarray(picture)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_plain_surface_gives_finite_numbers(value: int) -> None:
    pixels = np.full((96, 128, 3), value, np.uint8)
    gray = pixels[..., 0].copy()
    found = measure("x", pixels, gray, (128, 96), PropertySet.FULL, gray)
    for spec in columns_of(Properties):
        number = getattr(found, spec.name)
        assert isinstance(number, str) or np.isfinite(number), spec.name

"""All properties of one picture, as a row."""

from __future__ import annotations

from PIL import Image

from curation.properties.balance import balance_statistics
from curation.properties.colour import Pixels, Singles, colour_statistics, entropy_of
from curation.properties.composition import blur_of, composition_statistics
from curation.properties.edges import edge_statistics
from curation.properties.fourier import fourier_statistics
from curation.properties.fractal import fractal_dimension_2d, fractal_dimension_3d
from curation.properties.gradients import gradient_statistics
from curation.properties.hue import hue_statistics
from curation.properties.sharpness import Gray, luma_statistics, noise_of, variance_of_laplacian
from schemas.properties import Properties, PropertySet


def measure(
    photo_id: str,
    pixels: Pixels,
    gray: Gray,
    full_size: tuple[int, int],
    wanted: PropertySet,
    native: Gray | None = None,
) -> Properties:
    """The row of ``properties``.

    Parameters
    ----------
    photo_id : str
    pixels : ndarray of uint8, shape (height, width, 3)
        The canonical picture before it is compressed: upright, sRGB.
    gray : ndarray of uint8, shape (height, width)
        Its ITU-R 601-2 luma.
    full_size : (int, int)
        Width and height of the upright original.
    wanted : PropertySet
    native : ndarray of uint8, shape (height, width), optional
        Luma of the middle at the file's own scale, for the full set.
    """
    colour, lightness = colour_statistics(pixels)
    luma = luma_statistics(gray)
    (light, contrast), (saturation, saturation_spread) = colour.lightness, colour.saturation
    return Properties(
        photo_id=photo_id,
        version=wanted.version,
        brightness=light / 100.0,
        contrast=contrast,
        colorfulness=colour.colorfulness,
        saturation=saturation,
        sharpness=luma.sharpness,
        entropy=entropy_of(lightness),
        image_size=sum(full_size),
        aspect_ratio=full_size[0] / full_size[1],
        clipped_shadows=luma.clipped_shadows,
        clipped_highlights=luma.clipped_highlights,
        noise=luma.noise,
        mean_red=colour.red[0],
        mean_green=colour.green[0],
        mean_blue=colour.blue[0],
        std_red=colour.red[1],
        std_green=colour.green[1],
        std_blue=colour.blue[1],
        mean_lightness=light,
        mean_a=colour.a[0],
        mean_b=colour.b[0],
        std_a=colour.a[1],
        std_b=colour.b[1],
        mean_value=colour.value[0],
        std_saturation=saturation_spread,
        std_value=colour.value[1],
        **(full_set(pixels, gray, lightness) if wanted is PropertySet.FULL else {}),
        **(native_set(native) if native is not None else {}),
    )


def full_set(pixels: Pixels, gray: Gray, lightness: Singles) -> dict[str, float]:
    """The properties that only the full set has, by column."""
    luma = Image.fromarray(gray)
    hue = hue_statistics(pixels)
    composition = composition_statistics(gray, lightness)
    edges = edge_statistics(luma)
    gradients = gradient_statistics(pixels)
    mass = balance_statistics(gray)
    fourier = fourier_statistics(luma, lightness)
    return {
        "mean_hue": hue.mean,
        "std_hue": hue.std,
        "color_entropy": hue.entropy,
        "blur": composition.blur,
        "depth_of_field": composition.depth_of_field,
        "inner_lightness": composition.inner_lightness,
        "edge_density": edges.density,
        "edge_orientation_entropy": edges.first_order,
        "edge_orientation_entropy_2nd": edges.second_order,
        "complexity": gradients.complexity,
        "anisotropy": gradients.anisotropy,
        "self_similarity": gradients.self_similarity,
        "mirror_symmetry": mass.symmetry,
        "balance": mass.balance,
        "homogeneity": mass.homogeneity,
        "dcm_distance": mass.distance,
        "dcm_x": mass.x,
        "dcm_y": mass.y,
        "fourier_slope": fourier.slope_redies,
        "fourier_sigma": fourier.sigma,
        "fourier_slope_spehar": fourier.slope_spehar,
        "fourier_slope_mather": fourier.slope_mather,
        "fractal_dimension_2d": fractal_dimension_2d(luma),
        "fractal_dimension_3d": fractal_dimension_3d(gray),
    }


def native_set(native: Gray) -> dict[str, float]:
    """What only the file's own scale shows: the field's measures as they were published, on its middle."""
    return {
        "native_sharpness": variance_of_laplacian(native),
        "native_noise": noise_of(native),
        "native_blur": blur_of(native),
    }

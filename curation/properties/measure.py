"""All properties of one picture, as a row."""

from __future__ import annotations

from curation.properties.colour import Pixels, colour_statistics, entropy_of
from curation.properties.sharpness import Gray, luma_statistics
from schemas.properties import Properties, PropertySet


def measure(photo_id: str, pixels: Pixels, gray: Gray, full_size: tuple[int, int], wanted: PropertySet) -> Properties:
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
    """
    colour, lightness = colour_statistics(pixels)
    luma = luma_statistics(gray)
    return Properties(
        photo_id=photo_id,
        version=wanted.version,
        brightness=colour.lightness[0] / 100.0,
        contrast=colour.lightness[1],
        colorfulness=colour.colorfulness,
        saturation=colour.saturation[0],
        sharpness=luma.sharpness,
        entropy=entropy_of(lightness),
        image_size=sum(full_size),
        aspect_ratio=full_size[0] / full_size[1],
        clipped_shadows=luma.clipped_shadows,
        clipped_highlights=luma.clipped_highlights,
        mean_a=colour.a[0],
        mean_b=colour.b[0],
        std_a=colour.a[1],
        std_b=colour.b[1],
    )

"""What the descriptor measures: blocks of colour, layout, orientation and texture statistics of one picture.

Every block is an integer or exactly rounded function of the pixels. Their order and sizes are part of
descriptor@1: a change here is a new version.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.embedding.fixedpoint import (
    HUE_BORDERS,
    LAB_UNIT,
    ORIENTATION_BORDERS,
    Small,
    cube_root_table,
    full_sector,
    half_sector,
    linear_table,
    log2_linear,
    to_lab,
)

Floats = npt.NDArray[np.float64]

COLOUR_SIDE = 128
"""Colour and orientation are measured on the picture squeezed to a square of this side."""
TEXTURE_SHORT_SIDE = 256
"""Texture is measured on luminance with this short side, halved three times."""
CHROMA_BORDERS = (8, 20, 40)
LIGHTNESS_BORDERS = (25, 50, 75)
HUES = 12
ORIENTATIONS = 8


@dataclass(frozen=True)
class Views:
    """One picture in the forms that the blocks read.

    Attributes
    ----------
    lab : ndarray of int32, shape (128, 128, 3)
        CIELAB in 1/64.
    layout : ndarray of int32, shape (8, 8, 3)
        CIELAB of the picture averaged into 8 x 8 cells, in 1/64.
    luma : tuple of ndarray of int32
        Luminance, 0 to 255, at short sides 256, 128, 64 and 32.
    """

    lab: Small
    layout: Small
    luma: tuple[Small, ...]


@dataclass(frozen=True)
class Tables:
    """Look-up tables of the colour conversion."""

    linear: Small
    cube_root: Small

    @classmethod
    def make(cls) -> Tables:
        """Work the tables out; takes a few milliseconds."""
        return cls(linear_table(), cube_root_table())


def views_of(picture: Image.Image, tables: Tables) -> Views:
    """Reduce an upright RGB picture by area averages (Pillow's, which are integer arithmetic)."""
    box = Image.Resampling.BOX
    square = picture.resize((COLOUR_SIDE, COLOUR_SIDE), box)
    cells = square.resize((8, 8), box)
    scale = TEXTURE_SHORT_SIDE / min(picture.size)
    grey = picture.convert("L").resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), box
    )
    halves = [grey]
    for _ in range(3):
        halves.append(halves[-1].reduce(2))
    return Views(
        lab=to_lab(np.asarray(square), tables.linear, tables.cube_root),
        layout=to_lab(np.asarray(cells), tables.linear, tables.cube_root),
        luma=tuple(np.asarray(half).astype(np.int32) for half in halves),
    )


def cells_of(plane: npt.NDArray[np.int32], n: int) -> list[npt.NDArray[np.int32]]:
    """The n x n cells of a plane, row by row."""
    rows = [plane.shape[0] * i // n for i in range(n + 1)]
    columns = [plane.shape[1] * i // n for i in range(n + 1)]
    return [
        plane[rows[i] : max(rows[i + 1], rows[i] + 1), columns[j] : max(columns[j + 1], columns[j] + 1)]
        for i in range(n)
        for j in range(n)
    ]


def deviation(values: Small) -> float:
    """Standard deviation of integers, from exact sums."""
    v = values.astype(np.float64).ravel()
    n = v.size
    # Sums of integers below 2^53 are exact in float64, in whatever order.
    total, squares = int(v.sum()), int((v * v).sum())
    return float(np.sqrt(max(n * squares - total * total, 0)) / n)


def shares(codes: Small, kinds: int) -> Floats:
    """Square roots of the shares of the codes 0 to kinds - 1 (the Hellinger map)."""
    counts = np.bincount(codes.ravel(), minlength=kinds)[:kinds]
    return np.sqrt(counts / max(codes.size, 1))


def layout(views: Views) -> Floats:
    """Colour layout: L*, a*, b* of 8 x 8 cells, row by row. 192 numbers."""
    return views.layout.astype(np.float64).ravel() / LAB_UNIT


def colour_spread(views: Views) -> Floats:
    """Standard deviations of L*, a*, b* in 3 x 3 cells. 27 numbers."""
    planes = [cells_of(views.lab[..., c], 3) for c in range(3)]
    return np.array([deviation(planes[c][k]) / LAB_UNIT for k in range(9) for c in range(3)])


def palette(views: Views) -> Floats:
    """Shares of 12 hues by 4 lightness classes, of 3 chroma classes, and of neutral by lightness. 55 numbers."""
    lightness = sum((views.lab[..., 0] >= border * LAB_UNIT).astype(np.int32) for border in LIGHTNESS_BORDERS)
    chroma = _chroma_class(views)
    coloured = chroma > 0
    hue = full_sector(views.lab[..., 1], views.lab[..., 2], HUE_BORDERS)
    return np.concatenate(
        [
            shares(np.where(coloured, hue * 4 + lightness, HUES * 4), HUES * 4),
            shares(np.where(coloured, chroma - 1, 3), 3),
            shares(np.where(coloured, 4, lightness), 4),
        ]
    )


def hue_layout(views: Views) -> Floats:
    """Shares of 6 pairs of hues and of neutral in the upper, middle and lower third. 21 numbers."""
    hue = full_sector(views.lab[..., 1], views.lab[..., 2], HUE_BORDERS) // 2
    codes = np.where(_chroma_class(views) > 0, hue, 6).astype(np.int32)
    edges = [COLOUR_SIDE * i // 3 for i in range(4)]
    return np.concatenate([shares(codes[edges[i] : edges[i + 1]], 7) for i in range(3)])


def _chroma_class(views: Views) -> Small:
    """Class of chroma, 0 (neutral) to 3."""
    a, b = views.lab[..., 1].astype(np.int64), views.lab[..., 2].astype(np.int64)
    squared = a * a + b * b
    classes: Small = np.zeros(squared.shape, np.int32)
    for border in CHROMA_BORDERS:
        classes += squared >= (border * LAB_UNIT) ** 2
    return classes


def orientation(views: Views) -> Floats:
    """Gradient energy by orientation: 3 scales x 4 x 4 cells x 8 orientations. 384 numbers."""
    found = []
    plane = views.lab[..., 0]
    for _ in range(3):
        x, y = np.zeros_like(plane), np.zeros_like(plane)
        x[:, 1:-1] = plane[:, 2:] - plane[:, :-2]
        y[1:-1] = plane[2:] - plane[:-2]
        sector = half_sector(x, y, ORIENTATION_BORDERS)
        magnitude = np.floor(np.sqrt(x.astype(np.int64) ** 2 + y.astype(np.int64) ** 2)).astype(np.int32)
        for cell, kind in zip(cells_of(magnitude, 4), cells_of(sector, 4), strict=True):
            # Sums of integers below 2^53 are exact in float64, in whatever order.
            sums = np.bincount(kind.ravel(), weights=cell.ravel(), minlength=ORIENTATIONS)
            found.append(np.sqrt(sums / (cell.size * LAB_UNIT)))
        side = plane.shape[0] // 2
        plane = (plane.reshape(side, 2, side, 2).sum(axis=(1, 3)) // 4).astype(np.int32)
    return np.concatenate(found)


def texture(views: Views) -> Floats:
    """Rotation-invariant local binary patterns, and Laplacian energy in 3 x 3 cells, at 4 scales. 80 numbers."""
    found: list[Floats] = []
    for luma in views.luma:
        found.append(shares(_binary_patterns(luma), 10))
        laplacian = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
        energies = [deviation(laplacian), *(deviation(cell) for cell in cells_of(laplacian, 3))]
        found.append(log2_linear(np.array(energies)))
    return np.concatenate(found)


def _binary_patterns(luma: Small) -> Small:
    """Number of brighter neighbours where at most two changes occur around the pixel, else 9 (Ojala 2002)."""
    plane = luma.astype(np.int16)
    centre = plane[1:-1, 1:-1] + 2  # noise of two codes is no pattern
    height, width = plane.shape
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    above = [(plane[dy : height - 2 + dy, dx : width - 2 + dx] >= centre).view(np.uint8) for dy, dx in ring]
    count = np.zeros(centre.shape, np.uint8)
    changes = np.zeros(centre.shape, np.uint8)
    for k in range(8):
        count += above[k]
        changes += above[k] ^ above[k - 1]
    return np.where(changes <= 2, count, 9).astype(np.int32)


def properties(views: Views) -> Floats:
    """Means and spreads of lightness and chroma, entropy, symmetry, centre against rim, top and bottom. 16 numbers."""
    lightness, a, b = (views.lab[..., c].astype(np.int64) for c in range(3))
    chroma = np.floor(np.sqrt(a * a + b * b)).astype(np.int64)
    counts = np.bincount(np.minimum(lightness // (LAB_UNIT * 5), 19).ravel(), minlength=20)
    share = counts / lightness.size
    third = COLOUR_SIDE // 3
    middle = (slice(third, -third), slice(third, -third))
    means = [float(plane.sum()) / plane.size / LAB_UNIT for plane in (lightness, chroma, a, b)]
    spreads = [deviation(plane.astype(np.int32)) / LAB_UNIT for plane in (lightness, chroma, a, b)]
    centre = [
        float(plane[middle].sum()) / plane[middle].size / LAB_UNIT - mean
        for plane, mean in zip((lightness, chroma), means, strict=False)
    ]
    top, bottom = slice(0, third), slice(-third, None)
    return np.array(
        [
            *means,
            *spreads,
            math.fsum(log2_linear(share * 31)) / 20,
            float(np.abs(lightness - lightness[:, ::-1]).sum()) / lightness.size / LAB_UNIT,
            float(np.abs(lightness - lightness[::-1]).sum()) / lightness.size / LAB_UNIT,
            *centre,
            float(lightness[top].sum() - lightness[bottom].sum()) / lightness[top].size / LAB_UNIT,
            float(chroma[top].sum() - chroma[bottom].sum()) / chroma[top].size / LAB_UNIT,
            float(b[top].sum() - b[bottom].sum()) / b[top].size / LAB_UNIT,
        ]
    )


BLOCKS = (layout, colour_spread, palette, hue_layout, orientation, texture, properties)
"""In the order in which they stand in the vector."""

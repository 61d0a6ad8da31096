"""Complexity, anisotropy and self-similarity from a pyramid of histograms of oriented gradients (PHOG).

References
----------
C. Redies, S. A. Amirshahi, M. Koch and J. Denzler, PHOG-derived aesthetic measures applied to color photographs
of artworks, natural scenes and objects, ECCV workshops 2012. J. Braun and others, Statistical image properties
of print advertisements, visual artworks and images of architecture, Frontiers in Psychology 4:808, 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.compiled import vectorised
from curation.properties.colour import LINEAR, XYZ_OF_RGB, Pixels, Singles, lab_root

Floats = npt.NDArray[np.float64]

BINS = 16
LEVELS = 3
TINY = 1e-8


@dataclass(frozen=True)
class GradientStatistics:
    """PHOG's measures.

    Parameters
    ----------
    complexity : float
        Mean strength of the strongest gradient among L, a and b in 8-bit units, 0 and up.
    anisotropy : float
        Standard deviation of all bins of the finest level's histograms, 0 and up.
    self_similarity : float
        Median likeness of the cells' histograms to the whole picture's, averaged over levels, 0 to 1.
    """

    complexity: float
    anisotropy: float
    self_similarity: float


def gradient_statistics(pixels: Pixels) -> GradientStatistics:
    """PHOG's measures of an sRGB picture (uint8, height by width by 3, 16 pixels or more each way)."""
    height, width, _ = pixels.shape
    parts = 2**LEVELS
    finest = np.zeros((parts, parts, BINS))
    lab = _byte_lab(np.ascontiguousarray(pixels), LINEAR, XYZ_OF_RGB)
    total = _histograms(lab, _cells(height, parts), _cells(width, parts), finest)
    pyramid = [_merged(finest, 2**level) for level in range(LEVELS + 1)]
    levels = [_likeness(pyramid[0].reshape(BINS), histograms) for histograms in pyramid[1:]]
    return GradientStatistics(
        complexity=total / (height * width),
        anisotropy=_anisotropy(pyramid),
        self_similarity=float(np.mean(levels)),
    )


def _merged(finest: Floats, parts: int) -> Floats:
    """The histograms of a coarser level: cells of one level are whole cells of the next."""
    many = len(finest) // parts
    return np.asarray(finest.reshape(parts, many, parts, many, BINS).sum(axis=(1, 3)))


def _cells(size: int, parts: int) -> npt.NDArray[np.int64]:
    """The cell of each row or column; edges are rounded as Python rounds."""
    edges = np.round(np.arange(1, parts + 1) * (size / parts)).astype(np.int64)
    return np.searchsorted(edges, np.arange(size), side="right")


def _normalised(histograms: Floats) -> Floats:
    total = histograms.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(histograms, total, out=histograms.copy(), where=total != 0))


def _likeness(whole: Floats, histograms: Floats) -> float:
    """Median over cells of the histograms' intersection with the whole's, times the ratio of their strengths."""
    parts = histograms.reshape(-1, BINS)
    share, shares = _normalised(whole), _normalised(parts)
    if share.max() <= TINY:
        return 0.0
    strength, strengths = whole.mean(), parts.mean(axis=1) * len(parts)
    low, high = np.minimum(strength, strengths), np.maximum(strength, strengths)
    ratio = np.where((low < TINY) | (shares.max(axis=1) <= TINY), 0.0, low / np.maximum(high, TINY))
    return float(np.median(np.minimum(share, shares).sum(axis=1) * ratio))


def _anisotropy(pyramid: list[Floats]) -> float:
    normalised = [_normalised(histograms) for histograms in pyramid]
    total = sum(float(part.sum()) for part in normalised)
    return float(np.std(normalised[-1] / total)) if total else 0.0


@vectorised
def _byte_lab(pixels: Pixels, linear: Singles, xyz: Singles) -> Singles:
    """CIELAB in whole steps: L from 0 to 255 (rounded), a and b plus 128 (cut off)."""
    height, width, _ = pixels.shape
    lab = np.empty((3, height, width), np.float32)
    light = np.empty((3, width), np.float32)
    for y in range(height):
        for x in range(width):
            for channel in range(3):
                light[channel, x] = linear[pixels[y, x, channel]]
        row0, row1, row2 = lab[0, y], lab[1, y], lab[2, y]
        for x in range(width):
            r, g, b = light[0, x], light[1, x], light[2, x]
            fx = lab_root(xyz[0, 0] * r + xyz[0, 1] * g + xyz[0, 2] * b)
            fy = lab_root(xyz[1, 0] * r + xyz[1, 1] * g + xyz[1, 2] * b)
            fz = lab_root(xyz[2, 0] * r + xyz[2, 1] * g + xyz[2, 2] * b)
            row0[x] = np.floor((np.float32(116) * fy - np.float32(16)) * np.float32(2.55) + np.float32(0.5))
            row1[x] = np.floor(np.float32(500) * (fx - fy) + np.float32(128))
            row2[x] = np.floor(np.float32(200) * (fy - fz) + np.float32(128))
    return lab


@vectorised
def _histograms(lab: Singles, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], finest: Floats) -> float:
    """Fill the finest level's histograms; returns the sum of all strengths."""
    _, height, width = lab.shape
    total = 0.0
    gx, gy = np.empty(width, np.float32), np.empty(width, np.float32)
    strength, place = np.empty(width, np.float32), np.empty(width, np.int32)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        over = np.float32(1.0 / (down - up))
        gx[:] = np.float32(0)
        gy[:] = np.float32(0)
        for channel in range(3):
            here, above, below = lab[channel, y], lab[channel, up], lab[channel, down]
            for x in range(1, width - 1):
                gx[x] = _stronger(gx[x], np.float32(0.5) * (here[x + 1] - here[x - 1]))
            gx[0] = _stronger(gx[0], here[1] - here[0])
            gx[width - 1] = _stronger(gx[width - 1], here[width - 1] - here[width - 2])
            for x in range(width):
                gy[x] = _stronger(gy[x], over * (below[x] - above[x]))
        for x in range(width):
            strength[x] = np.sqrt(gx[x] * gx[x] + gy[x] * gy[x])
            place[x] = np.int32(_turn(gy[x], gx[x]) * np.float32(BINS) + np.float32(BINS / 2 + 0.5))
        cells = finest[rows[y]]
        for x in range(width):
            total += strength[x]
            cells[columns[x], place[x] & (BINS - 1)] += strength[x]
    return total


@vectorised
def _stronger(one: np.float32, other: np.float32) -> np.float32:
    """The value of larger size; of equal sizes the positive one."""
    return other if abs(other) > abs(one) or (other > 0 and other == -one) else one


@vectorised
def _turn(y: np.float32, x: np.float32) -> np.float32:
    """The direction of a vector in turns, -0.5 to 0.5, within 1e-6: atan2 in a form that works on many at once.

    The polynomial for the arctangent of 0 to 1 is that of C. Hastings, Approximations for digital computers, 1955.
    """
    width, height = abs(x), abs(y)
    ratio = min(width, height) / max(max(width, height), np.float32(1e-20))
    square = ratio * ratio
    angle = ratio * (
        np.float32(0.9998660)
        + square
        * (
            np.float32(-0.3302995)
            + square * (np.float32(0.1801410) + square * (np.float32(-0.0851330) + square * np.float32(0.0208351)))
        )
    )
    angle *= np.float32(1 / (2 * np.pi))
    angle = np.float32(0.25) - angle if height > width else angle
    angle = np.float32(0.5) - angle if x < 0 else angle
    return -angle if y < 0 else angle

"""The second look: are two pictures the same photograph?

Both are trimmed of plain borders, reduced, laid over each other (`alignment`) and compared block by block in a
band of middle spatial frequencies. What is done to a copy (compression, size, contrast, colour, blur, noise, a
frame, a crop) leaves the detail of nearly every block alike and in its place. Another moment, another place to
stand, or another sky does not: detail differs, or it is alike and has moved, here more and there less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from curation.duplicates.alignment import Floats, Placement, align, place
from curation.duplicates.looks import Look

LOOK = "look@1"
"""Version of the second look: a measure of another version is another measure."""

BLOCKS = 8
FINE, COARSE = 1.0, 8.0
"""Standard deviations, in pixels of 128, of the band's two Gaussian windows."""
PLAIN = 1.5
"""Contrast (standard deviation in gray levels) of the band below which a block holds nothing to compare."""
STRONG = 8.0
"""Contrast above which a block counts no more than others."""
LEAST_BLOCKS = 6
"""Blocks with something to compare that a pair must have: two plain pictures are never the same by their look."""
AGREES = 0.5
"""Correlation from which a block agrees, if it is in its place as well."""
IN_PLACE = 0.5
"""Pixels of 128 by which an agreeing block's detail may have moved."""
CLEAR = 0.97
"""Measure and share from which two pictures are not laid over each other any more."""


@dataclass(frozen=True)
class Comparison:
    """What the second look found.

    Parameters
    ----------
    measure : float
        Mean correlation of the blocks, weighted by contrast, 0 (unlike) to 1 (alike).
    agreeing : float
        Share of the blocks with contrast that are alike and in their place, 0 to 1.
    blocks : int
        Number of blocks with contrast in either picture.
    placement : Placement
        How the second picture lies over the first.
    """

    measure: float
    agreeing: float
    blocks: int
    placement: Placement

    @property
    def clear(self) -> bool:
        """Whether nothing is left to be gained by laying one over the other."""
        return self.measure > CLEAR and self.agreeing > CLEAR


def compare(first: Look, second: Look) -> Comparison:
    """Compare two pictures as they are and laid over each other; the better of the two counts."""
    a, b = first.gray.astype(np.float32), second.gray.astype(np.float32)
    as_they_are = _agreement(a, b, Placement())
    if as_they_are.clear:
        return as_they_are
    placement = align(a, b)
    if placement is None:
        return as_they_are
    laid_over = _agreement(a, b, placement)
    return max(as_they_are, laid_over, key=lambda seen: (min(seen.measure, seen.agreeing), seen.measure))


def _agreement(a: Floats, b: Floats, placement: Placement) -> Comparison:
    weight: Floats = np.ones((BLOCKS * BLOCKS, (a.shape[0] // BLOCKS) ** 2), np.float32)
    if placement != Placement():
        b = place(b, placement)
        weight = _tiles(placement.covers(a.shape[0]).astype(np.float32))
    ours, theirs = _band(a), _band(b)
    slopes = [(x + y) / 2 for x, y in zip(np.gradient(ours), np.gradient(theirs), strict=True)]
    count = weight.sum(1) + 1e-6
    tiles_a, contrast_a = _standardised(_tiles(ours), weight, count)
    tiles_b, contrast_b = _standardised(_tiles(theirs), weight, count)
    correlation = (tiles_a * tiles_b).sum(1) / count
    moved = _displacement(tiles_a - tiles_b, slopes, weight, np.sqrt(contrast_a * contrast_b))
    informative = (weight.mean(1) > 0.8) & (np.maximum(contrast_a, contrast_b) > PLAIN)
    blocks = int(informative.sum())
    if blocks < LEAST_BLOCKS:
        return Comparison(0.0, 0.0, blocks, placement)
    importance = np.minimum(np.maximum(contrast_a, contrast_b), STRONG)[informative]
    measure = float((np.clip(correlation[informative], 0, 1) * importance).sum() / importance.sum())
    agrees = (correlation > AGREES) & (moved < IN_PLACE)
    return Comparison(measure, float(agrees[informative].mean()), blocks, placement)


def _band(gray: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(gray, FINE) - ndimage.gaussian_filter(gray, COARSE))


def _tiles(picture: Floats) -> Floats:
    side = picture.shape[0] // BLOCKS
    return picture.reshape(BLOCKS, side, BLOCKS, side).transpose(0, 2, 1, 3).reshape(BLOCKS * BLOCKS, -1)


def _standardised(tiles: Floats, weight: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Tiles with mean 0 and standard deviation 1, and the standard deviations they had."""
    centred = (tiles - ((tiles * weight).sum(1) / count)[:, None]) * weight
    contrast = np.sqrt((centred**2).sum(1) / count)
    return centred / (contrast[:, None] + 1e-6), contrast


def _displacement(difference: Floats, slopes: list[Floats], weight: Floats, contrast: Floats) -> Floats:
    """Pixels by which each tile's detail has moved: one step of Lucas and Kanade (1981) in each tile.

    Motion along an edge cannot be seen and counts as none; what differs but has not moved gives little.
    """
    down, right = (_tiles(slope) * weight / (contrast[:, None] + 1e-6) for slope in slopes)
    yy, xx, xy = (down**2).sum(1), (right**2).sum(1), (down * right).sum(1)
    ridge = 0.02 * (yy + xx) + 1e-6
    yy, xx = yy + ridge, xx + ridge
    py, px = (down * difference).sum(1), (right * difference).sum(1)
    determinant = yy * xx - xy**2
    return np.asarray(np.hypot((xx * py - xy * px) / determinant, (yy * px - xy * py) / determinant))

"""The second look: are two pictures the same photograph?

Both are trimmed of plain borders, reduced, laid over each other (`alignment`) and compared block by block in a
band of middle spatial frequencies. What makes two pictures of the same photograph differ (compression, size,
contrast, colour, blur, a frame, a crop) leaves the detail of nearly every block in its place; another moment,
another place to stand, or another sky does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
AGREES = 0.6
"""Correlation from which a block agrees."""


@dataclass(frozen=True)
class Comparison:
    """What the second look found.

    Parameters
    ----------
    measure : float
        Mean correlation of the blocks, weighted by contrast, times nothing else: 0 (unlike) to 1 (alike).
    agreeing : float
        Share of the blocks with contrast that agree, 0 to 1.
    blocks : int
        Number of blocks with contrast in either picture.
    placement : Placement
        How the second picture lies over the first.
    """

    measure: float
    agreeing: float
    blocks: int
    placement: Placement


def compare(first: Look, second: Look) -> Comparison:
    """Compare two pictures as they are and laid over each other; the better of the two counts."""
    a, b = first.gray.astype(np.float32), second.gray.astype(np.float32)
    as_they_are = _agreement(a, b, Placement())
    if as_they_are.measure > 0.97 and as_they_are.agreeing > 0.97:
        return as_they_are
    placement = align(a, b)
    if placement is None:
        return as_they_are
    laid_over = _agreement(a, b, placement)
    return max(as_they_are, laid_over, key=lambda c: (c.measure, c.agreeing))


def _band(gray: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(gray, FINE) - ndimage.gaussian_filter(gray, COARSE))


def _agreement(a: Floats, b: Floats, placement: Placement) -> Comparison:
    inside: npt.NDArray[np.bool_] | None = None
    if placement != Placement():
        b, inside = place(b, placement)
    ours, theirs = _tiles(_band(a)), _tiles(_band(b))
    weight = np.ones_like(ours) if inside is None else _tiles(inside.astype(np.float32))
    count = weight.sum(1) + 1e-6
    ours = (ours - ((ours * weight).sum(1) / count)[:, None]) * weight
    theirs = (theirs - ((theirs * weight).sum(1) / count)[:, None]) * weight
    contrast_a = np.sqrt((ours**2).sum(1) / count)
    contrast_b = np.sqrt((theirs**2).sum(1) / count)
    correlation = (ours * theirs).sum(1) / count / (contrast_a * contrast_b + 1e-6)
    covered = weight.mean(1) > 0.8
    informative = covered & (np.maximum(contrast_a, contrast_b) > PLAIN)
    blocks = int(informative.sum())
    if blocks < LEAST_BLOCKS:
        return Comparison(0.0, 0.0, blocks, placement)
    importance = np.minimum(np.maximum(contrast_a, contrast_b), STRONG)[informative]
    measure = float((np.clip(correlation[informative], 0, 1) * importance).sum() / importance.sum())
    return Comparison(measure, float((correlation[informative] > AGREES).mean()), blocks, placement)


def _tiles(picture: Floats) -> Floats:
    side = picture.shape[0] // BLOCKS
    return picture.reshape(BLOCKS, side, BLOCKS, side).transpose(0, 2, 1, 3).reshape(BLOCKS * BLOCKS, -1)

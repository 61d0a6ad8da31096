"""Laying one picture over another: the shift and stretch under which they agree best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]

LEVELS = ((16, 12), (32, 12), (64, 8), (128, 4))
"""Sides of the pyramid, coarse to fine, with the most steps on each."""
LEAST_OVERLAP = 0.4


@dataclass(frozen=True)
class Placement:
    """Where the points of a first picture lie in a second: ``x' = scale * x + shift``, axis by axis.

    Coordinates run from -1 to 1 across each picture, x to the right, y downward.
    """

    scale_x: float = 1.0
    shift_x: float = 0.0
    scale_y: float = 1.0
    shift_y: float = 0.0

    def moved(self, step: npt.NDArray[np.float64]) -> Placement:
        """The placement after one step of `align`."""
        return Placement(self.scale_x + step[0], self.shift_x + step[1], self.scale_y + step[2], self.shift_y + step[3])

    @property
    def overlap(self) -> float:
        """Share of the first picture's area that the second one covers, 0 to 1."""
        return _covered(self.scale_x, self.shift_x) * _covered(self.scale_y, self.shift_y)


def _covered(scale: float, shift: float) -> float:
    if scale <= 0:
        return 0.0
    return max(0.0, min(1.0, (1 - shift) / scale) - max(-1.0, (-1 - shift) / scale)) / 2


def place(picture: Floats, placement: Placement) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The second picture as seen from the first's grid, and which of its points it covers."""
    side = picture.shape[0]
    axis = _axis(side)
    columns = placement.scale_x * axis + placement.shift_x
    rows = placement.scale_y * axis + placement.shift_y
    seen = _resample(_resample(picture, columns).T, rows).T
    return seen, (np.abs(rows) <= 1)[:, None] & (np.abs(columns) <= 1)[None, :]


def _axis(side: int) -> Floats:
    return ((np.arange(side) - (side - 1) / 2) / (side / 2)).astype(np.float32)


def _resample(lines: Floats, positions: Floats) -> Floats:
    """Each row at the given positions (-1 to 1), by linear interpolation; the edge goes on outside."""
    side = lines.shape[1]
    at = np.clip(positions * (side / 2) + (side - 1) / 2, 0, side - 1)
    left = np.minimum(at.astype(np.int64), side - 2)
    weight = (at - left).astype(np.float32)
    return np.asarray(lines[:, left] * (1 - weight) + lines[:, left + 1] * weight)


def align(first: Floats, second: Floats) -> Placement | None:
    """The placement of `second` under which it agrees best with `first`; None where there is none.

    Gauss-Newton on the difference of the normalised, high-passed pictures, coarse to fine, with weights that
    let no single spot decide (a watermark, a retouched face).

    Parameters
    ----------
    first, second : (128, 128) float32
        Gray levels.
    """
    placement = Placement()
    for side, steps in LEVELS:
        a, b = _level(first, side), _level(second, side)
        slope_y, slope_x = np.gradient(b)
        axis = _axis(side)
        for _ in range(steps):
            if placement.overlap < LEAST_OVERLAP:
                return None
            step = _step(a, b, slope_x, slope_y, axis, placement)
            if step is None:
                return None
            placement = placement.moved(step)
            if np.abs(step).max() < 0.1 / side:
                break
    return placement if placement.overlap >= LEAST_OVERLAP else None


def _level(picture: Floats, side: int) -> Floats:
    factor = picture.shape[0] // side
    small = picture.reshape(side, factor, side, factor).mean((1, 3))
    small = small - ndimage.gaussian_filter(small, side / 6)
    return np.asarray(ndimage.gaussian_filter(small, 0.7), np.float32)


def _step(
    a: Floats, b: Floats, slope_x: Floats, slope_y: Floats, axis: Floats, placement: Placement
) -> npt.NDArray[np.float64] | None:
    seen, inside = place(b, placement)
    right, _ = place(slope_x, placement)
    down, _ = place(slope_y, placement)
    half = a.shape[0] / 2
    ours, theirs = a[inside], seen[inside]
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    spread_a, spread_b = float(ours.std()), float(theirs.std())
    if spread_a < 1e-3 or spread_b < 1e-3:
        return None
    error = ours / spread_a - theirs / spread_b
    slopes = np.stack([right * axis[None, :], right, down * axis[:, None], down], -1)[inside] * (half / spread_b)
    weighted = slopes / (1 + error**2)[:, None]
    normal = weighted.T.astype(np.float64) @ slopes
    normal += np.eye(4) * (1e-3 * np.trace(normal) / 4 + 1e-9)
    return np.asarray(np.linalg.solve(normal, weighted.T.astype(np.float64) @ error))

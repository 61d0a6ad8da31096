"""Laying one picture over another: the affine map under which they agree best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]

LEVELS = ((16, 10), (32, 10), (64, 6), (128, 4))
"""Sides of the pyramid, coarse to fine, with the most steps on each."""
HOPELESS = 0.5
"""Correlation of two pictures of 32 by 32, laid over each other, below which finer levels are not tried."""
LEAST_OVERLAP = 0.4


@dataclass(frozen=True)
class Placement:
    """Where the points of a first picture lie in a second: ``x' = xx x + xy y + x0``, ``y' = yx x + yy y + y0``.

    Coordinates run from -1 to 1 across each picture, x to the right, y downward.
    """

    xx: float = 1.0
    xy: float = 0.0
    x0: float = 0.0
    yx: float = 0.0
    yy: float = 1.0
    y0: float = 0.0

    def moved(self, step: npt.NDArray[np.float64]) -> Placement:
        """The placement after one step of `align`."""
        now = np.array([self.xx, self.xy, self.x0, self.yx, self.yy, self.y0]) + step
        return Placement(*(float(value) for value in now))

    def covers(self, side: int) -> npt.NDArray[np.bool_]:
        """Which points of the first picture's grid the second picture covers."""
        axis = axis_of(side)
        x = self.xx * axis[None, :] + self.xy * axis[:, None] + self.x0
        y = self.yx * axis[None, :] + self.yy * axis[:, None] + self.y0
        return np.asarray((np.abs(x) <= 1) & (np.abs(y) <= 1))


def axis_of(side: int) -> Floats:
    """Coordinates of the pixels of a row or column."""
    return ((np.arange(side) - (side - 1) / 2) / (side / 2)).astype(np.float32)


def place(picture: Floats, placement: Placement) -> Floats:
    """The second picture as seen from the first's grid; its edge goes on outside."""
    half = (picture.shape[0] - 1) / 2
    scale = picture.shape[0] / 2
    matrix = np.array([[placement.yy, placement.yx], [placement.xy, placement.xx]])
    centre = np.array([placement.y0, placement.x0]) * scale + half
    offset = centre - matrix @ np.array([half, half])
    return np.asarray(ndimage.affine_transform(picture, matrix, offset, order=1, mode="nearest"), np.float32)


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
        for _ in range(steps):
            step = _step(a, b, (slope_x, slope_y), placement)
            if step is None:
                return None
            placement = placement.moved(step)
            if np.abs(step).max() < 0.1 / side:
                break
        if side == 32 and _correlation(a, b, placement) < HOPELESS:
            return None
    return placement


def _level(picture: Floats, side: int) -> Floats:
    factor = picture.shape[0] // side
    small = picture.reshape(side, factor, side, factor).mean((1, 3))
    small = small - ndimage.gaussian_filter(small, side / 6)
    return np.asarray(ndimage.gaussian_filter(small, 0.7), np.float32)


def _correlation(a: Floats, b: Floats, placement: Placement) -> float:
    inside = placement.covers(a.shape[0])
    ours, theirs = a[inside], place(b, placement)[inside]
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    return float((ours * theirs).sum() / np.sqrt((ours**2).sum() * (theirs**2).sum() + 1e-9))


def _step(a: Floats, b: Floats, slopes: tuple[Floats, Floats], placement: Placement) -> npt.NDArray[np.float64] | None:
    """One Gauss-Newton step; None where the pictures do not overlap enough or hold nothing to go by."""
    inside = placement.covers(a.shape[0])
    if inside.mean() < LEAST_OVERLAP:
        return None
    axis = axis_of(a.shape[0])
    ours, theirs = a[inside], place(b, placement)[inside]
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    spread_a, spread_b = float(ours.std()), float(theirs.std())
    if spread_a < 1e-3 or spread_b < 1e-3:
        return None
    error = ours / spread_a - theirs / spread_b
    right, down = (place(slope, placement) for slope in slopes)
    x, y = axis[None, :], axis[:, None]
    columns = np.stack([right * x, right * y, right, down * x, down * y, down], -1)[inside]
    columns = columns * (a.shape[0] / 2 / spread_b)
    weighted = (columns / (1 + error**2)[:, None]).astype(np.float64)
    normal = weighted.T @ columns
    normal += np.eye(6) * (1e-3 * np.trace(normal) / 6 + 1e-9)
    return np.asarray(np.linalg.solve(normal, weighted.T @ error))

"""descriptor@1: an embedder without weights, equal on every machine, that starts at once.

A vector holds seven blocks of statistics (see `descriptor_blocks`; 775 numbers) and one constant. Each
number is centred and scaled by fixed integers (descriptor_calibration.json: mean and spread over 501
ordinary photos, no rating was looked at), each block has the same say whatever its length but for the
weights below, and the constant keeps the distance from an average photo in spite of the normalisation.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.embedding.descriptor_blocks import (
    BLOCKS,
    Tables,
    colour_spread,
    hue_layout,
    layout,
    orientation,
    palette,
    properties,
    texture,
    views_of,
)
from curation.embedding.protocol import Prepared, Space, Vectors
from schemas.errors import BadInput

DIMENSIONS = 776
CALIBRATION_UNIT = 1 << 16
LIMIT = 4.0
"""Numbers further from the mean than so many spreads count as that far."""
STEP = 1 << 20
"""Vectors are summed as integers of this fraction before they are normalised."""
CONSTANT = 2.0
# Ten cross-validation runs on published beauty means: layout says little, texture and palette much.
WEIGHTS = {
    layout: 0.5,
    colour_spread: 1.0,
    palette: 1.25,
    hue_layout: 1.0,
    orientation: 1.0,
    texture: 1.5,
    properties: 1.0,
}


class Descriptor:
    """The embedder `descriptor@1`."""

    batch = 256
    ahead = 0

    @property
    def space(self) -> Space:
        """The descriptor's space."""
        return Space(
            model="descriptor@1",
            dimensions=DIMENSIONS,
            weights_sha256="",
            precision="fixed",
            preprocessing="descriptor@1",
            text=False,
        )

    @cached_property
    def _tables(self) -> Tables:
        return Tables.make()

    @cached_property
    def _calibration(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        text = files("curation.embedding").joinpath("descriptor_calibration.json").read_text(encoding="ascii")
        numbers = json.loads(text)
        return np.array(numbers["mean"]) / CALIBRATION_UNIT, np.array(numbers["spread"]) / CALIBRATION_UNIT

    def prepare(self, picture: bytes) -> Prepared:
        """Measure one picture.

        Returns
        -------
        ndarray of float64, shape (775,)
            The blocks one after another, not yet calibrated.
        """
        try:
            with Image.open(io.BytesIO(picture)) as opened:
                rgb = opened.convert("RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise BadInput("the picture cannot be decoded", got=str(error)) from error
        views = views_of(rgb, self._tables)
        return np.concatenate([block(views) for block in BLOCKS])

    def collate(self, prepared: Sequence[Prepared]) -> npt.NDArray[np.float64]:
        """Measured pictures as one array, shape (n, 775)."""
        return np.stack(prepared).astype(np.float64)

    def embed(self, batch: npt.NDArray[np.float64]) -> Vectors:
        """Calibrate, weight and normalise measured pictures."""
        raw = batch
        mean, spread = self._calibration
        standard = np.clip((raw - mean) / spread, -LIMIT, LIMIT) * _block_factors()
        steps = np.empty((len(raw), DIMENSIONS), np.int64)
        steps[:, :-1] = np.round(standard * STEP)
        steps[:, -1] = round(CONSTANT * STEP)
        # The sum of integer squares (each below 2^50 / 100) is exact, so the norm is the same everywhere.
        norms = np.sqrt(np.sum(steps * steps, axis=1).astype(np.float64))
        return np.asarray(steps / norms[:, None], dtype=np.float32)


SIZES = (192, 27, 55, 21, 384, 80, 16)


def _block_factors() -> npt.NDArray[np.float64]:
    """Weight of every number: its block's weight over the root of the block's length."""
    return np.concatenate(
        [np.full(size, WEIGHTS[block] / np.sqrt(size)) for block, size in zip(BLOCKS, SIZES, strict=True)]
    )

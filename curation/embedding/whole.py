"""Whole pictures at their own shape, for networks that take pictures of any size.

A model's own preparation crops the middle to a square and throws away a fifth of a 5 : 4 photo and a third of a 3 : 2
one: what lies at the edges, and the composition, is lost to it. A convolutional network ends in a mean over places
and takes any shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from curation.embedding.open_clip import Loading, OpenClipEmbedder
from curation.embedding.open_clip_weights import Weights
from curation.embedding.preparation import GRID, WHOLE
from curation.embedding.protocol import Prepared, Vectors
from schemas.errors import WrongUse

Group = tuple[list[int], torch.Tensor]


class WholePictureEmbedder(OpenClipEmbedder):
    """An open_clip model that sees whole pictures; its space is another than that of the same model with a crop.

    Raises
    ------
    WrongUse
        The network takes one size only.
    """

    def __init__(self, model: Any, weights: Weights, device: torch.device, loading: Loading) -> None:
        super().__init__(model, weights, device, loading)
        self.preparation = replace(self.preparation, resize_mode=WHOLE)
        self._space = replace(self._space, preprocessing=self.preparation.name)
        wide = torch.zeros(1, 3, self.preparation.height, self.preparation.width + GRID, device=device)
        try:
            with torch.no_grad():
                model.visual(wide)
        except (RuntimeError, AssertionError, ValueError) as error:
            raise WrongUse(
                f"embed.framing = whole: the network of {weights.name} takes pictures of {self.preparation.width} × "
                f"{self.preparation.height} only; it needs one that takes any size (a convolutional one), or "
                "embed.framing = model."
            ) from error

    def collate(self, prepared: Sequence[Prepared]) -> Any:
        """Pixels grouped by shape: (places in the batch, tensor of uint8 (n, height, width, 3)) for each."""
        places = defaultdict(list)
        for place, pixels in enumerate(prepared):
            places[pixels.shape].append(place)
        return [(own, super(WholePictureEmbedder, self).collate([prepared[k] for k in own])) for own in places.values()]

    def embed(self, batch: Any) -> Vectors:
        """Vectors of a batch, in its order."""
        groups: list[Group] = batch
        found = np.empty((sum(len(own) for own, _ in groups), self._space.dimensions), np.float32)
        for own, pixels in groups:
            found[own] = super().embed(pixels)
        return found

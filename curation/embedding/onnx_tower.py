"""The image half of an open_clip model as an ONNX graph: pixels in, unit vectors out."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import torch

from curation.embedding.open_clip import OpenClipEmbedder

PIXELS, VECTOR = "pixels", "vector"
"""Names of the graph's input and output."""
OPSET = 18


class _Tower(torch.nn.Module):
    """From pixels as `OpenClipEmbedder.prepare` makes them to unit vectors."""

    def __init__(self, embedder: OpenClipEmbedder) -> None:
        super().__init__()
        self.visual = embedder.visual
        self.register_buffer("shift", embedder.shift)
        self.register_buffer("scale", embedder.scale)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        inputs = pixels.permute(0, 3, 1, 2).float() * self.scale - self.shift
        return torch.nn.functional.normalize(self.visual(inputs), dim=-1)


def tower_graph(embedder: OpenClipEmbedder) -> Any:
    """The tower as an ONNX model in float32.

    Parameters
    ----------
    embedder : OpenClipEmbedder
        On the CPU.

    Returns
    -------
    onnx.ModelProto
        Input `pixels`: uint8, shape (n, height, width, 3), prepared as `embedder.preparation` says. Output `vector`:
        float32, shape (n, dimensions).
    """
    import onnx

    example = torch.zeros((2, embedder.preparation.height, embedder.preparation.width, 3), dtype=torch.uint8)
    out = io.BytesIO()
    with warnings.catch_warnings():  # torch's exporter warns of its own deprecations, on which a caller has no hold
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            program = torch.onnx.export(
                _Tower(embedder).eval(),
                (example,),
                input_names=[PIXELS],
                output_names=[VECTOR],
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        finally:
            logging.disable(before)
    assert program is not None
    program.save(out)
    return onnx.load_from_string(out.getvalue())

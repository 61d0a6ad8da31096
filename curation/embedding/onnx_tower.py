"""The image half of an open_clip model as an ONNX graph: pixels in, unit vectors out."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from curation.embedding.open_clip import OpenClipEmbedder
from curation.embedding.preparation import GRID, WHOLE
from schemas.errors import WrongUse

PIXELS, VECTOR = "pixels", "vector"
"""Names of the graph's input and output."""
OPSET = 18
PACKAGES = ("onnx", "onnxruntime", "onnxscript")
LARGEST = 1_900_000_000
"""Bytes of weights that go into one file: a protocol buffer ends at 2 GB."""


class _Tower(torch.nn.Module):
    """From pixels as `OpenClipEmbedder.prepare` makes them to unit vectors."""

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, embedder: OpenClipEmbedder) -> None:
        super().__init__()
        self.visual = embedder.visual
        self.register_buffer("shift", embedder.shift)
        self.register_buffer("scale", embedder.scale)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        inputs = pixels.permute(0, 3, 1, 2).float() * self.scale - self.shift
        return torch.nn.functional.normalize(self.visual(inputs), dim=-1)


def refuse_without_packages() -> None:
    """Raise WrongUse where what writes or runs ONNX is not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise WrongUse(
            f"ONNX needs packages that are not installed: {', '.join(missing)}; pip install 'salon-curation[onnx]'."
        )


def tower_graph(embedder: OpenClipEmbedder) -> Any:
    """The tower as an ONNX model in float32, without names or paths of the machine that made it.

    Parameters
    ----------
    embedder : OpenClipEmbedder
        On the CPU.

    Returns
    -------
    onnx.ModelProto
        Input `pixels`: uint8, shape (n, height, width, 3), prepared as `embedder.preparation` says; height and width
        are free where whole pictures are seen. Output `vector`:
        float32, shape (n, dimensions).

    Raises
    ------
    WrongUse
        The model is too large for one file, or has a part that ONNX has no word for.
    """
    model = embedder.space.model
    size = sum(4 * weights.numel() for weights in embedder.visual.parameters())
    if size > LARGEST:
        raise WrongUse(f"{model}: {size / 1e9:.1f} GB of weights do not fit into one ONNX file, which ends at 2 GB.")
    height, width, free = embedder.preparation.height, embedder.preparation.width, {0: torch.export.Dim.DYNAMIC}
    if embedder.preparation.resize_mode == WHOLE:
        height, width, free = height + GRID, width + 2 * GRID, dict.fromkeys(range(3), torch.export.Dim.DYNAMIC)
    example = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    with _silence():
        try:
            program = torch.onnx.export(
                _Tower(embedder).eval(),
                (example,),
                input_names=[PIXELS],
                output_names=[VECTOR],
                dynamic_shapes=(free,),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise WrongUse(f"{model}: this model cannot be written as ONNX: {first}") from error
    assert program is not None
    return _plain(program.model_proto)


@contextmanager
def _silence() -> Iterator[None]:
    """torch's exporter warns of its own deprecations and logs each step, on which a caller has no hold."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _plain(model: Any) -> Any:
    """The model without the exporter's notes: stack traces with paths of this machine, names of classes."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    for value in (*graph.input, *graph.output):
        for size, name in zip(value.type.tensor_type.shape.dim, ("n", "height", "width"), strict=False):
            if size.dim_param or name == "n":
                size.dim_param = name
    return model

"""Forms of one image tower in several precisions, and which of them is fastest on this machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from schemas.codes import Precision

FAITHFUL = 0.999
"""Least cosine to float32, over the pictures tried, of a form that may be chosen."""
TRIED = 16
ROUNDS = 3


@dataclass(frozen=True)
class Form:
    """An image tower that is ready to run.

    Parameters
    ----------
    name : str
        What is recorded with a vector.
    run : callable
        From normalised float32 inputs, shape (n, 3, height, width), to vectors.
    """

    name: str
    run: Callable[[torch.Tensor], torch.Tensor]

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Vectors of inputs, without a trace for gradients."""
        # Not inference_mode: bfloat16 autocast was five times slower under it.
        with torch.no_grad():
            return self.run(inputs)


def in_form(visual: Any, precision: Precision, device: torch.device) -> Form:
    """The tower in one precision; float32 weights are shared, others are a copy."""
    if precision is Precision.BFLOAT16:
        low = copy.deepcopy(visual).to(torch.bfloat16).to(memory_format=torch.channels_last)
        return Form("bfloat16", lambda inputs: low(inputs.to(torch.bfloat16)))
    if precision is Precision.AUTOCAST:

        def cast(inputs: torch.Tensor) -> torch.Tensor:
            with torch.autocast(device.type, dtype=torch.bfloat16):
                return visual(inputs)  # type: ignore[no-any-return]  # open_clip has no types

        return Form("bfloat16 autocast", cast)
    return Form("float32", visual)


def fastest_form(visual: Any, inputs: torch.Tensor, device: torch.device) -> Form:
    """The fastest form on this machine whose vectors keep cosine .999 to float32 on these inputs."""
    sample = inputs[:TRIED]
    full = in_form(visual, Precision.FLOAT32, device)
    truth = full(sample).float()
    best, least = full, _seconds(full, sample, device)
    for precision in (Precision.BFLOAT16, Precision.AUTOCAST):
        form = in_form(visual, precision, device)
        cosine = torch.nn.functional.cosine_similarity(form(sample).float(), truth).min().item()
        took = _seconds(form, sample, device)
        if cosine >= FAITHFUL and took < least:
            best, least = form, took
    return best


def _seconds(form: Form, inputs: torch.Tensor, device: torch.device) -> float:
    """Least time of some runs; the first, which warms up, does not count."""
    found = []
    for _ in range(ROUNDS + 1):
        _wait(device)
        began = time.perf_counter()
        form(inputs)
        _wait(device)
        found.append(time.perf_counter() - began)
    return min(found[1:])


def _wait(device: torch.device) -> None:
    """Let the device finish what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()

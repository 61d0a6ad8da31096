"""Which plots a card has, from the rows of a version."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.release.biases import biases
from flows.release.plots import bars_around_zero, histogram, scatter
from flows.release.wide import Axis

if TYPE_CHECKING:
    from flows.release.build import Material


def plots_of(material: Material, rows: pa.Table, axis: Axis) -> dict[str, Callable[[], str]]:
    """Name of each plot and how to draw it, for the release's own question."""
    known = rows.select(["score", "ci_low", "ci_high"]).drop_null()
    score = known["score"].to_numpy()
    width = known["ci_high"].to_numpy() - known["ci_low"].to_numpy()
    low, high = _ends(material, axis, rows)
    label = f"score: {axis.question}, scale {axis.scale}"
    found = [bias for bias in biases(rows) if bias.figure is not None and not bias.kinds]
    spans = [(b.low or 0.0, b.high or 0.0) for b in found]
    return {
        "scores": partial(histogram, _scores(rows), label, low, high),
        "uncertainty": partial(scatter, score, width, label, "width of the 95 % interval", low, high),
        "biases": partial(bars_around_zero, [b.what for b in found], [b.figure or 0.0 for b in found], spans),
    }


def _scores(rows: pa.Table) -> np.typing.NDArray[np.float64]:
    return np.asarray(rows["score"].drop_null().to_numpy(), np.float64)


def _ends(material: Material, axis: Axis, rows: pa.Table) -> tuple[float, float]:
    """Ends of the scale where ratings tell them, else of the scores."""
    ratings = material.tables.get("ratings")
    if ratings is not None and ratings.num_rows:
        own = ratings.filter((pc.field("question") == axis.question) & (pc.field("scale") == axis.scale))
        if own.num_rows:
            return float(pc.min(own["scale_low"]).as_py()), float(pc.max(own["scale_high"]).as_py())
    scores = _scores(rows)
    return (float(np.floor(scores.min())), float(np.ceil(scores.max()))) if len(scores) else (0.0, 1.0)

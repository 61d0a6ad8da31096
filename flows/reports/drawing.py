"""How every plot of Salon looks, and how it becomes SVG: vector, readable in print, in colours for the colour-blind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#8a8f98", "#1d1f23"
SERIES = ((BLUE, "o"), (ORANGE, "s"), ("#009E73", "D"), ("#CC79A7", "^"))
"""Colours of Okabe and Ito, each with a marker of its own: they are told apart in grey too."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "salon",  # equal data make equal files
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """Plots that are made and written in the block look like Salon's."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def new_plot(width: float = 6.4, height: float = 4.0) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, in inches; no window system is asked for."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def svg_of(figure: Figure) -> str:
    """The figure as SVG text, the same for equal figures."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()

"""Plots of scores and raters as SVG: vector, readable in print, and in colours that the colour-blind tell apart."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#8a8f98", "#1d1f23"
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
MOST_POINTS = 5000
"""More points are drawn as a picture inside the SVG, so that a page of 100,000 photos still opens."""


def _axes(width: float = 6.4, height: float = 4.0) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _scatter(axes: Axes, x: Floats, y: Floats, colour: str = BLUE) -> None:
    axes.scatter(x, y, s=10, color=colour, alpha=0.45, linewidths=0, rasterized=len(x) > MOST_POINTS)


def spread_plot(mean: Floats, sd: Floats, sos: float, low: float, high: float) -> str:
    """Mean against standard deviation of every photo, with the fitted SOS curve and the largest possible spread."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure, axes = _axes()
        _scatter(axes, mean, sd)
        x = np.linspace(low, high, 200)
        parabola = (x - low) * (high - x)
        axes.plot(x, np.sqrt(sos * parabola), color=ORANGE, lw=2, label=f"SOS curve, a = {sos:.3f}")
        axes.plot(x, np.sqrt(parabola), color=GREY, lw=1, ls="--", label="largest possible")
        axes.set(xlabel="mean opinion score", ylabel="standard deviation of votes", xlim=(low, high))
        axes.set_ylim(0)
        axes.legend(frameon=False, loc="upper right")
        return _svg(figure)


def width_plot(n: Floats, half: Floats) -> str:
    """Half-width of the 95 % interval against the number of votes, with the medians."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure, axes = _axes()
        _scatter(axes, n, half)
        edges = np.unique(np.quantile(n, np.linspace(0, 1, 13)))
        place = np.clip(np.searchsorted(edges, n, side="right") - 1, 0, max(len(edges) - 2, 0))
        groups = np.unique(place)
        x = [float(np.median(n[place == group])) for group in groups]
        y = [float(np.median(half[place == group])) for group in groups]
        axes.plot(x, y, color=ORANGE, lw=2, marker="o", ms=4, label="median")
        axes.set(xlabel="votes on the photo", ylabel="half-width of the 95 % interval")
        axes.set_ylim(0)
        axes.legend(frameon=False)
        return _svg(figure)


def rater_plot(bias: Floats, inconsistency: Floats, left_out: npt.NDArray[np.bool_]) -> str:
    """Every rater's bias against inconsistency; raters whom the screening leaves out are crosses."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure, axes = _axes()
        _scatter(axes, bias[~left_out], inconsistency[~left_out])
        if left_out.any():
            axes.scatter(bias[left_out], inconsistency[left_out], marker="x", color=ORANGE, label="screened out")
            axes.legend(frameon=False)
        axes.axvline(0, color=GREY, lw=1)
        axes.set(xlabel="bias (votes higher →)", ylabel="inconsistency")
        axes.set_ylim(0)
        return _svg(figure)


def repeat_plot(first: Floats, second: Floats, low: float, high: float) -> str:
    """How often a first vote was followed by which second vote of the same rater on the same photo."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure, axes = _axes(4.6, 4.2)
        bins = (
            np.linspace(low - 0.5, high + 0.5, round(high - low) + 2)
            if high - low <= 20
            else np.linspace(low, high, 11)
        )
        counts, _, _ = np.histogram2d(first, second, bins=[bins, bins])
        image = axes.pcolormesh(bins, bins, counts.T, cmap="cividis")
        axes.grid(visible=False)
        axes.set(xlabel="first vote", ylabel="repeated vote", aspect="equal")
        figure.colorbar(image, ax=axes, label="repeats")
        return _svg(figure)


def drift_plot(place: Floats, residual: Floats) -> str:
    """Mean residual, in standard deviations, over twenty parts of the raters' sessions, with 95 % intervals."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure, axes = _axes()
        part = np.minimum((place * 20).astype(np.int64), 19)
        scale = residual.std() or 1.0
        groups = np.unique(part)
        mean = np.array([residual[part == group].mean() for group in groups]) / scale
        error = np.array([residual[part == group].std() / np.sqrt((part == group).sum()) for group in groups]) / scale
        axes.axhspan(-0.25, 0.25, color=GREY, alpha=0.12, lw=0, label="no alarm within ± .25 SD")
        axes.errorbar((groups + 0.5) * 5, mean, 1.96 * error, color=BLUE, marker="o", ms=4, lw=1.5, capsize=2)
        axes.set(xlabel="part of the rater's session, %", ylabel="mean residual, SD", xlim=(0, 100))
        axes.set_ylim(min(-0.4, float((mean - 2 * error).min())), max(0.4, float((mean + 2 * error).max())))
        axes.legend(frameon=False, loc="lower left")
        return _svg(figure)


def score_plot(score: Floats, low: float, high: float) -> str:
    """How the scores are distributed over the scale."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure, axes = _axes(6.4, 2.6)
        axes.hist(np.clip(score, low, high), bins=40, range=(low, high), color=BLUE)
        axes.set(xlabel="score", ylabel="photos", xlim=(low, high))
        return _svg(figure)

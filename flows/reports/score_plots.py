"""Plots of scores and raters as SVG: vector, readable in print, and in colours that the colour-blind tell apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from flows.reports.drawing import BLUE, GREY, INK, ORANGE, SERIES, new_plot, styled, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_POINTS = 5000
"""More points are drawn as hexagons shaded by how many fall in each, so that a page of 100,000 photos stays vector."""
MOST_BARS = 300
MOST_MEDIANS = 12
MOST_STRATA = 25


def _bar(figure: Any, axes: Axes, shades: Any, label: str) -> None:
    """A colour bar that stays vector: matplotlib makes a picture of it otherwise."""
    bar = figure.colorbar(shades, ax=axes, label=label)
    bar.solids.set_rasterized(False)
    bar.solids.set_edgecolor("face")


def _scatter(axes: Axes, x: Floats, y: Floats, colour: str = BLUE) -> None:
    if len(x) > MOST_POINTS:
        shades = axes.hexbin(x, y, gridsize=60, mincnt=1, bins="log", cmap="Blues", linewidths=0.1)
        _bar(axes.figure, axes, shades, "points")
    else:
        axes.scatter(x, y, s=12, color=colour, alpha=0.5, linewidths=0)


def spread_plot(mean: Floats, sd: Floats, sos: float, low: float, high: float) -> str:
    """Mean against standard deviation of every photo, with the fitted SOS curve and the largest possible spread."""
    with styled():
        figure, axes = new_plot()
        _scatter(axes, mean, sd)
        x = np.linspace(low, high, 200)
        parabola = (x - low) * (high - x)
        axes.plot(x, np.sqrt(sos * parabola), color=ORANGE, lw=2, label=f"SOS curve, a = {sos:.3f}")
        axes.plot(x, np.sqrt(parabola), color=GREY, lw=1, ls="--", label="largest possible")
        axes.set(xlabel="mean opinion score", ylabel="standard deviation of votes", xlim=(low, high))
        axes.set_ylim(0)
        axes.legend(frameon=False, loc="lower center")
        return svg_of(figure)


def width_plot(n: Floats, half: Floats) -> str:
    """Half-width of the 95 % interval against the number of votes, with the medians."""
    with styled():
        figure, axes = new_plot()
        _scatter(axes, n, half)
        edges = np.unique(n)
        if len(edges) > MOST_MEDIANS:
            edges = np.unique(np.quantile(n, np.linspace(0, 1, MOST_MEDIANS + 1)))[:-1]
        place = np.searchsorted(edges, n, side="right") - 1
        groups = np.unique(place)
        x = [float(np.median(n[place == group])) for group in groups]
        y = [float(np.median(half[place == group])) for group in groups]
        axes.plot(x, y, color=ORANGE, lw=2, marker="o", ms=9, mfc="white", label="median", zorder=0.5)
        axes.set(xlabel="votes on the photo", ylabel="half-width of the 95 % interval")
        axes.set_ylim(0)
        axes.legend(frameon=False)
        return svg_of(figure)


def rater_plot(
    bias: Floats, inconsistency: Floats, left_out: npt.NDArray[np.bool_], ends: Sequence[Floats] = ()
) -> str:
    """Every rater's bias against inconsistency; raters whom the screening leaves out are crosses.

    Up to 300 raters have both 95 % intervals: `ends` are the lower and upper ends of bias and of inconsistency.
    """
    with styled():
        figure, axes = new_plot()
        if ends and len(bias) <= MOST_BARS:
            widths = [bias - ends[0], ends[1] - bias], [inconsistency - ends[2], ends[3] - inconsistency]
            bars = [np.clip(np.nan_to_num(np.array(width)), 0, None) for width in widths]
            axes.errorbar(bias, inconsistency, bars[1], bars[0], fmt="none", ecolor=GREY, elinewidth=0.5, alpha=0.5)
        _scatter(axes, bias[~left_out], inconsistency[~left_out])
        if left_out.any():
            axes.scatter(bias[left_out], inconsistency[left_out], marker="x", color=ORANGE, label="screened out")
            axes.legend(frameon=False)
        axes.axvline(0, color=GREY, lw=1)
        axes.set(xlabel="bias, scale units (votes higher →)", ylabel="inconsistency, scale units")
        axes.set_ylim(0)
        return svg_of(figure)


def repeat_plot(first: Floats, second: Floats, low: float, high: float) -> str:
    """How often a first vote was followed by which second vote of the same rater on the same photo."""
    with styled():
        figure, axes = new_plot(4.6, 4.2)
        bins = (
            np.linspace(low - 0.5, high + 0.5, round(high - low) + 2)
            if high - low <= 20
            else np.linspace(low, high, 11)
        )
        counts, _, _ = np.histogram2d(first, second, bins=[bins, bins])
        image = axes.pcolormesh(bins, bins, counts.T, cmap="cividis")
        axes.grid(visible=False)
        axes.set(xlabel="first vote", ylabel="repeated vote", aspect="equal")
        _bar(figure, axes, image, "repeats")
        return svg_of(figure)


def drift_plot(place: Floats, residual: Floats) -> str:
    """Mean residual, in standard deviations, over twenty parts of the raters' sessions, with 95 % intervals."""
    with styled():
        figure, axes = new_plot()
        part = np.minimum((place * 20).astype(np.int64), 19)
        groups = _residuals(axes, part, residual, lambda group: (group + 0.5) * 5)
        axes.set(xlabel="part of the rater's session, %", ylabel="mean residual, SD", xlim=(0, 100))
        return svg_of(figure) if len(groups) else ""


def calendar_plot(when: Sequence[datetime], residual: Floats) -> str:
    """Mean residual, in standard deviations, over up to twenty spans of time with as many votes each."""
    from matplotlib import dates as calendar

    dates: Any = calendar  # untyped in matplotlib
    with styled():
        figure, axes = new_plot()
        days = np.asarray(dates.date2num(list(when)), np.float64)
        edges = np.unique(np.quantile(days, np.linspace(0, 1, 21)))
        part = np.clip(np.searchsorted(edges, days, side="right") - 1, 0, max(len(edges) - 2, 0))
        _residuals(axes, part, residual, lambda group: float(days[part == group].mean()))
        locator = dates.AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        axes.set(xlabel="when the votes were cast", ylabel="mean residual, SD")
        return svg_of(figure)


def _residuals(axes: Axes, part: Ints, residual: Floats, place: Callable[[int], float]) -> Ints:
    """Mean residual of each part with its 95 % interval, and the band without alarm; returns the parts."""
    scale = residual.std() or 1.0
    groups = np.unique(part)
    mean = np.array([residual[part == group].mean() for group in groups]) / scale
    error = np.array([residual[part == group].std() / np.sqrt((part == group).sum()) for group in groups]) / scale
    axes.axhspan(-0.25, 0.25, color=GREY, alpha=0.12, lw=0, label="no alarm within ± .25 SD")
    x = [place(int(group)) for group in groups]
    axes.errorbar(x, mean, 1.96 * error, color=BLUE, marker="o", ms=4, lw=1.5, capsize=2)
    axes.set_ylim(min(-0.4, float((mean - 2 * error).min())), max(0.4, float((mean + 2 * error).max())))
    axes.legend(frameon=False, loc="lower left")
    return groups


def rank_plot(score: Floats, low: Floats, high: Floats, ends: tuple[float, float] | None) -> str:
    """Every photo's score in order, with its 95 % interval as a band."""
    with styled():
        figure, axes = new_plot(6.4, 3.4)
        order = np.argsort(score, kind="stable")
        rank: Ints = np.arange(1, len(score) + 1)
        told = np.isfinite(low[order]) & np.isfinite(high[order])
        kind: dict[str, Any] = {
            "color": BLUE,
            "alpha": 0.25,
            "linewidth": min(3.0, 300 / len(score)) if len(score) <= 1000 else 0.4,
        }
        axes.vlines(rank[told], low[order][told], high[order][told], label="95 % interval", **kind)
        axes.plot(rank, score[order], color=INK, lw=1.2, label="score")
        axes.set(xlabel="photos, lowest score first", ylabel="score", xlim=(0, len(score) + 1))
        if ends:
            axes.set_ylim(*ends)
        axes.legend(frameon=False, loc="upper left")
        return svg_of(figure)


def order_plot(score: Floats, other: Floats, moved: npt.NDArray[np.bool_], labels: tuple[str, str]) -> str:
    """Two scores of the same photos; photos that change places beyond their interval are marked."""
    with styled():
        figure, axes = new_plot(4.8, 4.4)
        _scatter(axes, score[~moved], other[~moved])
        if moved.any():
            axes.scatter(score[moved], other[moved], marker="x", s=26, color=ORANGE, label="moves beyond its interval")
            axes.legend(frameon=False, loc="upper left")
        ends = [float(min(score.min(), other.min())), float(max(score.max(), other.max()))]
        axes.plot(ends, ends, color=GREY, lw=1, ls="--")
        axes.set(xlabel=labels[0], ylabel=labels[1])
        return svg_of(figure)


def strata_plot(rows: Mapping[str, Mapping[str, tuple[float, float, float]]], names: Mapping[str, str]) -> str:
    """Reliability figures with their 95 % intervals, one line for each stratum.

    Parameters
    ----------
    rows : mapping
        By stratum and measure: value, low and high; at most 25 strata are drawn.
    names : mapping
        The measures, in order, with the words for the legend; at most four.
    """
    with styled():
        strata = list(rows)[:MOST_STRATA]
        figure, axes = new_plot(6.4, 1.4 + 0.55 * len(strata))
        for number, (measure, words) in enumerate(names.items()):
            colour, marker = SERIES[number]
            found = [
                (place, *rows[stratum][measure]) for place, stratum in enumerate(strata) if measure in rows[stratum]
            ]
            if not found:
                continue
            place, value, low, high = np.array(found, np.float64).T
            bars = np.clip([value - low, high - value], 0, None)
            y = place + 0.18 * (number - (len(names) - 1) / 2)
            axes.errorbar(value, y, xerr=bars, fmt=marker, color=colour, ms=5, lw=1.3, capsize=2, label=words)
        axes.set_yticks(range(len(strata)), strata)
        axes.set_ylim(len(strata) - 0.5, -0.5)
        axes.set_xlim(min(0.0, axes.get_xlim()[0]), 1)
        axes.set_xlabel("reliability, with 95 % interval")
        figure.legend(frameon=False, loc="outside upper center", ncols=2)
        return svg_of(figure)


def score_plot(score: Floats, low: float, high: float) -> str:
    """How the scores are distributed over the scale."""
    with styled():
        figure, axes = new_plot(6.4, 2.6)
        axes.hist(np.clip(score, low, high), bins=40, range=(low, high), color=BLUE)
        axes.set(xlabel="score", ylabel="photos", xlim=(low, high))
        return svg_of(figure)

"""Plots of what was learnt: intervals side by side, predictions against people, taste by shots, what-if curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.reports.drawing import BLUE, GREY, INK, ORANGE, SERIES, new_plot, styled, svg_of
from labeling.learning.fewshot import Result

Floats = npt.NDArray[np.float64]

METHODS = {
    "generic": "the generic score (floor)",
    "generic_fitted": "generic, a line fitted to the rater",
    "residual": "the rater's own model",
    "kindred": "with what kindred raters lend",
    "mean_of_others": "mean of all others (nobody has it)",
}
"""Methods of the few-shot benchmark in words, in the order in which they are shown."""


@dataclass(frozen=True)
class Row:
    """One estimate with its interval; `strong` where it is to be seen first."""

    label: str
    value: float
    low: float
    high: float
    strong: bool = True


def intervals_plot(rows: Sequence[Row], xlabel: str, line: float | None = None, word: str = "") -> str:
    """Estimates with their intervals, the first on top, and a line to hold them against."""
    with styled():
        plot, axes = new_plot(6.8, 0.9 + 0.27 * len(rows))
        for place, row in enumerate(rows):
            colour = BLUE if row.strong else GREY
            axes.plot([row.low, row.high], [place, place], color=colour, lw=2, solid_capstyle="round")
            axes.plot([row.value], [place], marker="o", ms=6, color=colour, mfc=colour if row.strong else "white")
        if line is not None:
            axes.axvline(line, color=INK, lw=0.9, ls="--" if word else "-", label=word or None)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(xlabel)
        axes.grid(axis="y", visible=False)
        if word:
            axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
        return svg_of(plot)


def agreement_plot(predicted: Floats, low: Floats, high: Floats, score: Floats, where: str) -> str:
    """Predictions with their 95 % intervals against what people said; those that miss are marked."""
    with styled():
        plot, axes = new_plot(5.2, 4.6)
        inside = (low <= score) & (score <= high)
        for flags, colour, mark, word in ((inside, BLUE, "o", "interval holds"), (~inside, ORANGE, "s", "it misses")):
            if flags.any():
                axes.vlines(score[flags], low[flags], high[flags], color=colour, lw=0.8, alpha=0.35)
                axes.scatter(score[flags], predicted[flags], s=18, color=colour, marker=mark, label=word, zorder=3)
        ends = [float(min(score.min(), low.min())), float(max(score.max(), high.max()))]
        axes.plot(ends, ends, color=GREY, lw=1, ls="--")
        axes.set(xlabel="score that people gave", ylabel=f"predicted, {where}")
        axes.legend(frameon=False, loc="upper left")
        return svg_of(plot)


def shots_plot(results: Sequence[Result]) -> str:
    """Rank correlation with the rater's own votes by the number of votes that taste was learnt from."""
    shots = sorted({r.shots for r in results})
    with styled():
        plot, axes = new_plot(9.6, 3.6)
        colours = (*SERIES, (INK, "v"))
        for number, (method, word) in enumerate(METHODS.items()):
            own = sorted((r for r in results if r.method.value == method), key=lambda r: r.shots)
            if not own:
                continue
            # Side by side, so that intervals do not hide each other.
            x = np.array([shots.index(r.shots) for r in own]) + (number - 2) * 0.07
            value = np.array([r.srcc.value for r in own])
            apart = np.abs(np.array([[r.srcc.low, r.srcc.high] for r in own]).T - value)
            colour, mark = colours[number]
            dashed = "--" if method in ("generic", "mean_of_others") else "-"
            axes.errorbar(x, value, apart, color=colour, marker=mark, ms=6, lw=1.5, elinewidth=1, ls=dashed, label=word)
        axes.set_xticks(range(len(shots)), [str(s) for s in shots])
        axes.set(xlabel="votes of the rater that are known", ylabel="rank correlation on other photos")
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        return svg_of(plot)


def histogram_plot(predicted: Floats, real: Floats | None, low: float) -> str:
    """Predicted shares of the votes on every step of the scale, and those that people gave where there are some."""
    steps = low + np.arange(len(predicted))
    with styled():
        plot, axes = new_plot(6.8, 2.6)
        wide = 0.8 if real is None else 0.4
        axes.bar(steps - (0 if real is None else 0.2), predicted, wide, color=BLUE, label="predicted")
        if real is not None:
            axes.bar(steps + 0.2, real, 0.4, color=ORANGE, label="people")
            axes.legend(frameon=False)
        axes.set_xticks(steps if len(steps) <= 15 else steps[:: len(steps) // 10])
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set(xlabel="step of the scale, from the lowest", ylabel="share of votes")
        axes.grid(axis="x", visible=False)
        return svg_of(plot)


def curve_plot(
    xlabel: str, settings: Sequence[float], score: Floats, sd: Floats, neutral: float, limits: tuple[float, float]
) -> str:
    """One what-if curve with its 95 % band, on the axis that all of a photo's curves share."""
    with styled():
        plot, axes = new_plot(9.6, 2.3)
        axes.fill_between(settings, score - 1.96 * sd, score + 1.96 * sd, alpha=0.15, linewidth=0, color=BLUE)
        axes.plot(settings, score, marker="o", markersize=4, color=BLUE)
        axes.axvline(neutral, linewidth=0.8, linestyle=":", color=GREY)
        axes.axhline(score[list(settings).index(neutral)], linewidth=0.8, linestyle=":", color=GREY)
        axes.set(xlabel=xlabel, ylabel="predicted score", ylim=limits)
        return svg_of(plot)

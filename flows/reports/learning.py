"""Pages on what was learnt: a comparison, a release's lessons, and one photo explained."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from flows.reports.drawing import BLUE, GREY, new_plot, styled, svg_of
from flows.reports.page import Page
from labeling.learning.comparison import Ceiling, Standing
from labeling.learning.effects import Effect, Shortcut
from labeling.learning.fewshot import Result
from labeling.learning.figures import Figure

Floats = npt.NDArray[np.float64]


def comparison_page(
    what: str, standings: Sequence[Standing], top: Ceiling | None, photos: int, simulated: bool
) -> Page:
    """A ranking with intervals, the ceiling beside it, and slices."""
    page = Page(
        f"Predictions of {what}",
        "Intervals draw photos and raters anew together; 'behind' is drawn in pairs, so that an interval without 0 is "
        "a real difference.",
        simulated=simulated,
    )
    page.numbers({"photos": f"{photos:,}", "predictions": str(len(standings))})
    if top:
        page.text(
            f"Ceiling: halves of the raters agree by SRCC {top.split_half:.3f} (stepped up to all raters); a perfect "
            f"model could reach PLCC {top.best_possible:.3f}."
        )
    rows = []
    for place, s in enumerate(standings, start=1):
        share = f"{s.plcc.value**2 / top.pearson:.0%}" if top and top.pearson > 0 else ""
        rows.append((place, s.name, str(s.srcc), str(s.plcc), "" if s.behind.value == 0 else str(s.behind), share))
    page.table(("place", "prediction", "SRCC", "PLCC", "behind the best", "share of explainable variance"), rows)
    names = sorted({name for s in standings for name in s.slices})
    if names:
        page.table(
            ("slice", "photos", *(s.name for s in standings)),
            [
                (
                    name,
                    next(s.slices[name][1] for s in standings if name in s.slices),
                    *(f"{s.slices[name][0]:.3f}" if name in s.slices else "" for s in standings),
                )
                for name in names
            ],
            title="SRCC by slice",
        )
    return page


def heads_section(page: Page, heads: Mapping[str, Mapping[str, Sequence[Figure]]]) -> None:
    """Figures of heads on validation and test."""
    page.heading("Heads", "Trained on the training split alone; 95 % intervals over photos.")
    rows = [
        (kind, split, *(str(f) for f in figures))
        for kind, parts in heads.items()
        for split, figures in parts.items()
        if split != "train" and figures
    ]
    if rows:
        page.table(("head", "split", "SRCC", "PLCC", "RMSE", "EMD (order 1)", "EMD (order 2)", "95 % coverage"), rows)


def taste_section(page: Page, results: Sequence[Result], note: str) -> None:
    """The few-shot benchmark."""
    page.heading("Personal taste", note)
    page.table(
        ("shots", "method", "raters", "episodes", "SRCC", "RMSE"),
        [(r.shots, r.method.value, r.raters, r.episodes, str(r.srcc), str(r.rmse)) for r in results],
    )


def effects_table(page: Page, effects: Sequence[Effect], title: str) -> None:
    """Standardised effects, largest first."""
    page.table(
        ("property", "effect", "95 % interval", "correlation alone", "adjusted p", ""),
        [
            (
                e.name,
                round(e.effect, 3),
                f"{e.low:.3f} to {e.high:.3f}",
                round(e.alone, 3),
                f"{e.adjusted:.3g}",
                "*" if e.real else "",
            )
            for e in effects
        ],
        title=title,
    )


def shortcuts_section(page: Page, shortcuts: Sequence[Shortcut]) -> None:
    """Does the score follow what it should not?"""
    page.heading(
        "Shortcuts",
        "Rank tests with Holm's correction: with nothing to find, 5 reports of 100 flag anything. A flag asks for a "
        "look, it proves nothing: good cameras may belong to good photographers.",
    )
    page.table(
        ("suspect", "strength", "adjusted p", "rows", "flag"),
        [(s.name, round(s.strength, 3), f"{s.adjusted:.3g}", s.n, "look" if s.flagged else "") for s in shortcuts],
    )


def heat_over(picture: npt.NDArray[np.uint8], relevance: Floats) -> bytes:
    """The picture with its relevance map laid over: red speaks for it, blue against it; a JPEG."""
    from matplotlib import colormaps
    from PIL import Image

    limit = float(np.abs(relevance).max()) or 1.0
    height, width = picture.shape[:2]
    spread = Image.fromarray((relevance / limit).astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    values = np.clip(np.asarray(spread), -1, 1)
    colours = colormaps["RdBu_r"]((values + 1) / 2)[..., :3] * 255
    weight = 0.65 * np.abs(values)[..., None]
    grey = np.repeat(picture.astype(np.float64).mean(axis=2, keepdims=True), 3, axis=2)
    mixed = grey * (1 - weight) + colours * weight
    out = io.BytesIO()
    Image.fromarray(mixed.round().astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


def curve_plot(name: str, unit: str, settings: Sequence[float], score: Floats, sd: Floats, neutral: float) -> str:
    """One what-if curve with its 95 % band, as SVG."""
    with styled():
        plot, axes = new_plot(4.2, 2.8)
        axes.fill_between(settings, score - 1.96 * sd, score + 1.96 * sd, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(settings, score, color=BLUE, marker="o", markersize=3)
        axes.axvline(neutral, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel(f"{name} ({unit})")
        axes.set_ylabel("predicted score")
        return svg_of(plot)

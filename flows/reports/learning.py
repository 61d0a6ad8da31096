"""Pages on what was learnt: a comparison, a release's lessons, and one photo explained."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from flows.reports.learning_plots import METHODS, Row, intervals_plot, shots_plot
from flows.reports.page import Page
from labeling.learning.comparison import Ceiling, Standing
from labeling.learning.effects import Effect, Shortcut
from labeling.learning.fewshot import Result
from labeling.learning.figures import Figure
from schemas.codes import Split

Floats = npt.NDArray[np.float64]


WORDS = {
    "colorfulness": "colourfulness",
    "entropy": "variety of tones (entropy)",
    "clipped_shadows": "clipped shadows",
    "clipped_highlights": "clipped highlights",
    "mean_a": "red rather than green (mean a*)",
    "mean_b": "yellow rather than blue (mean b*)",
    "std_a": "spread from red to green (SD of a*)",
    "std_b": "spread from yellow to blue (SD of b*)",
}
"""Image properties in words, where their column's name is none."""
FIGURES = {"srcc": "SRCC", "plcc": "PLCC", "rmse": "RMSE", "emd1": "EMD", "coverage": "95 % coverage"}


def in_words(name: str) -> str:
    """An image property as a page names it."""
    return WORDS.get(name, name)


def comparison_page(
    what: str,
    standings: Sequence[Standing],
    top: Ceiling | None,
    photos: int,
    simulated: bool,
    small: Mapping[str, int] | None = None,
) -> Page:
    """A ranking with intervals, the ceiling beside it, and slices.

    Parameters
    ----------
    small : mapping of str to int, optional
        Slices that were too small to be judged, with their photos.
    """
    page = Page(
        f"Predictions of {what}",
        "Intervals draw photos and raters anew together; 'behind' is drawn in pairs, so that an interval without 0 is "
        "a real difference.",
        simulated=simulated,
    )
    best = standings[0]
    tiles = {"photos": f"{photos:,}", "best": best.name, "its SRCC": f"{best.srcc.value:.3f}"}
    if top and np.isfinite(top.split_half):
        tiles["ceiling: split-half SRCC"] = f"{top.split_half:.3f}"
        tiles["variance explained, of what can be"] = _explained(best, top)
    page.numbers(tiles)
    if top and np.isfinite(top.split_half):
        page.text(
            f"Ceiling: halves of the raters agree by SRCC {top.split_half:.3f} (stepped up to all raters); a perfect "
            f"model could reach PLCC {top.best_possible:.3f}."
        )
    bars = [Row(s.name, s.srcc.value, s.srcc.low, s.srcc.high, s is best) for s in standings]
    line = top.split_half if top and np.isfinite(top.split_half) else None
    page.figure(intervals_plot(bars, "SRCC with its 95 % interval", line, "split-half ceiling" if line else ""))
    behind = [Row(s.name, s.behind.value, s.behind.low, s.behind.high, s.behind.high < 0) for s in standings[1:]]
    if behind:
        page.figure(intervals_plot(behind, f"SRCC less that of {best.name}", 0.0), "Filled: really behind.")
    rows = [
        (place, s.name, str(s.srcc), str(s.plcc), "" if s is best else str(s.behind), _explained(s, top) if top else "")
        for place, s in enumerate(standings, start=1)
    ]
    page.table(("place", "prediction", "SRCC", "PLCC", "behind the best", "share of explainable variance"), rows)
    _slices(page, standings, small or {})
    return page


def _explained(standing: Standing, top: Ceiling) -> str:
    return f"{standing.plcc.value**2 / top.pearson:.0%}" if top.pearson > 0 else ""


def _slices(page: Page, standings: Sequence[Standing], small: Mapping[str, int]) -> None:
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
    if small:
        left = ", ".join(f"{name} ({count})" for name, count in sorted(small.items()))
        page.text(f"Too few photos to judge: {left}.")


def heads_section(page: Page, heads: Mapping[str, Mapping[str, Sequence[Figure]]]) -> None:
    """Figures of heads on validation and test."""
    page.heading("Heads", "Trained on the training split alone; 95 % intervals over photos.")
    found = {
        (kind, split): {figure.name: figure for figure in figures}
        for split in (Split.TEST, Split.VALIDATION)
        for kind, parts in heads.items()
        if (figures := parts.get(split, ()))
    }
    if not found:
        page.text("Too few photos outside the training split to judge them on.")
        return
    bars = [
        Row(f"{kind}, {split}", f["srcc"].value, f["srcc"].low, f["srcc"].high, split == Split.TEST)
        for (kind, split), f in found.items()
    ]
    page.figure(intervals_plot(bars, "SRCC with its 95 % interval"))
    rows = [
        (kind, split.value, *(str(figures[f]) if f in figures else "" for f in FIGURES))
        for (kind, split), figures in found.items()
    ]
    page.table(("head", "split", *FIGURES.values()), rows)


def taste_section(page: Page, results: Sequence[Result], note: str) -> None:
    """The few-shot benchmark."""
    page.heading("Personal taste", note)
    if not results:
        return
    page.figure(shots_plot(results), "Rank correlation with a person's own votes on photos that were not learnt from.")
    page.table(
        ("votes known", "method", "raters", "episodes", "SRCC", "RMSE"),
        [
            (r.shots, METHODS[r.method.value], r.raters, r.episodes, str(r.srcc), str(r.rmse))
            for r in sorted(results, key=lambda r: (r.shots, list(METHODS).index(r.method.value)))
        ],
    )


def effects_section(page: Page, effects: Sequence[Effect], title: str, xlabel: str) -> None:
    """Standardised effects with their intervals, largest first, and the table behind the plot."""
    bars = [Row(in_words(e.name), e.effect, e.low, e.high, e.real) for e in effects]
    page.figure(
        intervals_plot(bars, xlabel, 0.0),
        f"{title}. Filled: real after correction for {len(effects)} tests (false discovery rate 5 %).",
    )
    page.table(
        (title, "effect", "95 % interval", "correlation alone", "adjusted p", ""),
        [
            (
                in_words(e.name),
                f"{e.effect:+.3f}",
                f"{e.low:+.3f} to {e.high:+.3f}",
                f"{e.alone:+.3f}",
                _chance(e.adjusted),
                "real" if e.real else "",
            )
            for e in effects
        ],
    )


def _chance(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.01 else f"{p:.2f}"


def shortcuts_section(page: Page, shortcuts: Sequence[Shortcut]) -> None:
    """Does the score follow what it should not?"""
    page.heading(
        "Shortcuts",
        "Does the score follow what beauty should not be about? Rank tests with Holm's correction: with nothing to "
        "find, 5 reports of 100 flag anything. A flag asks for a look, it proves nothing: good cameras may belong to "
        "good photographers.",
    )
    if not shortcuts:
        page.text("Nothing of the kind varies here or is known of enough photos.")
        return
    flagged = [s.name for s in shortcuts if s.flagged]
    word = f"Flagged: {', '.join(flagged)}." if flagged else f"None of {len(shortcuts)} suspects is flagged."
    page.text(word)
    page.table(
        ("suspect", "strength", "adjusted p", "photos", ""),
        [(s.name, f"{s.strength:.3f}", _chance(s.adjusted), s.n, "look" if s.flagged else "") for s in shortcuts],
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

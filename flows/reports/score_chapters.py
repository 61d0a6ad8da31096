"""The chapters of a page of scores: scores, raters, screening, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from flows.context import Run
from flows.reports.page import Page
from flows.reports.score_plots import (
    MOST_BARS,
    Floats,
    calendar_plot,
    drift_plot,
    order_plot,
    rank_plot,
    rater_plot,
    repeat_plot,
    score_plot,
    spread_plot,
    strata_plot,
    width_plot,
)
from labeling.scoring.measures import MEANING
from labeling.scoring.mos import sos_parameter
from labeling.scoring.reliability import spearman

MOST_NAMED = 20
DRAWN = {name: MEANING[name] for name in ("split_half", "icc1", "alpha_interval", "leave_one_out")}
RATER_ENDS = ("bias_low", "bias_high", "inconsistency_low", "inconsistency_high")
SCREENED = """
    SELECT a.score AS before, b.score AS after, a.ci_low AS low, a.ci_high AS high, b.screening
    FROM scores a JOIN scores b USING (photo_id, question, scale, method)
    WHERE question = ? AND scale = ? AND method = 'two_way' AND a.screening = 'none' AND b.screening <> 'none'
      AND a.ci_low IS NOT NULL
    ORDER BY b.screening, photo_id
"""
ALL_VOTES = """
    SELECT r.photo_id, r.rater_id, r.value, r.position, r.submitted_at, s.score, m.bias
    FROM counted_ratings r
    JOIN scores s USING (photo_id, question, scale)
    JOIN raters m USING (rater_id, question, scale)
    WHERE r.question = ? AND r.scale = ? AND s.method = 'two_way' AND s.screening = 'none'
      AND m.method = 'two_way' AND m.screening = 'none'
    ORDER BY r.rater_id, r.position, r.submitted_at, r.photo_id, r.rating_id
"""


def score_chapter(page: Page, scores: pa.Table, scoring: dict[str, Any]) -> None:
    """Scores of all photos: distribution, order, spread, intervals, and what a cumulative model says."""
    low, high = scoring["scale_low"], scoring["scale_high"]
    plain = scores.filter(pa.compute.equal(scores["method"], "mos"))
    default = scores.filter(pa.compute.equal(scores["method"], "two_way"))
    mean, sd, n = column(plain, "score"), column(plain, "sd"), column(plain, "n")
    half = (column(default, "ci_high") - column(default, "ci_low")) / 2
    page.heading("Scores", "The release default: a weighted two-way model that takes raters' levels out.")
    score, ends = column(default, "score"), (column(default, "ci_low"), column(default, "ci_high"))
    page.figure(score_plot(score, low, high), "Scores of all photos.", "scores")
    page.figure(rank_plot(score, *ends, (low, high)), "Every photo with its interval, in order.", "order")
    known = ~np.isnan(sd)
    if known.any():
        sos = sos_parameter(mean, sd, low, high)
        caption = "Each point is a photo. Points far above the curve are photos that people disagree on."
        page.figure(spread_plot(mean[known], sd[known], 0.0 if np.isnan(sos) else sos, low, high), caption, "spread")
    if (~np.isnan(half)).any():
        told = ~np.isnan(half)
        page.figure(width_plot(n[told], half[told]), "More votes, narrower intervals; each point is a photo.", "widths")
    _order(page, scores, default)


def _order(page: Page, scores: pa.Table, default: pa.Table) -> None:
    """The same photos by the cumulative model, where there is one: rows of both stand in the order of photo_id."""
    ordinal = scores.filter(pa.compute.equal(scores["method"], "ordinal"))
    if not ordinal.num_rows:
        return
    moved = np.asarray(ordinal["order_moved"].fill_null(False).to_numpy(zero_copy_only=False), bool)
    other, score = column(ordinal, "score"), column(default, "score")
    caption = (
        "Votes as ordered categories instead of numbers: the expected vote by a cumulative model. Rank correlation "
        f"{spearman(score, other):.4f}; {int(moved.sum()):,} of {len(moved):,} photos change places beyond their "
        "interval."
    )
    page.figure(
        order_plot(score, other, moved, ("score, release default", "score, cumulative model")), caption, "cumulative"
    )
    names = [row["photo_id"] for row, gone in zip(ordinal.to_pylist(), moved, strict=True) if gone]
    if names:
        page.text(f"Change places: {', '.join(names[:MOST_NAMED])}{' …' if len(names) > MOST_NAMED else ''}")


def pairs_chapter(page: Page, rows: pa.Table) -> None:
    """Scores from comparisons, alone and joined with ratings; rows hold the methods bradley_terry, joint, two_way."""
    alone = rows.filter(pa.compute.equal(rows["method"], "bradley_terry"))
    page.heading("Scores")
    ends = column(alone, "ci_low"), column(alone, "ci_high")
    page.figure(rank_plot(column(alone, "score"), *ends, None), "Every photo with its interval, in order.", "order")
    joint = rows.filter(pa.compute.equal(rows["method"], "joint")).to_pylist()
    rated = {
        (row["photo_id"], row["scale"]): row
        for row in rows.filter(pa.compute.equal(rows["method"], "two_way")).to_pylist()
    }
    for scale in sorted({row["scale"] for row in joint}):
        both = [(rated.get((row["photo_id"], scale)), row) for row in joint if row["scale"] == scale]
        known = [(one, other) for one, other in both if one is not None]
        before, after = (np.array([pair[side]["score"] for pair in known]) for side in (0, 1))
        none = np.zeros(len(known), bool)
        page.heading(f"With the ratings on {scale}", "Photos that have both kinds of judgement join the two scales.")
        page.figure(
            order_plot(before, after, none, ("score, ratings alone", "score, ratings and comparisons")),
            f"{len(known):,} photos with ratings; {len(both) - len(known):,} more have a score from comparisons alone.",
            "joint",
        )


def screening_chapter(page: Page, run: Run, key: Sequence[str]) -> None:
    """Scores with and without the raters that the screening leaves out."""
    rows = run.warehouse.query(SCREENED, key).to_pylist()
    for name in sorted({row["screening"] for row in rows}):
        both = [row for row in rows if row["screening"] == name]
        before, after = (np.array([row[column] for row in both]) for column in ("before", "after"))
        page.heading("Screening", f"{name}: fixed before the analysis, on attention and self-consistency only.")
        beyond = np.array([not row["low"] <= row["after"] <= row["high"] for row in both])
        caption = (
            f"Rank correlation {spearman(before, after):.4f}; largest change {np.abs(after - before).max():.2f}; "
            f"{int(beyond.sum()):,} of {len(both):,} photos leave the interval that all raters give them."
        )
        page.figure(order_plot(before, after, beyond, ("score, all raters", f"score, {name}")), caption, "screening")


def rater_chapter(page: Page, run: Run, key: Sequence[str], scoring: dict[str, Any]) -> None:
    """Raters: bias against inconsistency, repeats, drift."""
    raters = run.warehouse.query(
        "SELECT *, bool_or(screened_out) OVER (PARTITION BY rater_id) AS left_out FROM raters "
        "WHERE question = ? AND scale = ? ORDER BY rater_id",
        key,
    )
    everybody = pa.compute.and_(
        pa.compute.equal(raters["method"], "two_way"), pa.compute.equal(raters["screening"], "none")
    )
    raters = raters.filter(everybody)
    bias, inconsistency = column(raters, "bias"), column(raters, "inconsistency")
    known = ~np.isnan(inconsistency)
    page.heading(
        "Raters", "Who votes high or low, and how steadily. A rare taste looks like noise here: look, then ask."
    )
    if known.any():
        out = np.asarray(raters["left_out"], bool)
        ends = [column(raters, name)[known] for name in RATER_ENDS]
        caption = "Each point is a rater" + ("; lines are 95 % intervals." if known.sum() <= MOST_BARS else ".")
        page.figure(rater_plot(bias[known], inconsistency[known], out[known], ends), caption, "raters")
    votes = run.warehouse.query(ALL_VOTES, key)
    residual = column(votes, "value") - column(votes, "score") - column(votes, "bias")
    first, second = repeated(votes)
    if len(first):
        page.figure(
            repeat_plot(first, second, scoring["scale_low"], scoring["scale_high"]),
            f"{len(first):,} votes repeated by the same rater on the same photo.",
            "repeats",
        )
    if votes.num_rows and not (votes["position"].null_count and votes["submitted_at"].null_count):
        page.figure(drift_plot(session_part(votes), residual), "Do raters change while they work?", "drift")
    timed = votes["submitted_at"].drop_null().to_pylist()
    if timed and max(timed) - min(timed) > timedelta(days=1):
        known_time = ~np.asarray(votes["submitted_at"].is_null(), bool)
        page.figure(
            calendar_plot(timed, residual[known_time]), "Do votes change over the weeks of the study?", "calendar"
        )


def repeated(votes: pa.Table) -> tuple[Floats, Floats]:
    """Votes and the next vote of the same rater on the same photo; rows stand in the raters' order."""
    _, photo = np.unique(np.asarray(votes["photo_id"]), return_inverse=True)
    _, rater = np.unique(np.asarray(votes["rater_id"]), return_inverse=True)
    cell = rater.astype(np.int64) * (int(photo.max()) + 1 if len(photo) else 1) + photo
    order = np.argsort(cell, kind="stable")
    same = np.flatnonzero(np.diff(cell[order]) == 0)
    value = column(votes, "value")
    return value[order[same]], value[order[same + 1]]


def session_part(votes: pa.Table) -> Floats:
    """0 at each rater's first vote, 1 at the last; rows stand in the raters' order."""
    _, rater, counts = np.unique(np.asarray(votes["rater_id"]), return_inverse=True, return_counts=True)
    begins = np.cumsum(counts) - counts
    return np.asarray((np.arange(len(rater)) - begins[rater]) / np.maximum(counts[rater] - 1, 1), np.float64)


def reliability_chapter(page: Page, run: Run, key: Sequence[str]) -> None:
    """All figures of reliability, drawn and as a table."""
    rows = run.warehouse.query(
        "SELECT stratum, screening, measure, value, low, high, about, photos, raters, votes FROM reliability "
        "WHERE question = ? AND scale = ? ORDER BY stratum <> 'all', stratum, screening <> 'none', screening, measure",
        key,
    ).to_pylist()
    page.heading("Reliability", "How far another sample of raters or photos would give the same scores.")
    drawn: dict[str, dict[str, tuple[float, float, float]]] = {}
    for row in rows:
        if row["measure"] in DRAWN and None not in (row["value"], row["low"], row["high"]):
            name = row["stratum"] if row["screening"] == "none" else f"{row['stratum']}, {row['screening']}"
            drawn.setdefault(name, {})[row["measure"]] = (row["value"], row["low"], row["high"])
    if drawn:
        page.figure(
            strata_plot(drawn, DRAWN), "All photos, and each stratum that they were chosen from.", "reliability"
        )
    page.table(
        (
            "meaning",
            "stratum",
            "value",
            "low",
            "high",
            "interval over",
            "screening",
            "photos",
            "raters",
            "votes",
            "measure",
        ),
        [_measured(row) for row in rows],
    )
    if not any(row["measure"] == "beholder1" for row in rows):
        page.text(
            "There are too few repeated votes: private taste and noise cannot be told apart, and no beholder index is "
            "given."
        )


def _measured(row: dict[str, Any]) -> tuple[object, ...]:
    """A line of the table: first what it is and how much, which a narrow window shows."""
    stratum, screening, measure, value, low, high, about, *counts = row.values()
    return MEANING.get(measure, measure), stratum, value, low, high, about, screening, *counts, measure


def column(table: pa.Table, name: str) -> Floats:
    """A column of numbers, NaN where there is none."""
    return np.asarray(table[name].to_numpy(zero_copy_only=False), np.float64)

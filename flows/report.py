"""`salon report`: scores, raters and reliability of every question on one page that needs nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import flow

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.reports.page import Page, Tile
from flows.reports.score_plots import (
    Floats,
    drift_plot,
    rater_plot,
    repeat_plot,
    score_plot,
    spread_plot,
    width_plot,
)
from flows.runtime import publish_counts
from labeling.scoring.mos import sos_parameter
from schemas.errors import WrongUse

SHEET = 12
FEWEST_VOTES = 4
THUMBNAIL = 240
ALL_VOTES = """
    SELECT r.photo_id, r.rater_id, r.value, r.position, r.submitted_at, s.score, m.bias
    FROM counted_ratings r
    JOIN scores s USING (photo_id, question, scale)
    JOIN raters m USING (rater_id, question, scale)
    WHERE r.question = ? AND r.scale = ? AND s.method = 'two_way' AND s.screening = 'none'
      AND m.method = 'two_way' AND m.screening = 'none'
    ORDER BY r.rater_id, r.position, r.submitted_at, r.photo_id, r.rating_id
"""


@flow(name="report", flow_run_name="report {root}")
def report(root: str, question: str | None = None) -> Outcome:
    """Write a page for each scored question, or for one of them.

    Raises
    ------
    WrongUse
        There are no scores (of that name).
    """
    return publish_counts(write_reports(root, question))


def write_reports(root: str, question: str | None = None) -> Outcome:
    """Write the pages into ``reports/`` of the warehouse."""
    run = open_run(root)
    scorings = run.warehouse.query("SELECT * FROM scorings WHERE scale <> 'pairs' ORDER BY question, scale").to_pylist()
    chosen = [row for row in scorings if question in (None, row["question"])]
    if not chosen:
        there = ", ".join(row["question"] for row in scorings) or "none: run salon score"
        raise WrongUse(f"there are no scores{f' of {question!r}' if question else ''}; questions with scores: {there}.")
    files = {}
    for row in chosen:
        name = re.sub(r"[^\w.-]+", "_", f"{row['question']}-{row['scale']}")
        path = run.warehouse.location.local("reports", f"scores-{name}.html")
        files[f"{row['question']} ({row['scale']})"] = str(question_page(run, row).write(path))
    return Outcome("report", {"pages": len(files)}, files=files)


def question_page(run: Run, scoring: dict[str, Any]) -> Page:
    """The page of one question."""
    key = [scoring["question"], scoring["scale"]]
    scores = run.warehouse.query(
        "SELECT * FROM scores WHERE question = ? AND scale = ? AND screening = 'none' ORDER BY photo_id", key
    )
    page = Page(
        f"Scores: {scoring['question']}",
        lead=f"Scale {scoring['scale']}. Intervals are 95 %. Methods and their limits: docs/scores.md.",
        simulated=scoring["simulated"],
    )
    page.numbers(_headline(run, scoring, key))
    for note in scoring["notes"]:
        page.text(note)
    _score_chapter(page, scores, scoring)
    _rater_chapter(page, run, key, scoring)
    _reliability_chapter(page, run, key)
    _sheets(page, run, scores, scoring)
    return page


def _headline(run: Run, scoring: dict[str, Any], key: Sequence[str]) -> dict[str, str]:
    figures = run.warehouse.query(
        "SELECT measure, value FROM reliability WHERE question = ? AND scale = ? AND screening = 'none' "
        "AND stratum = 'all' AND measure IN ('icc1', 'split_half')",
        key,
    ).to_pylist()
    known = {row["measure"]: row["value"] for row in figures if row["value"] is not None}
    names = {"icc1": "ICC(1), one vote", "split_half": "split-half, all votes"}
    return {
        "votes": f"{scoring['votes']:,}",
        "photos": f"{scoring['photos']:,}",
        "raters": f"{scoring['raters']:,}",
        **{names[name]: f"{value:.3f}" for name, value in sorted(known.items())},
    }


def _score_chapter(page: Page, scores: pa.Table, scoring: dict[str, Any]) -> None:
    low, high = scoring["scale_low"], scoring["scale_high"]
    plain = scores.filter(pa.compute.equal(scores["method"], "mos"))
    default = scores.filter(pa.compute.equal(scores["method"], "two_way"))
    mean, sd, n = _column(plain, "score"), _column(plain, "sd"), _column(plain, "n")
    half = (_column(default, "ci_high") - _column(default, "ci_low")) / 2
    page.heading("Scores", "The release default: a weighted two-way model that takes raters' levels out.")
    page.figure(score_plot(_column(default, "score"), low, high), "Scores of all photos.")
    known = ~np.isnan(sd)
    if known.any():
        sos = sos_parameter(mean, sd, low, high)
        caption = "Each point is a photo. Points far above the curve are photos that people disagree on."
        page.figure(spread_plot(mean[known], sd[known], 0.0 if np.isnan(sos) else sos, low, high), caption)
    if (~np.isnan(half)).any():
        told = ~np.isnan(half)
        page.figure(width_plot(n[told], half[told]), "More votes, narrower intervals; each point is a photo.")


def _rater_chapter(page: Page, run: Run, key: Sequence[str], scoring: dict[str, Any]) -> None:
    raters = run.warehouse.query(
        "SELECT rater_id, bias, inconsistency, n, bool_or(screened_out) OVER (PARTITION BY rater_id) AS left_out, "
        "method, screening FROM raters WHERE question = ? AND scale = ? ORDER BY rater_id",
        key,
    )
    everybody = pa.compute.and_(
        pa.compute.equal(raters["method"], "two_way"), pa.compute.equal(raters["screening"], "none")
    )
    raters = raters.filter(everybody)
    bias, inconsistency = _column(raters, "bias"), _column(raters, "inconsistency")
    known = ~np.isnan(inconsistency)
    page.heading(
        "Raters", "Who votes high or low, and how steadily. A rare taste looks like noise here: look, then ask."
    )
    if known.any():
        out = np.asarray(raters["left_out"], bool)
        page.figure(rater_plot(bias[known], inconsistency[known], out[known]), "Each point is a rater.")
    votes = run.warehouse.query(ALL_VOTES, key)
    residual = _column(votes, "value") - _column(votes, "score") - _column(votes, "bias")
    first, second = repeated(votes)
    if len(first):
        page.figure(
            repeat_plot(first, second, scoring["scale_low"], scoring["scale_high"]),
            f"{len(first):,} votes repeated by the same rater on the same photo.",
        )
    if votes.num_rows and not (votes["position"].null_count and votes["submitted_at"].null_count):
        page.figure(drift_plot(session_part(votes), residual), "Do raters change while they work?")


def repeated(votes: pa.Table) -> tuple[Floats, Floats]:
    """Votes and the next vote of the same rater on the same photo; rows stand in the raters' order."""
    _, photo = np.unique(np.asarray(votes["photo_id"]), return_inverse=True)
    _, rater = np.unique(np.asarray(votes["rater_id"]), return_inverse=True)
    cell = rater.astype(np.int64) * (int(photo.max()) + 1 if len(photo) else 1) + photo
    order = np.argsort(cell, kind="stable")
    same = np.flatnonzero(np.diff(cell[order]) == 0)
    value = _column(votes, "value")
    return value[order[same]], value[order[same + 1]]


def session_part(votes: pa.Table) -> Floats:
    """0 at each rater's first vote, 1 at the last; rows stand in the raters' order."""
    _, rater, counts = np.unique(np.asarray(votes["rater_id"]), return_inverse=True, return_counts=True)
    begins = np.cumsum(counts) - counts
    return np.asarray((np.arange(len(rater)) - begins[rater]) / np.maximum(counts[rater] - 1, 1), np.float64)


def _reliability_chapter(page: Page, run: Run, key: Sequence[str]) -> None:
    rows = run.warehouse.query(
        "SELECT stratum, screening, measure, value, low, high, about, photos, raters, votes FROM reliability "
        "WHERE question = ? AND scale = ? ORDER BY stratum <> 'all', stratum, screening <> 'none', screening, measure",
        key,
    ).to_pylist()
    page.heading("Reliability", "How far another sample of raters or photos would give the same scores.")
    page.table(
        ("stratum", "screening", "measure", "value", "low", "high", "interval over", "photos", "raters", "votes"),
        [tuple(row.values()) for row in rows],
    )
    if not any(row["measure"] == "beholder1" for row in rows):
        page.text(
            "There are too few repeated votes: private taste and noise cannot be told apart, and no beholder index is "
            "given."
        )


def disagreement(row: dict[str, Any], low: float, high: float) -> float:
    """Spread of the votes over the largest spread that their mean allows: at the ends nobody can disagree much."""
    mean = min(max(row["score"], low + 0.1), high - 0.1)
    return float(row["sd"] / np.sqrt((mean - low) * (high - mean)))


def _sheets(page: Page, run: Run, scores: pa.Table, scoring: dict[str, Any]) -> None:
    rows = [row for row in scores.to_pylist() if row["method"] == "two_way" and row["sd"] is not None]
    rows = [row for row in rows if row["n"] >= FEWEST_VOTES]
    if not rows:
        return
    by_score = sorted(rows, key=lambda row: (-row["score"], row["photo_id"]))
    ends = scoring["scale_low"], scoring["scale_high"]
    by_spread = sorted(rows, key=lambda row: (-disagreement(row, *ends), row["photo_id"]))
    sheets = (
        ("Highest scores", by_score[:SHEET], "", "good"),
        ("Lowest scores", by_score[::-1][:SHEET], "", "bad"),
        ("Most agreed", by_spread[::-1][:SHEET], "Smallest spread for their mean.", "good"),
        ("Most contested", by_spread[:SHEET], "Largest spread for their mean: disagreement is signal.", "doubt"),
    )
    pictures = thumbnails(run, {row["photo_id"] for _, some, _, _ in sheets for row in some})
    if pictures:
        page.heading("Photos")
    for title, some, text, accent in sheets:
        tiles = [
            Tile(pictures[row["photo_id"]], f"{row['score']:.2f}", f"SD {row['sd']:.2f}, {row['n']} votes", accent)
            for row in some
            if row["photo_id"] in pictures
        ]
        if tiles:
            page.sheet(title, tiles, text)


def thumbnails(run: Run, photo_ids: set[str]) -> dict[str, bytes]:
    """Small JPEG files of some photos, from their canonical pictures."""
    from PIL import Image

    wanted = pa.compute.field("photo_id").isin(pa.array(sorted(photo_ids), pa.string()))
    found = {}
    for batch in run.warehouse.tables["pictures"].batches(["photo_id", "bytes"], wanted, rows=64):
        for row in batch.to_pylist():
            with Image.open(io.BytesIO(row["bytes"])) as picture:
                small = picture.convert("RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            stream = io.BytesIO()
            small.save(stream, "JPEG", quality=80)
            found[row["photo_id"]] = stream.getvalue()
    return found


def _column(table: pa.Table, name: str) -> Floats:
    """A column of numbers, NaN where there is none."""
    return np.asarray(table[name].to_numpy(zero_copy_only=False), np.float64)

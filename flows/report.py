"""`salon report`: scores, raters and reliability of every question on one page that needs nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import flow

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.reports.page import Page, Tile
from flows.reports.score_chapters import (
    pairs_chapter,
    rater_chapter,
    reliability_chapter,
    score_chapter,
    screening_chapter,
)
from flows.reports.thumbnails import file_names, thumbnails
from flows.runtime import publish_counts
from labeling.scoring.comparisons import SCALE
from schemas.errors import WrongUse

SHEET = 12
FEWEST_VOTES = 4
MOST_LETTERS = 50
"""Of a question in the name of a file: letters of any script, four bytes at most."""
BY_PAIRS = """
    SELECT * FROM scores WHERE question = ? AND method IN ('bradley_terry', 'joint', 'two_way') AND screening = 'none'
    ORDER BY method, scale, photo_id
"""
Sheet = tuple[str, Sequence[dict[str, Any]], str, str]
"""Title, rows of `scores`, text, and the accent of the frames."""


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
    scorings = run.warehouse.query("SELECT * FROM scorings ORDER BY question, scale").to_pylist()
    chosen = [row for row in scorings if question in (None, row["question"])]
    if not chosen:
        there = ", ".join(row["question"] for row in scorings) or "none: run salon score"
        raise WrongUse(f"there are no scores{f' of {question!r}' if question else ''}; questions with scores: {there}.")
    files = {}
    for row in chosen:
        name = page_name(row["question"], row["scale"])
        path = run.warehouse.location.local("reports", f"scores-{name}.html")
        page = pairs_page(run, row) if row["scale"] == SCALE else question_page(run, row)
        page.text(f"Every figure is also a file, for papers and slides: reports/scores-{name}/*.svg.")
        page.write_figures(path.with_suffix(""))
        files[f"{row['question']} ({row['scale']})"] = str(page.write(path))
    return Outcome("report", {"pages": len(files)}, files=files)


def page_name(question: str, scale: str) -> str:
    """A name for files, of its own for each question: what names cannot hold is told by a hash."""
    whole = f"{question}-{scale}"
    plain = re.sub(r"[^\w.-]+", "_", whole)
    if plain == whole and len(plain) <= MOST_LETTERS:
        return plain
    return f"{plain[:MOST_LETTERS]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


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
    score_chapter(page, scores, scoring)
    rater_chapter(page, run, key, scoring)
    screening_chapter(page, run, key)
    reliability_chapter(page, run, key)
    _sheets(page, run, scores, scoring)
    return page


def pairs_page(run: Run, scoring: dict[str, Any]) -> Page:
    """The page of one question's comparisons."""
    rows = run.warehouse.query(BY_PAIRS, [scoring["question"]])
    page = Page(
        f"Comparisons: {scoring['question']}",
        lead="Log-odds of winning, by Bradley and Terry, with 95 % intervals; every connected part has its own zero.",
        simulated=scoring["simulated"],
    )
    numbers = {"comparisons": "votes", "photos": "photos", "raters": "raters", "connected parts": "components"}
    page.numbers({words: f"{scoring[name]:,}" for words, name in numbers.items()})
    for note in scoring["notes"]:
        page.text(note)
    pairs_chapter(page, rows)
    alone = [row for row in rows.to_pylist() if row["method"] == "bradley_terry"]
    by_score = sorted(alone, key=lambda row: (-row["score"], row["photo_id"]))
    sheets = (("Win most", by_score[:SHEET], "", "good"), ("Lose most", by_score[::-1][:SHEET], "", "bad"))
    _contact_sheets(page, run, sheets, lambda row: "{} won, {} tied, {} lost".format(*row["histogram"][::-1]))
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


def disagreement(row: dict[str, Any], low: float, high: float) -> float:
    """Spread of the votes over the largest spread that their mean allows: at the ends nobody can disagree much."""
    margin = min(0.1, (high - low) / 10)
    mean = min(max(row["score"], low + margin), high - margin)
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
    _contact_sheets(page, run, sheets, lambda row: f"SD {row['sd']:.2f}, {row['n']} votes")


def _contact_sheets(page: Page, run: Run, sheets: Sequence[Sheet], note: Callable[[dict[str, Any]], str]) -> None:
    """Photos of some rows of `scores`, those that have a picture."""
    shown = {row["photo_id"] for _, some, _, _ in sheets for row in some}
    pictures, names = thumbnails(run, shown), file_names(run, shown)
    if pictures:
        page.heading("Photos")
    for title, some, text, accent in sheets:
        tiles = [
            Tile(pictures[row["photo_id"]], f"{row['score']:.2f}", f"{_name(row, names)} · {note(row)}", accent)
            for row in some
            if row["photo_id"] in pictures
        ]
        if tiles:
            page.sheet(title, tiles, text)


def _name(row: dict[str, Any], names: dict[str, str]) -> str:
    photo = str(row["photo_id"])
    return names.get(photo, photo[:12])

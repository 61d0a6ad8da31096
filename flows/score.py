"""`salon score`: counted ratings into scores, rater models and reliability figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import flow, task

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, publish_counts
from flows.settled import unless_settled
from labeling.scoring.comparisons import SCALE, pairs_digests, pairs_scoring, score_comparisons, score_jointly
from labeling.scoring.counted import CountedVotes
from labeling.scoring.question import Design, Question, score_question, settings_digest
from labeling.scoring.screening import refuse_changed
from schemas.codes import ScoreMethod, TaskRole
from schemas.ratings import COMPARISONS, RATERS, RELIABILITY, SCORES, SCORINGS
from warehouse.store import Warehouse

MEMORY = "700MB"
"""What reading the votes may take beside the votes that have been read."""
IDS_OF = "SELECT {0} FROM ratings WHERE question = ? AND scale = ? GROUP BY {0} ORDER BY {0}"
VOTES_OF = f"""
    SELECT rating_id, p.code AS photo, r.code AS rater, value, batch_id, position,
        role = '{TaskRole.ANCHOR.value}' AS anchor, submitted_at, seconds, simulated
    FROM counted_ratings
    JOIN photo_codes p USING (photo_id) JOIN rater_codes r USING (rater_id)
    WHERE question = ? AND scale = ?
"""
"""Photos and raters come as numbers and rows in no order: they stream by, and nothing is sorted as text."""
QUESTIONS = """
    SELECT question, scale, min(scale_low) AS low, max(scale_high) AS high
    FROM counted_ratings GROUP BY question, scale ORDER BY question, scale
"""
CHOSEN = """
    -- A photo that was chosen more than once stands with its smallest probability, that is, its largest weight.
    SELECT photo_id, min(stratum) AS stratum, min(inclusion_probability) AS probability
    FROM tasks SEMI JOIN rated USING (photo_id)
    WHERE right_photo_id IS NULL GROUP BY photo_id ORDER BY photo_id
"""
BY_PAIRS = f"method IN ('{ScoreMethod.BRADLEY_TERRY.value}', '{ScoreMethod.JOINT.value}')"
RATINGS_OF = "SELECT * FROM scorings WHERE question = ? AND scale <> ? ORDER BY scale"
RATED = """
    SELECT * FROM scores WHERE question = ? AND method = 'two_way' AND screening = 'none' ORDER BY scale, photo_id
"""


@flow(name="score", flow_run_name="score {root}")
def score(root: str) -> Outcome:
    """Work out the scores of every question whose votes or settings have changed; results equal a full run.

    Parameters
    ----------
    root : str
        The warehouse.
    """
    run = open_run(root)
    return publish_counts(unless_settled(run, "score", {}, lambda: score_all(run)))


def score_all(run: Run) -> Outcome:
    """Score every question, and the comparisons."""
    root = run.root
    questions = [Question(*row.values()) for row in run.warehouse.query(QUESTIONS).to_pylist()]
    rated = bool(questions) or run.warehouse.table(COMPARISONS).count() > 0
    notes = [] if rated else ["There are no ratings yet: collect some, or salon import-ratings FILE."]
    counts: dict[str, int | float | str] = {"questions": len(questions), "worked out": 0, "unchanged": 0}
    scored = task(**RETRIES)(score_one)
    remove_others(root, [(what.question, what.scale) for what in questions])
    with track("score", len(questions)) as tracker:
        for what in questions:
            changed, figures, said = scored(root, what)
            counts["worked out" if changed else "unchanged"] = int(counts["worked out" if changed else "unchanged"]) + 1
            counts |= {f"{what.question}: {name}": figure for name, figure in figures.items()}
            notes += [f"{what.question}: {sentence}" for sentence in said]
            tracker.advance()
    compared, said = task(**RETRIES)(score_pairs)(root)
    counts |= {f"{name}: photos compared": photos for name, photos in compared.items()}
    notes += said
    again: dict[str, int | float | str] = {"worked out": 0, "unchanged": len(questions)}
    return Outcome("score", counts, tuple(notes), again=again)


def score_one(root: str, what: Question) -> tuple[bool, dict[str, int | float | str], list[str]]:
    """Score one question where its votes or the settings have changed; returns what stands now."""
    run = open_run(root)
    votes = read_votes(run, what)
    settings = run.settings.score
    where = _slice(what.question, what.scale)
    standing = run.warehouse.query(
        "SELECT * FROM scorings WHERE question = ? AND scale = ?", [what.question, what.scale]
    ).to_pylist()
    for row in standing:
        refuse_changed(settings.screening, row.get("screening"))
    design = _design(run.warehouse.query(CHOSEN, extra={"rated": pa.table({"photo_id": votes.photo_ids})}).to_pylist())
    wanted = {"votes_digest": votes.digest, "settings_digest": settings_digest(settings, design)}
    changed = not any(wanted.items() <= row.items() for row in standing)
    if changed:
        result = score_question(votes, what, settings, design)
        run.warehouse.table(SCORES).replace(result.scores, f"{where} AND NOT {BY_PAIRS}")
        run.warehouse.table(RATERS).replace(result.raters, where)
        run.warehouse.table(RELIABILITY).replace(result.reliability, where)
        run.warehouse.table(SCORINGS).replace([result.scoring], where)
    return changed, *_standing(root, what)


def read_votes(run: Run, what: Question) -> CountedVotes:
    """The counted ratings of one question, as numbers."""
    key = [what.question, what.scale]
    ids = {
        name: run.warehouse.query(IDS_OF.format(f"{name}_id"), key)[f"{name}_id"].combine_chunks()
        for name in ("photo", "rater")
    }
    codes = {
        f"{name}_codes": pa.table({f"{name}_id": texts, "code": np.arange(len(texts), dtype=np.int32)})
        for name, texts in ids.items()
    }
    pa.default_memory_pool().release_unused()
    batches = run.warehouse.query_batches(VOTES_OF, key, codes, memory=MEMORY)
    return CountedVotes.from_batches(batches, ids["photo"], ids["rater"])


def _design(rows: Sequence[Mapping[str, Any]]) -> Design:
    """How the rated photos were chosen, where Salon chose them."""
    return Design(
        {row["photo_id"]: row["stratum"] for row in rows if row["stratum"] is not None},
        {row["photo_id"]: row["probability"] for row in rows if row["probability"]},
    )


def score_pairs(root: str) -> tuple[dict[str, int], list[str]]:
    """Score the comparisons of every question, alone and with its ratings, where either has changed.

    Returns the photos of each question, and what should be read.
    """
    warehouse = open_run(root).warehouse
    table = warehouse.query("SELECT * FROM counted_comparisons ORDER BY comparison_id")
    questions = table["question"].unique().sort().to_pylist()
    standing = {
        row["question"]: row for row in warehouse.query("SELECT * FROM scorings WHERE scale = ?", [SCALE]).to_pylist()
    }
    for question in standing.keys() - set(questions):
        warehouse.table(SCORES).delete(f"{_of(question)} AND {BY_PAIRS}")
        warehouse.table(SCORINGS).delete(_slice(question, SCALE))
    photos, notes = {}, list[str]()
    for question in questions:
        rows = table.filter(pa.compute.equal(table["question"], question))
        scoring = _score_one_by_pairs(warehouse, rows, question, standing.get(question))
        photos[question] = scoring["photos"]
        notes += scoring["notes"]
    return photos, notes


def _score_one_by_pairs(
    warehouse: Warehouse, table: pa.Table, question: str, standing: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """What stands for one question's comparisons once they are scored."""
    ratings = warehouse.query(RATINGS_OF, [question, SCALE])
    wanted = pairs_digests(table, ratings)
    if standing and all(standing[name] == digest for name, digest in wanted.items()):
        return standing
    rows, notes = score_comparisons(table, question)
    parts = [rows]
    for row in ratings.to_pylist():
        what = Question(question, row["scale"], row["scale_low"], row["scale_high"])
        rated = warehouse.query(RATED, [question])
        joined, said = score_jointly(table, rated.filter(pa.compute.equal(rated["scale"], what.scale)), what)
        parts.append(joined)
        notes += said
    warehouse.table(SCORES).replace(pa.concat_tables(parts), f"{_of(question)} AND {BY_PAIRS}")
    scoring = pairs_scoring(table, question, rows.num_rows, notes, wanted)
    warehouse.table(SCORINGS).replace([scoring], _slice(question, SCALE))
    return asdict(scoring)


def _standing(root: str, what: Question) -> tuple[dict[str, int | float | str], list[str]]:
    """The figures and notes that stand in the tables for a question."""
    warehouse = open_run(root).warehouse
    key = [what.question, what.scale]
    scoring = warehouse.query("SELECT * FROM scorings WHERE question = ? AND scale = ?", key).to_pylist()[0]
    figures: dict[str, int | float | str] = {name: scoring[name] for name in ("votes", "photos", "raters")}
    rows = warehouse.query(
        "SELECT measure, value, low, high FROM reliability WHERE question = ? AND scale = ? AND stratum = 'all' "
        "AND screening = 'none' ORDER BY measure",
        key,
    ).to_pylist()
    for row in rows:
        if row["value"] is None:
            figures[row["measure"]] = "cannot be told"
        elif row["low"] is None:
            figures[row["measure"]] = f"{row['value']:.3f}"
        else:
            figures[row["measure"]] = f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    return figures, list(scoring["notes"])


def remove_others(root: str, questions: list[tuple[str, str]]) -> None:
    """Take out what stands for questions that have no counted rating any more; `score_pairs` sees to its own."""
    warehouse = open_run(root).warehouse
    for row in warehouse.query("SELECT question, scale FROM scorings WHERE scale <> ?", [SCALE]).to_pylist():
        if (row["question"], row["scale"]) not in questions:
            for spec in (SCORES, RATERS, RELIABILITY, SCORINGS):
                warehouse.table(spec).delete(_slice(row["question"], row["scale"]))


def _slice(question: str, scale: str) -> str:
    """The SQL condition of one question's rows on one scale."""
    scale = scale.replace("'", "''")
    return f"{_of(question)} AND scale = '{scale}'"


def _of(question: str) -> str:
    """The SQL condition of one question's rows."""
    question = question.replace("'", "''")
    return f"question = '{question}'"

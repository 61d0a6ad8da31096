"""Scores of a redacted version and figures of its raters, worked out from the ratings that it still holds."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.release.build import Material
from flows.release.plan import rounded
from labeling.scoring.comparisons import SCALE, score_comparisons, score_jointly
from labeling.scoring.counted import CountedVotes
from labeling.scoring.question import EVERYBODY, Question, score_question
from schemas.codes import RatingStatus, ScoreMethod, TaskRole
from schemas.columns import TableSpec
from schemas.ratings import COMPARISONS, RATERS, RATINGS
from schemas.settings.score import ScoreSettings

FIGURES = ("question", "scale", "screening", "stratum", "measure", "value", "low", "high", "about", "photos", "raters",
           "votes")  # fmt: skip
OF_A_RATER = ("n", "bias", "bias_low", "bias_high", "inconsistency", "inconsistency_low", "inconsistency_high",
              "agreement")  # fmt: skip
BY_DEFAULT = (pc.field("method") == ScoreMethod.TWO_WAY.value) & (pc.field("screening") == EVERYBODY)


def score_anew(material: Material, settings: ScoreSettings) -> None:
    """Replace scores, reliability, raters' figures and notes, so that nothing rests on votes that are gone.

    Parameters
    ----------
    material : Material
        Its ratings are in it; changed in place.
    settings : ScoreSettings
        Settings of the stage `score`.
    """
    ratings = _counted(material.tables["ratings"], "value", RATINGS)
    parts, results = [], []
    rated: list[tuple[Question, pa.Table]] = []
    axes = sorted({(row["question"], row["scale"]) for row in ratings.select(["question", "scale"]).to_pylist()})
    for question, scale in axes:
        votes = ratings.filter((pc.field("question") == question) & (pc.field("scale") == scale))
        what = _axis(votes)
        result = score_question(CountedVotes.from_arrow(votes), what, settings)
        parts.append(result.scores)
        rated.append((what, result.scores.filter(BY_DEFAULT)))
        results.append(result)
    notes = [{"question": r.scoring.question, "scale": r.scoring.scale, "notes": r.scoring.notes} for r in results]
    if "pairs" in material.tables:
        found, said = _by_pairs(_counted(material.tables["pairs"], "outcome", COMPARISONS), rated)
        parts, notes = [*parts, *found], [*notes, *said]
    standing = material.tables["scores"]
    place = dict(zip(*(material.tables["photos"][c].to_pylist() for c in ("photo_id", "ordinal")), strict=True))
    rows = [
        {column: row[column] for column in standing.column_names}
        for row in (pa.concat_tables(parts).to_pylist() if parts else ())
        if row["photo_id"] in place and row["screening"] == EVERYBODY
    ]
    rows.sort(key=lambda row: (place[row["photo_id"]], row["question"], row["scale"], row["method"]))
    material.tables["scores"] = rounded(pa.Table.from_pylist(rows, schema=standing.schema))
    reliability = [row for result in results for row in result.reliability.to_pylist()]
    material.facts["reliability"] = [{name: _plain(row[name]) for name in FIGURES} for row in reliability]
    material.facts["scoring_notes"] = sorted(notes, key=lambda row: (row["question"], row["scale"]))
    raters = pa.concat_tables([result.raters for result in results]) if results else RATERS.schema.empty_table()
    material.facts["screening"] = _screening(raters)
    if "raters" in material.tables:
        material.tables["raters"] = rounded(_raters(material.tables["raters"], raters.to_pylist()))


def _axis(votes: pa.Table) -> Question:
    first = votes.slice(0, 1).to_pylist()[0]
    return Question(first["question"], first["scale"], first["scale_low"], first["scale_high"])


def _by_pairs(pairs: pa.Table, rated: list[tuple[Question, pa.Table]]) -> tuple[list[pa.Table], list[dict[str, Any]]]:
    """Scores of comparisons, alone and on the scale of the ratings of the same question; and what should be read."""
    parts, notes = [], []
    for question in pairs["question"].unique().sort().to_pylist():
        table = pairs.filter(pc.field("question") == question)
        found = [score_comparisons(table, question)]
        found += [score_jointly(table, scores, what) for what, scores in rated if what.question == question]
        parts += [scores for scores, _ in found]
        notes.append({"question": question, "scale": SCALE, "notes": [note for _, said in found for note in said]})
    return parts, notes


def _screening(raters: pa.Table) -> list[dict[str, Any]]:
    """Raters before each screening, and those that it leaves out."""
    before: dict[tuple[str, str, str], set[str]] = {}
    left_out: dict[tuple[str, str, str], set[str]] = {}
    for row in raters.filter(pc.field("screening") != EVERYBODY).to_pylist():
        key = (row["question"], row["scale"], row["screening"])
        before.setdefault(key, set()).add(row["rater_id"])
        left_out.setdefault(key, set()).update([row["rater_id"]] if row["screened_out"] else [])
    return [
        {"question": key[0], "scale": key[1], "screening": key[2], "before": len(who), "left_out": len(left_out[key])}
        for key, who in sorted(before.items())
    ]


def _raters(standing: pa.Table, found: list[dict[str, Any]]) -> pa.Table:
    """The rows of raters with figures worked out anew; a question of whose ratings none is left keeps no row."""
    keys = ("rater_id", "question", "scale", "method")
    figures = {tuple(row[k] for k in keys): row for row in found if row["screening"] == EVERYBODY}
    out = {(row["rater_id"], row["question"], row["scale"]) for row in found if row["screened_out"]}
    rows = []
    for row in standing.to_pylist():
        own = figures.get(tuple(row[k] for k in keys))
        if own is not None:
            known = {name: own[name] for name in OF_A_RATER if name in row}
            rows.append({**row, **known, "screened_out": (row["rater_id"], row["question"], row["scale"]) in out})
    return pa.Table.from_pylist(rows, schema=standing.schema)


def _counted(rows: pa.Table, value: str, spec: TableSpec) -> pa.Table:
    """The rows that count, in the schema of their table; what releases do not hold is null."""
    rows = rows.filter(
        (pc.field("status") == RatingStatus.COUNTED.value)
        & (pc.field("role") != TaskRole.TRAINING.value)
        & pc.field(value).is_valid()
    )
    columns = [
        rows[column.name].cast(column.type) if column.name in rows.column_names else pa.nulls(len(rows), column.type)
        for column in spec.schema
    ]
    return pa.table(columns, schema=pa.schema([column.with_nullable(True) for column in spec.schema]))


def _plain(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value

"""Scores of a redacted version, worked out from the ratings and comparisons that it still holds."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.release.build import Material
from flows.release.plan import rounded
from labeling.scoring.comparisons import score_comparisons, score_jointly
from labeling.scoring.question import EVERYBODY, Question, score_question
from schemas.codes import RatingStatus, ScoreMethod, TaskRole
from schemas.columns import TableSpec
from schemas.ratings import COMPARISONS, RATINGS
from schemas.settings.score import ScoreSettings

FIGURES = ("question", "scale", "screening", "stratum", "measure", "value", "low", "high", "about", "photos", "raters",
           "votes")  # fmt: skip
BY_DEFAULT = (pc.field("method") == ScoreMethod.TWO_WAY.value) & (pc.field("screening") == EVERYBODY)


def score_anew(material: Material, settings: ScoreSettings) -> None:
    """Replace scores and reliability, so that nothing rests on votes that are gone.

    Parameters
    ----------
    material : Material
        Its ratings are in it; changed in place.
    settings : ScoreSettings
        Settings of the stage `score`.
    """
    ratings = _counted(material.tables["ratings"], "value", RATINGS)
    parts, reliability = [], []
    rated: list[tuple[Question, pa.Table]] = []
    axes = sorted({(row["question"], row["scale"]) for row in ratings.select(["question", "scale"]).to_pylist()})
    for question, scale in axes:
        votes = ratings.filter((pc.field("question") == question) & (pc.field("scale") == scale))
        what = _axis(votes)
        result = score_question(votes, what, settings)
        parts.append(result.scores)
        rated.append((what, result.scores.filter(BY_DEFAULT)))
        reliability += result.reliability.to_pylist()
    if "pairs" in material.tables:
        parts += _by_pairs(_counted(material.tables["pairs"], "outcome", COMPARISONS), rated)
    standing = material.tables["scores"]
    place = dict(zip(*(material.tables["photos"][c].to_pylist() for c in ("photo_id", "ordinal")), strict=True))
    rows = [
        {column: row[column] for column in standing.column_names}
        for row in (pa.concat_tables(parts).to_pylist() if parts else ())
        if row["photo_id"] in place and row["screening"] == EVERYBODY
    ]
    rows.sort(key=lambda row: (place[row["photo_id"]], row["question"], row["scale"], row["method"]))
    material.tables["scores"] = rounded(pa.Table.from_pylist(rows, schema=standing.schema))
    material.facts["reliability"] = [{name: _plain(row[name]) for name in FIGURES} for row in reliability]


def _axis(votes: pa.Table) -> Question:
    first = votes.slice(0, 1).to_pylist()[0]
    return Question(first["question"], first["scale"], first["scale_low"], first["scale_high"])


def _by_pairs(pairs: pa.Table, rated: list[tuple[Question, pa.Table]]) -> list[pa.Table]:
    """Scores of comparisons, alone and on the scale of the ratings of the same question."""
    parts = []
    for question in pairs["question"].unique().sort().to_pylist():
        table = pairs.filter(pc.field("question") == question)
        parts.append(score_comparisons(table, question)[0])
        parts += [score_jointly(table, scores, what)[0] for what, scores in rated if what.question == question]
    return parts


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

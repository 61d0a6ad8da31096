"""All that is worked out for one question on one scale, as rows for the tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labeling.scoring.checks import rater_checks
from labeling.scoring.mos import Scores, bimodality, histograms, mean_opinion_scores, photo_moments
from labeling.scoring.p910 import p910_scores
from labeling.scoring.reliability import Figure, leave_one_out, reliability
from labeling.scoring.two_way import TwoWay, two_way_scores
from labeling.scoring.votes import Floats, VoteSet
from schemas.codes import ScoreMethod
from schemas.ratings import RATERS, RELIABILITY, SCORES, Scoring
from schemas.settings.score import ScoreSettings

MODELS_VERSION = 1
"""Counted up whenever a model's results change, so that scores that stand are worked out again."""
EVERYBODY = "none"
"""The screening under which all raters count."""
OVERALL = "all"


@dataclass(frozen=True)
class Question:
    """A question with its scale.

    Parameters
    ----------
    question, scale : str
        Its name, and the scale's id.
    low, high : float
        Ends of the scale.
    """

    question: str
    scale: str
    low: float
    high: float


@dataclass(frozen=True)
class Result:
    """Rows for the tables `scores`, `raters`, `reliability` and `scorings`."""

    scores: pa.Table
    raters: pa.Table
    reliability: pa.Table
    scoring: Scoring
    figures: tuple[Figure, ...]


def votes_digest(table: pa.Table) -> str:
    """Hash of which votes count, whatever their order: a rating_id stands for a vote's identity and content."""
    ids = table["rating_id"].combine_chunks().sort()
    return hashlib.sha256("".join(ids.to_pylist()).encode()).hexdigest()


def settings_digest(settings: ScoreSettings) -> str:
    """Hash of the settings and the version of the models."""
    text = json.dumps([MODELS_VERSION, settings.model_dump(mode="json", exclude={"method"})], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def score_question(table: pa.Table, what: Question, settings: ScoreSettings) -> Result:
    """Scores, rater models and reliability of one question.

    Parameters
    ----------
    table : pyarrow.Table
        Its counted ratings, in the schema of `ratings`.
    what : Question
        The question and its scale.
    settings : ScoreSettings
        Settings of the stage.
    """
    votes, photo_ids, rater_ids = VoteSet.from_arrow(table)
    by_two_way, fit = two_way_scores(votes, what.low, what.high)
    methods = {
        ScoreMethod.MOS: mean_opinion_scores(votes, what.low, what.high),
        ScoreMethod.P910: p910_scores(votes, what.low, what.high, settings.p910_interval),
        ScoreMethod.TWO_WAY: by_two_way,
    }
    figures = tuple(reliability(votes, settings.half_splits, settings.bootstrap, settings.seed))
    simulated = _simulated(table, photo_ids)
    scoring = Scoring(
        question=what.question,
        scale=what.scale,
        scale_low=what.low,
        scale_high=what.high,
        votes_digest=votes_digest(table),
        settings_digest=settings_digest(settings),
        photos=votes.photos,
        raters=votes.raters,
        votes=len(votes.value),
        components=fit.components,
        simulated=bool(simulated.any()),
        notes=_notes(fit),
    )
    return Result(
        _score_rows(votes, photo_ids, methods, what, simulated),
        _rater_rows(table, votes, rater_ids, methods, what),
        _reliability_rows(figures, votes, what),
        scoring,
        figures,
    )


def _notes(fit: TwoWay) -> list[str]:
    notes = []
    if fit.components > 1:
        notes.append(
            f"The design falls into {fit.components:,} parts that no rater connects: scores of different parts "
            "are on the same scale only if their raters are alike. Anchors common to all would connect them."
        )
    if fit.degrees <= 0:
        notes.append("No vote is left over to estimate any variance: there are scores, and no intervals.")
    if not fit.exact:
        notes.append("Very many raters: the biases' part of the intervals is a first-order approximation.")
    return notes


def _simulated(table: pa.Table, photo_ids: pa.Array) -> npt.NDArray[np.bool_]:
    """Photos with at least one simulated vote."""
    marked = table.filter(table["simulated"])["photo_id"].unique()
    return np.asarray(pa.compute.is_in(photo_ids, marked))


def _score_rows(
    votes: VoteSet,
    photo_ids: pa.Array,
    methods: dict[ScoreMethod, Scores],
    what: Question,
    simulated: npt.NDArray[np.bool_],
) -> pa.Table:
    _, sd, n = photo_moments(votes)
    counts = histograms(votes, what.scale, what.low, what.high)
    offsets = np.arange(0, counts.size + 1, counts.shape[1], dtype=np.int32)
    shared = {
        "photo_id": photo_ids,
        "n": pa.array(n.astype(np.int64)),
        "sd": nullable(sd),
        "histogram": pa.ListArray.from_arrays(pa.array(offsets), pa.array(counts.ravel())),
        "simulated": pa.array(simulated),
        "bimodality": nullable(bimodality(votes)),
    }
    parts = [
        _rows(
            SCORES.schema,
            {
                **shared,
                "score": pa.array(found.score),
                "ci_low": nullable(found.low),
                "ci_high": nullable(found.high),
            },
            what,
            method,
        )
        for method, found in methods.items()
    ]
    return pa.concat_tables(parts)


def _rater_rows(
    table: pa.Table, votes: VoteSet, rater_ids: pa.Array, methods: dict[ScoreMethod, Scores], what: Question
) -> pa.Table:
    checks = rater_checks(table, rater_ids)
    shared = {
        "rater_id": rater_ids,
        "n": pa.array(votes.per_rater().astype(np.int64)),
        "agreement": nullable(leave_one_out(votes)),
        "screened_out": pa.array(np.zeros(votes.raters, bool)),
        "checks": pa.array([json.dumps(check, sort_keys=True) for check in checks]),
    }
    parts = [
        _rows(
            RATERS.schema,
            {**shared, "bias": nullable(found.bias), "inconsistency": nullable(found.inconsistency)},
            what,
            method,
        )
        for method, found in methods.items()
    ]
    return pa.concat_tables(parts)


def _rows(schema: pa.Schema, columns: dict[str, pa.Array], what: Question, method: ScoreMethod) -> pa.Table:
    size = len(next(iter(columns.values())))
    same = {"question": what.question, "scale": what.scale, "method": method.value, "screening": EVERYBODY}
    filled = {name: pa.array([text] * size, pa.string()) for name, text in same.items()}
    return pa.table([{**columns, **filled}[field.name].cast(field.type) for field in schema], schema=schema)


def _reliability_rows(figures: tuple[Figure, ...], votes: VoteSet, what: Question) -> pa.Table:
    rows = [
        {
            "question": what.question,
            "scale": what.scale,
            "screening": EVERYBODY,
            "stratum": OVERALL,
            "measure": figure.measure,
            "value": _known(figure.value),
            "low": _known(figure.low),
            "high": _known(figure.high),
            "about": figure.about,
            "photos": votes.photos,
            "raters": votes.raters,
            "votes": len(votes.value),
        }
        for figure in figures
    ]
    return pa.Table.from_pylist(rows, RELIABILITY.schema)


def nullable(values: Floats) -> pa.Array:
    """Numbers for a table: NaN becomes null."""
    return pa.array(values, pa.float64(), from_pandas=True)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value

"""All that is worked out for one question on one scale, as rows for the tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labeling.scoring.checks import Check, rater_checks
from labeling.scoring.drift import ALIKE, alike_raters, own_residuals
from labeling.scoring.figures import drift_figures, order_figures, taste_figures
from labeling.scoring.mos import Scores, bimodality, bin_count, histograms, mean_opinion_scores, photo_moments
from labeling.scoring.p910 import p910_scores
from labeling.scoring.reliability import Figure, leave_one_out, reliability
from labeling.scoring.screening import VARIANTS, bt500, screened_out
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
SCORED = (ScoreMethod.MOS, ScoreMethod.P910, ScoreMethod.TWO_WAY)
FEWEST_IN_STRATUM = 5
MOST_COMPARED = 3000
"""Raters up to which every two are compared: the work grows with their square."""


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


def settings_digest(settings: ScoreSettings, strata: Mapping[str, str] | None = None) -> str:
    """Hash of the settings, the version of the models, and the strata of photos."""
    parts = [MODELS_VERSION, settings.model_dump(mode="json", exclude={"method"}), dict(strata or {})]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def score_question(
    table: pa.Table, what: Question, settings: ScoreSettings, strata: Mapping[str, str] | None = None
) -> Result:
    """Scores, rater models and reliability of one question, with and without the screening that is configured.

    Parameters
    ----------
    table : pyarrow.Table
        Its counted ratings, in the schema of `ratings`.
    what : Question
        The question and its scale.
    settings : ScoreSettings
        Settings of the stage.
    strata : mapping of str to str, optional
        Stratum by photo_id, for reliability by stratum.
    """
    everybody, fit, checks, figures = _under(table, what, settings, EVERYBODY)
    votes, _, rater_ids = VoteSet.from_arrow(table)
    parts, notes = [everybody], [*_notes(fit), *_rater_notes(table, votes, fit)]
    parts += [_stratum_rows(table, what, settings, name, members) for name, members in _members(strata or {})]
    if settings.screening.name:
        out = screened_out(checks, settings.screening)
        left = [rater for rater, gone in zip(rater_ids.to_pylist(), out, strict=True) if not gone]
        notes.append(f"Screening {settings.screening.name} leaves {sum(out):,} of {len(out):,} raters out.")
        rest = table.filter(pa.compute.is_in(table["rater_id"], pa.array(left, pa.string())))
        if rest.num_rows:
            parts.append(_under(rest, what, settings, settings.screening.name)[0])
        parts.append(_screened_rows(rater_ids, checks, out, what, settings.screening.name))
    simulated = bool(pa.compute.any(table["simulated"]).as_py())
    scoring = Scoring(
        question=what.question,
        scale=what.scale,
        scale_low=what.low,
        scale_high=what.high,
        votes_digest=votes_digest(table),
        settings_digest=settings_digest(settings, strata),
        photos=votes.photos,
        raters=votes.raters,
        votes=len(votes.value),
        components=fit.components,
        simulated=simulated,
        notes=notes,
    )
    scores, raters, reliability_rows = (pa.concat_tables([part[number] for part in parts]) for number in range(3))
    return Result(scores, raters, reliability_rows, scoring, figures)


def _members(strata: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """The photos of each stratum, in order."""
    names = sorted(set(strata.values()))
    return [(name, sorted(photo for photo, stratum in strata.items() if stratum == name)) for name in names]


def _stratum_rows(
    table: pa.Table, what: Question, settings: ScoreSettings, stratum: str, members: Sequence[str]
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Reliability within one stratum; nothing where fewer than five of its photos have votes."""
    some = table.filter(pa.compute.is_in(table["photo_id"], pa.array(members, pa.string())))
    rows = RELIABILITY.schema.empty_table()
    if len(some["photo_id"].unique()) >= FEWEST_IN_STRATUM:
        votes, _, _ = VoteSet.from_arrow(some)
        figures = reliability(votes, settings.half_splits, settings.bootstrap, settings.seed)
        rows = _reliability_rows(figures, votes, what, EVERYBODY, stratum)
    return SCORES.schema.empty_table(), RATERS.schema.empty_table(), rows


def _under(
    table: pa.Table, what: Question, settings: ScoreSettings, screening: str
) -> tuple[tuple[pa.Table, pa.Table, pa.Table], TwoWay, list[Check], tuple[Figure, ...]]:
    """Rows for the tables from the votes that one screening leaves."""
    votes, photo_ids, rater_ids = VoteSet.from_arrow(table)
    by_two_way, fit = two_way_scores(votes, what.low, what.high)
    methods = {
        ScoreMethod.MOS: mean_opinion_scores(votes, what.low, what.high),
        ScoreMethod.P910: p910_scores(votes, what.low, what.high, settings.p910_interval),
        ScoreMethod.TWO_WAY: by_two_way,
    }
    figures = [*reliability(votes, settings.half_splits, settings.bootstrap, settings.seed)]
    figures += taste_figures(votes, settings.seed)
    figures += order_figures(votes, by_two_way, settings, bin_count(what.scale, what.low, what.high))
    figures += drift_figures(table, votes, fit)
    checks = rater_checks(table, rater_ids)
    rows = (
        _score_rows(votes, photo_ids, methods, what, _simulated(table, photo_ids), screening),
        _rater_rows(checks, votes, rater_ids, methods, what, screening),
        _reliability_rows(figures, votes, what, screening),
    )
    return rows, fit, checks, tuple(figures)


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


def _rater_notes(table: pa.Table, votes: VoteSet, fit: TwoWay) -> list[str]:
    """What a person should look at; nobody is left out for it."""
    notes = []
    found = {name: int(bt500(votes, name).rejected.sum()) for name in VARIANTS}
    if any(found.values()):
        notes.append(
            f"BT.500 would reject {found['votes_cast']} raters (ddof 1, votes cast) or {found['all_stimuli']} "
            "(ddof 0, all stimuli); it is reported, not applied."
        )
    if votes.raters <= MOST_COMPARED:
        alike = alike_raters(votes, own_residuals(votes, fit.quality))
        if alike:
            notes.append(
                f"{len(alike)} pairs of raters vote alike (residuals correlate above {ALIKE}), as one person under two "
                "names would: a person should look."
            )
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
    screening: str,
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
            screening,
        )
        for method, found in methods.items()
    ]
    return pa.concat_tables(parts)


def _rater_rows(
    checks: Sequence[Check],
    votes: VoteSet,
    rater_ids: pa.Array,
    methods: dict[ScoreMethod, Scores],
    what: Question,
    screening: str,
) -> pa.Table:
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
            screening,
        )
        for method, found in methods.items()
    ]
    return pa.concat_tables(parts)


def _screened_rows(
    rater_ids: pa.Array, checks: Sequence[Check], out: Sequence[bool], what: Question, screening: str
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Rows of `raters` for those who were left out, so that each is named with the figures that did it."""
    places = [place for place, gone in enumerate(out) if gone]
    columns = {
        "rater_id": rater_ids.take(pa.array(places, pa.int64())),
        "n": pa.array([int(checks[place]["n"]) for place in places], pa.int64()),
        "agreement": pa.nulls(len(places), pa.float64()),
        "bias": pa.nulls(len(places), pa.float64()),
        "inconsistency": pa.nulls(len(places), pa.float64()),
        "screened_out": pa.array([True] * len(places), pa.bool_()),
        "checks": pa.array([json.dumps(checks[place], sort_keys=True) for place in places], pa.string()),
    }
    rows = pa.concat_tables([_rows(RATERS.schema, columns, what, method, screening) for method in SCORED])
    return SCORES.schema.empty_table(), rows, RELIABILITY.schema.empty_table()


def _rows(
    schema: pa.Schema, columns: dict[str, pa.Array], what: Question, method: ScoreMethod, screening: str
) -> pa.Table:
    size = len(next(iter(columns.values())))
    same = {"question": what.question, "scale": what.scale, "method": method.value, "screening": screening}
    filled = {name: pa.array([text] * size, pa.string()) for name, text in same.items()}
    return pa.table([{**columns, **filled}[field.name].cast(field.type) for field in schema], schema=schema)


def _reliability_rows(
    figures: Sequence[Figure], votes: VoteSet, what: Question, screening: str, stratum: str = OVERALL
) -> pa.Table:
    rows = [
        {
            "question": what.question,
            "scale": what.scale,
            "screening": screening,
            "stratum": stratum,
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

"""Rows for the tables `scores`, `raters` and `reliability`, from what the models found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from labeling.scoring.checks import Check
from labeling.scoring.mos import Scores, bimodality, histograms, photo_moments
from labeling.scoring.reliability import Figure, leave_one_out
from labeling.scoring.resampling import Resampled
from labeling.scoring.votes import Flags, Floats, VoteSet
from schemas.codes import ScoreMethod
from schemas.ratings import RATERS, RELIABILITY, SCORES

OVERALL = "all"
RATER_MODELS = (ScoreMethod.MOS, ScoreMethod.P910, ScoreMethod.TWO_WAY)
"""Methods that say something of every rater, in scale units."""
MODELLED = ("bias", "bias_low", "bias_high", "inconsistency", "inconsistency_low", "inconsistency_high")


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
class Extra:
    """What the rows of one method alone hold.

    Parameters
    ----------
    panel : Resampled, optional
        The release default over resampled raters.
    moved : ndarray of bool, shape (photos,), optional
        Photos whose place differs by the cumulative model.
    """

    panel: Resampled | None = None
    moved: Flags | None = None


def score_rows(
    votes: VoteSet,
    photo_ids: pa.Array,
    methods: Mapping[ScoreMethod, Scores],
    what: Question,
    simulated: Flags,
    screening: str,
    extra: Extra,
) -> pa.Table:
    """Rows of `scores`: one for each photo and method."""
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
                **_extra_columns(method, votes.photos, extra),
            },
            what,
            method,
            screening,
        )
        for method, found in methods.items()
    ]
    return pa.concat_tables(parts)


def _extra_columns(method: ScoreMethod, photos: int, extra: Extra) -> dict[str, pa.Array]:
    """What only one method's rows have: the panel's interval, and who moves in the order."""
    panel, moved = extra.panel, extra.moved
    default, ordinal = method is ScoreMethod.TWO_WAY, method is ScoreMethod.ORDINAL
    return {
        "panel_low": nullable(panel.low) if default and panel else pa.nulls(photos, pa.float64()),
        "panel_high": nullable(panel.high) if default and panel else pa.nulls(photos, pa.float64()),
        "order_moved": pa.array(moved) if ordinal and moved is not None else pa.nulls(photos, pa.bool_()),
    }


def rater_rows(
    checks: Sequence[Check],
    votes: VoteSet,
    rater_ids: pa.Array,
    methods: Mapping[ScoreMethod, Scores],
    what: Question,
    screening: str,
) -> pa.Table:
    """Rows of `raters`: one for each rater and method."""
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
            {**shared, **{name: _optional(getattr(found, name), votes.raters) for name in MODELLED}},
            what,
            method,
            screening,
        )
        for method, found in methods.items()
    ]
    return pa.concat_tables(parts)


def screened_rows(
    rater_ids: pa.Array, checks: Sequence[Check], out: Sequence[bool], what: Question, screening: str
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Rows of `raters` for those who were left out, so that each is named with the figures that did it."""
    places = [place for place, gone in enumerate(out) if gone]
    columns = {
        "rater_id": rater_ids.take(pa.array(places, pa.int64())),
        "n": pa.array([int(checks[place]["n"]) for place in places], pa.int64()),
        "agreement": pa.nulls(len(places), pa.float64()),
        **{name: pa.nulls(len(places), pa.float64()) for name in MODELLED},
        "screened_out": pa.array([True] * len(places), pa.bool_()),
        "checks": pa.array([json.dumps(checks[place], sort_keys=True) for place in places], pa.string()),
    }
    rows = pa.concat_tables([_rows(RATERS.schema, columns, what, method, screening) for method in RATER_MODELS])
    return SCORES.schema.empty_table(), rows, RELIABILITY.schema.empty_table()


def _rows(
    schema: pa.Schema, columns: dict[str, pa.Array], what: Question, method: ScoreMethod, screening: str
) -> pa.Table:
    size = len(next(iter(columns.values())))
    same = {"question": what.question, "scale": what.scale, "method": method.value, "screening": screening}
    filled = {name: pa.repeat(text, size) for name, text in same.items()}
    return pa.table([{**columns, **filled}[field.name].cast(field.type) for field in schema], schema=schema)


def reliability_rows(
    figures: Sequence[Figure], votes: VoteSet, what: Question, screening: str, stratum: str = OVERALL
) -> pa.Table:
    """Rows of `reliability`."""
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


def _optional(values: Floats | None, size: int) -> pa.Array:
    return pa.nulls(size, pa.float64()) if values is None else nullable(values)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value

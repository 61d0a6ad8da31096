"""All that is worked out for one question on one scale, as rows for the tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from labeling.scoring.batches import batch_links
from labeling.scoring.checks import Check, rater_checks
from labeling.scoring.counted import CountedVotes
from labeling.scoring.figures import (
    drawn_figures,
    drift_figures,
    has_order,
    order_figures,
    rater_trends,
    taste_figures,
)
from labeling.scoring.mos import Scores, bin_count, mean_opinion_scores
from labeling.scoring.ordinal import compare_order, cumulative_model
from labeling.scoring.p910 import p910_scores
from labeling.scoring.rater_notes import rater_notes
from labeling.scoring.reliability import Figure, reliability
from labeling.scoring.resampling import bootstrap_raters
from labeling.scoring.rows import (
    OVERALL,
    RATER_MODELS,
    Extra,
    Question,
    rater_rows,
    reliability_rows,
    score_rows,
    screened_rows,
)
from labeling.scoring.screening import screened_out
from labeling.scoring.two_way import TwoWay, two_way_scores
from labeling.scoring.votes import VoteSet
from schemas.codes import ScoreMethod
from schemas.ratings import RATERS, RELIABILITY, SCORES, Scoring
from schemas.settings.score import ScoreSettings

__all__ = ["Design", "Question", "Result", "score_question", "settings_digest"]
Rows = tuple[pa.Table, pa.Table, pa.Table]
"""Rows for `scores`, `raters` and `reliability`."""
MODELS_VERSION = 3
"""Counted up whenever a model's results change, so that scores that stand are worked out again."""
EVERYBODY = "none"
"""The screening under which all raters count."""
FEWEST_IN_STRATUM = 5


@dataclass(frozen=True)
class Result:
    """Rows for the tables `scores`, `raters`, `reliability` and `scorings`."""

    scores: pa.Table
    raters: pa.Table
    reliability: pa.Table
    scoring: Scoring
    figures: tuple[Figure, ...]


def settings_digest(settings: ScoreSettings, design: Design | None = None) -> str:
    """Hash of the settings, the version of the models, and how the photos were chosen."""
    chosen = design or Design()
    parts = [
        MODELS_VERSION,
        settings.model_dump(mode="json", exclude={"method"}),
        dict(chosen.strata),
        dict(chosen.probability),
    ]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Design:
    """How the photos were chosen.

    Parameters
    ----------
    strata : mapping of str to str
        Stratum by photo_id, for reliability by stratum.
    probability : mapping of str to float
        Probability of being chosen by photo_id, for means over what the photos were chosen from.
    """

    strata: Mapping[str, str] = field(default_factory=dict)
    probability: Mapping[str, float] = field(default_factory=dict)


def score_question(
    counted: CountedVotes, what: Question, settings: ScoreSettings, design: Design | None = None
) -> Result:
    """Scores, rater models and reliability of one question, with and without the screening that is configured.

    Parameters
    ----------
    counted : CountedVotes
        Its counted ratings.
    what : Question
        The question and its scale.
    settings : ScoreSettings
        Settings of the stage.
    design : Design, optional
        How the photos were chosen.
    """
    chosen = design or Design()
    everybody, fit, checks, figures = _under(counted, what, settings, EVERYBODY)
    votes, photo_ids, rater_ids = counted.votes, counted.photo_ids, counted.rater_ids
    parts, notes = [everybody], [*_notes(fit), *rater_notes(counted, fit)]
    parts += [_stratum_rows(counted, what, settings, name, members) for name, members in _members(chosen.strata)]
    parts.append(_only_figures(drawn_figures(photo_ids, fit, chosen.probability), votes, what, OVERALL))
    for link in batch_links(counted.anchors()):
        parts.append(_only_figures(link.figures(), votes, what, f"batch {link.batch}"))
        notes += link.notes(fit)
    if settings.screening.name:
        out = np.array(screened_out(checks, settings.screening))
        notes.append(f"Screening {settings.screening.name} leaves {out.sum():,} of {len(out):,} raters out.")
        rest = counted.subset(~out[votes.rater])
        if rest is not None:
            parts.append(_under(rest, what, settings, settings.screening.name)[0])
        parts.append(screened_rows(rater_ids, checks, out.tolist(), what, settings.screening.name))
    scoring = Scoring(
        question=what.question,
        scale=what.scale,
        scale_low=what.low,
        scale_high=what.high,
        votes_digest=counted.digest,
        settings_digest=settings_digest(settings, design),
        photos=votes.photos,
        raters=votes.raters,
        votes=len(votes.value),
        components=fit.components,
        simulated=bool(counted.simulated.any()),
        notes=notes,
        screening=settings.screening.model_dump_json() if settings.screening.name else None,
    )
    scores, raters, reliability_table = (pa.concat_tables([part[number] for part in parts]) for number in range(3))
    return Result(scores, raters, reliability_table, scoring, figures)


def _members(strata: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """The photos of each stratum, in order."""
    names = sorted(set(strata.values()))
    return [(name, sorted(photo for photo, stratum in strata.items() if stratum == name)) for name in names]


def _only_figures(figures: Sequence[Figure], votes: VoteSet, what: Question, stratum: str) -> Rows:
    rows = reliability_rows(figures, votes, what, EVERYBODY, stratum)
    return SCORES.schema.empty_table(), RATERS.schema.empty_table(), rows


def _stratum_rows(
    counted: CountedVotes, what: Question, settings: ScoreSettings, stratum: str, members: Sequence[str]
) -> Rows:
    """Reliability within one stratum; nothing where fewer than five of its photos have votes."""
    inside = np.asarray(pa.compute.is_in(counted.photo_ids, pa.array(members, pa.string())))
    if inside.sum() < FEWEST_IN_STRATUM:
        return SCORES.schema.empty_table(), RATERS.schema.empty_table(), RELIABILITY.schema.empty_table()
    votes, _, _ = counted.votes.subset(inside[counted.votes.photo])
    figures = reliability(votes, settings.half_splits, settings.bootstrap, settings.seed)
    figures += taste_figures(votes, settings.seed)
    return _only_figures(figures, votes, what, stratum)


def _under(
    counted: CountedVotes, what: Question, settings: ScoreSettings, screening: str
) -> tuple[Rows, TwoWay, list[Check], tuple[Figure, ...]]:
    """Rows for the tables from the votes that one screening leaves."""
    votes, photo_ids, rater_ids = counted.votes, counted.photo_ids, counted.rater_ids
    by_two_way, fit = two_way_scores(votes, what.low, what.high)
    methods = {
        ScoreMethod.MOS: mean_opinion_scores(votes, what.low, what.high),
        ScoreMethod.P910: p910_scores(votes, what.low, what.high, settings.p910_interval),
        ScoreMethod.TWO_WAY: by_two_way,
    }
    figures = [*reliability(votes, settings.half_splits, settings.bootstrap, settings.seed)]
    figures += taste_figures(votes, settings.seed)
    moved = None
    if settings.ordinal and has_order(votes, bin_count(what.scale, what.low, what.high)):
        model = cumulative_model(votes)
        unknown = np.full(votes.raters, np.nan)
        methods[ScoreMethod.ORDINAL] = Scores(model.expected, model.low, model.high, unknown, unknown)
        order = compare_order(by_two_way.score, by_two_way.low, by_two_way.high, model.quality)
        moved = order.moved
        figures += order_figures(order)
    panel = bootstrap_raters(votes, settings.rater_draws, settings.seed) if settings.rater_draws > 1 else None
    trends = rater_trends(counted, fit)
    figures += drift_figures(trends)
    checks = rater_checks(counted)
    for check, trend in zip(checks, trends, strict=True):
        check |= {"drift": round(float(trend), 6)} if np.isfinite(trend) else {}
    rows = (
        score_rows(votes, photo_ids, methods, what, counted.simulated_photos, screening, Extra(panel, moved)),
        rater_rows(checks, votes, rater_ids, {method: methods[method] for method in RATER_MODELS}, what, screening),
        reliability_rows(figures, votes, what, screening),
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

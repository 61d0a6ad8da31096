"""Rows of `scores` from pairwise judgements: Bradley-Terry, ties as half wins, each part with its own zero."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from labeling.scoring.pairs import PairScores, Wins, bradley_terry
from labeling.scoring.votes import Floats, Ints, coded
from schemas.codes import Outcome, ScoreMethod
from schemas.errors import BadInput
from schemas.ratings import SCORES

SCALE = "pairs"
"""The scale of these scores: log-odds of winning, mean 0 in each connected part."""
PRIOR = 0.25
"""Precision of the prior where plain likelihood has no maximum: an SD of 2 in log-odds."""
MOST_DENSE = 3000
"""Photos up to which intervals are given: their covariance is dense."""
WON = {Outcome.LEFT.value: 1.0, Outcome.TIE.value: 0.5, Outcome.RIGHT.value: 0.0}


def score_comparisons(table: pa.Table, question: str) -> tuple[pa.Table, list[str]]:
    """Scores of one question's judgements, and sentences that their users should read.

    Parameters
    ----------
    table : pyarrow.Table
        Its counted comparisons, in the schema of `comparisons`.
    question : str
        The question.

    Returns
    -------
    rows : pyarrow.Table
        In the schema of `scores`; histograms hold losses, ties and wins.
    notes : list of str
        Whether a prior was needed, and how many parts share no zero.
    """
    photo_ids, index = coded(pa.chunked_array([*table["left_id"].chunks, *table["right_id"].chunks], pa.string()))
    left, right = index[: table.num_rows], index[table.num_rows :]
    won = np.array([WON[outcome] for outcome in table["outcome"].to_pylist()])
    found, notes = _fit(Wins.from_judgements(left, right, won, len(photo_ids)), question)
    half = _half_widths(found)
    if np.isnan(half).all():
        notes.append(f"{question}: more than {MOST_DENSE:,} photos were compared: scores have no intervals.")
    marked = table.filter(table["simulated"])
    simulated = pa.concat_arrays([marked[name].combine_chunks() for name in ("left_id", "right_id")]).unique()
    counts = _counts(left, right, won, len(photo_ids))
    size = len(photo_ids)
    offsets = pa.array(np.arange(0, 3 * size + 1, 3, dtype=np.int32))
    same = {
        "question": question,
        "scale": SCALE,
        "method": ScoreMethod.BRADLEY_TERRY.value,
        "screening": "none",
    }
    columns = {
        "photo_id": photo_ids,
        **{name: pa.array([text] * size, pa.string()) for name, text in same.items()},
        "score": pa.array(found.score),
        "ci_low": pa.array(found.score - half, from_pandas=True),
        "ci_high": pa.array(found.score + half, from_pandas=True),
        "n": pa.array(counts.sum(axis=1)),
        "sd": pa.nulls(size, pa.float64()),
        "histogram": pa.ListArray.from_arrays(offsets, pa.array(counts.ravel())),
        "simulated": pa.compute.is_in(photo_ids, simulated),
        "bimodality": pa.nulls(size, pa.float64()),
    }
    return pa.table([columns[field.name].cast(field.type) for field in SCORES.schema], schema=SCORES.schema), notes


def _fit(wins: Wins, question: str) -> tuple[PairScores, list[str]]:
    notes = []
    try:
        found = bradley_terry(wins)
    except BadInput:  # somebody never loses or never wins
        found = bradley_terry(wins, PRIOR)
        notes.append(
            f"{question}: some photos never lose or never win against the rest: a normal prior with SD "
            f"{PRIOR**-0.5:g} keeps their scores finite."
        )
    parts = int(found.part.max()) + 1
    if parts > 1:
        notes.append(f"{question}: the comparisons fall into {parts:,} parts, each with a zero of its own.")
    return found, notes


def _half_widths(found: PairScores) -> Floats:
    """Half-widths of the 95 % intervals in the zero-sum gauge."""
    if len(found.score) > MOST_DENSE:
        return np.full(len(found.score), np.nan)
    return np.asarray(1.959964 * found.standard_errors(), np.float64)


def _counts(left: Ints, right: Ints, won: Floats, photos: int) -> Ints:
    """Losses, ties and wins of each photo, shape (photos, 3)."""
    place = (2 * won).astype(np.int64)
    flat = np.r_[left * 3 + place, right * 3 + 2 - place]
    return np.asarray(np.bincount(flat, minlength=3 * photos).reshape(photos, 3), np.int64)

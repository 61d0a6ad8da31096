"""Rows of `scores` from pairwise judgements: Bradley-Terry, ties as half wins, each part with its own zero.

Where the photos of a question were rated too, a second set of rows holds both kinds of judgement on the ratings' scale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from scipy.sparse.csgraph import connected_components

from labeling.scoring.joint import FEWEST_ANCHORS, Joint, join_scales
from labeling.scoring.pairs import PairScores, Wins, bradley_terry
from labeling.scoring.rows import Question
from labeling.scoring.votes import Floats, Ints, coded
from schemas.codes import Outcome, ScoreMethod
from schemas.errors import BadInput
from schemas.ratings import SCORES, Scoring

SCALE = "pairs"
"""The scale of these scores: log-odds of winning, mean 0 in each connected part."""
PAIRS_VERSION = 1
"""Counted up whenever results change, so that scores that stand are worked out again."""
PRIOR = 0.25
"""Precision of the prior where plain likelihood has no maximum: an SD of 2 in log-odds."""
NORMAL_95 = 1.959964
CONTRADICTION = 4.0
"""Standard deviations between a rating and the joint score beyond which a photo is named."""
MOST_NAMED = 5
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
    left, right, won = index[: table.num_rows], index[table.num_rows :], _won(table)
    found, notes = _fit(Wins.from_judgements(left, right, won, len(photo_ids)), question)
    half = _half_widths(found)
    if np.isnan(half).all():
        notes.append(f"{question}: more than {MOST_DENSE:,} photos were compared: scores have no intervals.")
    counts = _counts(left, right, won, len(photo_ids))
    columns = {
        "photo_id": photo_ids,
        "score": pa.array(found.score),
        "ci_low": pa.array(found.score - half, from_pandas=True),
        "ci_high": pa.array(found.score + half, from_pandas=True),
        "n": pa.array(counts.sum(axis=1)),
        "histogram": _lists(counts),
        "simulated": pa.compute.is_in(photo_ids, _simulated(table)),
    }
    return _rows(columns, question, SCALE, ScoreMethod.BRADLEY_TERRY), notes


def score_jointly(table: pa.Table, rated: pa.Table, what: Question) -> tuple[pa.Table, list[str]]:
    """Scores from one question's judgements and from its ratings, on the ratings' scale.

    Parameters
    ----------
    table : pyarrow.Table
        Its counted comparisons, in the schema of `comparisons`.
    rated : pyarrow.Table
        Its scores by the release default, in the schema of `scores`.
    what : Question
        The question with the ratings' scale.

    Returns
    -------
    rows : pyarrow.Table
        In the schema of `scores`: `n` counts ratings and comparisons, `histogram` is that of the ratings, empty for
        photos without any. No rows where fewer than three photos have both kinds of judgement.
    notes : list of str
        What one unit of the scale is worth in log-odds, and where the two kinds contradict each other.
    """
    sides = [*table["left_id"].chunks, *table["right_id"].chunks, *rated["photo_id"].chunks]
    photo_ids, index = coded(pa.chunked_array(sides, pa.string()))
    left, right, own = np.split(index, [table.num_rows, 2 * table.num_rows])
    score, low, high = (_numbers(rated, name) for name in ("score", "ci_low", "ci_high"))
    se = np.maximum(score - low, high - score) / NORMAL_95  # one end may be cut at the scale's
    told = np.isfinite(se) & (se > 0)
    wins = Wins.from_judgements(left, right, _won(table), len(photo_ids))
    try:
        found, prior = join_scales(own[told], score[told], se[told], wins), False
    except BadInput:
        if len(np.intersect1d(own[told], np.r_[left, right])) < FEWEST_ANCHORS:
            return SCORES.schema.empty_table(), []
        weak = (what.high - what.low) ** -2.0
        found, prior = join_scales(own[told], score[told], se[told], wins, weak), True
    rows = _joint_rows(table, rated, photo_ids, own, found, what)
    return rows, _joint_notes(found, photo_ids, what, prior)


def _joint_rows(
    table: pa.Table, rated: pa.Table, photo_ids: pa.Array, own: Ints, found: Joint, what: Question
) -> pa.Table:
    size = len(photo_ids)
    judged = pa.concat_arrays([table[name].combine_chunks() for name in ("left_id", "right_id")])
    n = np.bincount(np.asarray(pa.compute.index_in(judged, photo_ids), np.int64), minlength=size)
    n[own] += np.asarray(rated["n"].to_numpy(), np.int64)
    lists: list[list[int]] = [[] for _ in range(size)]
    for place, counts in zip(own.tolist(), rated["histogram"].to_pylist(), strict=True):
        lists[place] = counts
    marked = np.asarray(pa.compute.is_in(photo_ids, _simulated(table)))
    marked[own] |= np.asarray(rated["simulated"].to_numpy(zero_copy_only=False), bool)
    low, high = found.score - NORMAL_95 * found.se, found.score + NORMAL_95 * found.se
    columns = {
        "photo_id": photo_ids,
        "score": pa.array(found.score, from_pandas=True),
        "ci_low": pa.array(np.minimum(np.maximum(low, what.low), found.score), from_pandas=True),
        "ci_high": pa.array(np.maximum(np.minimum(high, what.high), found.score), from_pandas=True),
        "n": pa.array(n),
        "histogram": pa.array(lists, pa.list_(pa.int64())),
        "simulated": pa.array(marked),
    }
    joined = np.isfinite(found.score)
    rows = {name: column.filter(pa.array(joined)) for name, column in columns.items()}
    return _rows(rows, what.question, what.scale, ScoreMethod.JOINT)


def _joint_notes(found: Joint, photo_ids: pa.Array, what: Question, prior: bool) -> list[str]:
    notes = [
        f"{what.question}: comparisons and ratings are joined over {found.anchors:,} photos; one unit of {what.scale} "
        f"is worth {found.slope:.2f} log-odds (± {NORMAL_95 * found.slope_se:.2f})."
    ]
    if prior:
        notes.append(
            f"{what.question}: photos without a rating never lose or never win against the rest: a normal prior with "
            "the scale's width as SD keeps their joint scores finite."
        )
    apart = int(np.isnan(found.score).sum())
    if apart:
        notes.append(f"{what.question}: no comparison leads from {apart:,} photos to a rated one: no joint score.")
    odd = np.flatnonzero(np.abs(np.nan_to_num(found.misfit)) > CONTRADICTION)
    if len(odd):
        names = ", ".join(photo_ids[int(place)].as_py() for place in odd[:MOST_NAMED])
        notes.append(f"{what.question}: ratings and comparisons contradict each other on {len(odd):,} photos: {names}.")
    return notes


def _rows(columns: dict[str, pa.Array], question: str, scale: str, method: ScoreMethod) -> pa.Table:
    """Rows in the schema of `scores`; what pairs do not have is null."""
    size = len(columns["photo_id"])
    same = {"question": question, "scale": scale, "method": method.value, "screening": "none"}
    filled = {name: pa.array([text] * size, pa.string()) for name, text in same.items()}
    filled |= columns
    every = [filled.get(field.name, pa.nulls(size, field.type)).cast(field.type) for field in SCORES.schema]
    return pa.table(every, schema=SCORES.schema)


def _won(table: pa.Table) -> Floats:
    """1 where the left photo won, 0 where the right one did, .5 for a tie."""
    return np.array([WON[outcome] for outcome in table["outcome"].to_pylist()])


def _simulated(table: pa.Table) -> pa.Array:
    """Photos with at least one simulated judgement."""
    marked = table.filter(table["simulated"])
    return pa.concat_arrays([marked[name].combine_chunks() for name in ("left_id", "right_id")]).unique()


def _lists(counts: Ints) -> pa.ListArray:
    offsets = pa.array(np.arange(0, counts.size + 1, counts.shape[1], dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(counts.ravel()))


def _numbers(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), np.float64)


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
    return np.asarray(NORMAL_95 * found.standard_errors(), np.float64)


def _counts(left: Ints, right: Ints, won: Floats, photos: int) -> Ints:
    """Losses, ties and wins of each photo, shape (photos, 3)."""
    place = (2 * won).astype(np.int64)
    flat = np.r_[left * 3 + place, right * 3 + 2 - place]
    return np.asarray(np.bincount(flat, minlength=3 * photos).reshape(photos, 3), np.int64)


def pairs_digests(table: pa.Table, ratings: pa.Table) -> dict[str, str]:
    """Hashes of the comparisons that count, and of all else that their scores rest on: the ratings' scorings."""
    ids = "".join(table["comparison_id"].combine_chunks().sort().to_pylist())
    standing = [[row["scale"], row["votes_digest"], row["settings_digest"]] for row in ratings.to_pylist()]
    return {
        "votes_digest": hashlib.sha256(ids.encode()).hexdigest(),
        "settings_digest": hashlib.sha256(json.dumps([PAIRS_VERSION, standing]).encode()).hexdigest(),
    }


def pairs_scoring(
    table: pa.Table, question: str, photos: int, notes: Sequence[str], digests: Mapping[str, str]
) -> Scoring:
    """The row of `scorings` for one question's comparisons; log-odds have no ends, so both are 0."""
    return Scoring(
        question=question,
        scale=SCALE,
        scale_low=0.0,
        scale_high=0.0,
        photos=photos,
        raters=len(table["rater_id"].unique()),
        votes=table.num_rows,
        components=_parts(table),
        simulated=bool(pa.compute.any(table["simulated"]).as_py()),
        notes=list(notes),
        votes_digest=digests["votes_digest"],
        settings_digest=digests["settings_digest"],
    )


def _parts(table: pa.Table) -> int:
    """Connected parts of the comparisons."""
    photo_ids, index = coded(pa.chunked_array([*table["left_id"].chunks, *table["right_id"].chunks], pa.string()))
    wins = Wins.from_judgements(index[: table.num_rows], index[table.num_rows :], _won(table), len(photo_ids))
    return int(connected_components(wins.graph(), directed=False)[0])

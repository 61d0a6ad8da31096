"""One row per photo: the columns of `default` and `scores`, several questions side by side."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.codes import ScoreMethod

FIRST = ("photo_id", "split", "group_id")
FIGURES = ("score", "ci_low", "ci_high", "mos", "mos_ci_low", "mos_ci_high", "sd", "n", "histogram")
INNER = frozenset({"ordinal", "source_bytes", "source_orientation"})
"""Columns of `inputs/photos.parquet` that `default` leaves out."""

TYPES: dict[str, pa.DataType] = {"n": pa.int64(), "histogram": pa.list_(pa.int64())}


@dataclass(frozen=True)
class Axis:
    """One question on one scale, with the prefix of its columns: empty for the release's own question."""

    question: str
    scale: str
    prefix: str
    ratings: int


def axes_of(scores: pa.Table, wanted: str, before: str = "") -> tuple[Axis, ...]:
    """The axes of a release, its own question first.

    Parameters
    ----------
    scores : pyarrow.Table
        Rows of `inputs/scores.parquet`.
    wanted : str
        The question that the settings name; empty: the one of the version before, else that with most ratings.
    before : str
        Question of the plain columns in the version before.
    """
    votes: Counter[tuple[str, str]] = Counter()
    for row in scores.select(["question", "scale", "method", "n"]).to_pylist():
        if row["method"] == ScoreMethod.MOS:
            votes[row["question"], row["scale"]] += row["n"]
    if not votes:
        for row in scores.select(["question", "scale", "n"]).to_pylist():
            votes[row["question"], row["scale"]] += row["n"]
    order = sorted(votes, key=lambda axis: (axis[0] != wanted, axis[0] != before, -votes[axis], axis))
    scales = Counter(question for question, _ in votes)
    found = []
    for number, (question, scale) in enumerate(order):
        text = question if scales[question] == 1 else f"{question}_{scale}"
        prefix = "" if number == 0 else re.sub(r"\W+", "_", text) + "_"
        found.append(Axis(question, scale, prefix, votes[question, scale]))
    return tuple(found)


def wide(photos: pa.Table, scores: pa.Table, axes: tuple[Axis, ...], method: str) -> pa.Table:
    """Photos with the figures of every axis.

    Parameters
    ----------
    photos, scores : pyarrow.Table
        Tables of `inputs/`.
    method : str
        The release's method, whose figures are the plain `score`, `ci_low` and `ci_high`.
    """
    columns: dict[str, Any] = {name: photos[name] for name in FIRST}
    ids = photos["photo_id"].to_pylist()
    rows = {(r["photo_id"], r["question"], r["scale"], r["method"]): r for r in scores.to_pylist()}
    for axis in axes:
        figures = [_figures(rows, photo_id, axis, method) for photo_id in ids]
        for name in FIGURES:
            columns[axis.prefix + name] = pa.array([f[name] for f in figures], TYPES.get(name, pa.float64()))
    simulated = {r["photo_id"] for r in rows.values() if r["simulated"]}
    columns["simulated"] = pa.array([photo_id in simulated for photo_id in ids], pa.bool_())
    for name in photos.column_names:
        if name not in columns and name not in INNER:
            columns[name] = photos[name]
    return pa.table(columns)


def _figures(rows: dict[Any, dict[str, Any]], photo_id: str, axis: Axis, method: str) -> dict[str, Any]:
    """The figures of one photo on one axis; None where there is no score."""
    key = (photo_id, axis.question, axis.scale)
    own, plain = rows.get((*key, method)), rows.get((*key, ScoreMethod.MOS))
    any_of = plain or own
    return {
        "score": own and own["score"],
        "ci_low": own and own["ci_low"],
        "ci_high": own and own["ci_high"],
        "mos": plain and plain["score"],
        "mos_ci_low": plain and plain["ci_low"],
        "mos_ci_high": plain and plain["ci_high"],
        "sd": any_of and any_of["sd"],
        "n": any_of and any_of["n"],
        "histogram": any_of and any_of["histogram"],
    }

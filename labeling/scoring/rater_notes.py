"""What a person should look at: whom BT.500 would reject, and who votes like another; nobody is left out for it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from labeling.scoring.drift import ALIKE, alike_raters, own_residuals
from labeling.scoring.screening import VARIANTS, bt500
from labeling.scoring.two_way import TwoWay
from labeling.scoring.votes import Flags, VoteSet

MOST_COMPARED = 3000
"""Raters up to which every two are compared: the work grows with their square."""
MOST_NAMED = 10


def rater_notes(table: pa.Table, votes: VoteSet, rater_ids: pa.Array, fit: TwoWay) -> list[str]:
    """Sentences for whoever uses the scores.

    Parameters
    ----------
    table : pyarrow.Table
        Counted ratings: `rater_id` and `submitted_at` are read.
    votes : VoteSet
        The same votes.
    rater_ids : pyarrow.Array of string
        What the raters' indices stand for.
    fit : TwoWay
        The release default.
    """
    notes = []
    rejected = {name: bt500(votes, name).rejected for name in VARIANTS}
    if any(flags.any() for flags in rejected.values()):
        notes.append(
            f"BT.500 would reject {_named(rejected['votes_cast'], rater_ids)} by ddof 1 and votes cast, and "
            f"{_named(rejected['all_stimuli'], rater_ids)} by ddof 0 and all stimuli; it is reported, not applied."
        )
    if votes.raters <= MOST_COMPARED:
        notes += _alike(table, votes, rater_ids, fit)
    return notes


def _named(flags: Flags, rater_ids: pa.Array) -> str:
    """How many, and who."""
    who = [rater_ids[int(place)].as_py() for place in np.flatnonzero(flags)]
    more = f" and {len(who) - MOST_NAMED} more" if len(who) > MOST_NAMED else ""
    return f"{len(who)} raters" + (f" ({', '.join(who[:MOST_NAMED])}{more})" if who else "")


def _alike(table: pa.Table, votes: VoteSet, rater_ids: pa.Array, fit: TwoWay) -> list[str]:
    alike = alike_raters(votes, own_residuals(votes, fit.quality))
    if not alike:
        return []
    spans = _spans(table)
    pairs = []
    for first, second, correlation, common in alike[:MOST_NAMED]:
        one, other = rater_ids[first].as_py(), rater_ids[second].as_py()
        pairs.append(
            f"{one} and {other} (r = {correlation:.2f} on {common} photos{_overlap(spans.get(one), spans.get(other))})"
        )
    return [
        f"{len(alike)} pairs of raters vote alike (residuals correlate above {ALIKE}), as one person under two names "
        f"would; a person should look: {'; '.join(pairs)}."
    ]


def _spans(table: pa.Table) -> dict[str, tuple[float, float]]:
    """When each rater's votes begin and end, in seconds, where that is known."""
    timed = table.filter(pa.compute.is_valid(table["submitted_at"]))
    if not timed.num_rows:
        return {}
    when = pa.compute.divide(timed["submitted_at"].cast(pa.int64()).cast(pa.float64()), 1e6)
    grouped = (
        pa.table({"rater": timed["rater_id"], "when": when})
        .group_by("rater")
        .aggregate([("when", "min"), ("when", "max")])
    )
    return {row["rater"]: (row["when_min"], row["when_max"]) for row in grouped.to_pylist()}


def _overlap(one: tuple[float, float] | None, other: tuple[float, float] | None) -> str:
    """Whether the two worked at the same time, as one person cannot."""
    if one is None or other is None:
        return ""
    return ", at work at the same time" if max(one[0], other[0]) < min(one[1], other[1]) else ", never at work together"

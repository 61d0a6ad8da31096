"""Checks of raters: how they use the scale, how fast, how steadily. Figures and flags; they reject nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from labeling.scoring.votes import Floats, Ints

Check = dict[str, float | int]


def rater_checks(table: pa.Table, rater_ids: pa.Array) -> list[Check]:
    """Figures of each rater's votes.

    Parameters
    ----------
    table : pyarrow.Table
        Counted ratings of one question: `rater_id`, `value`, `position`, `submitted_at`, `seconds`.
    rater_ids : pyarrow.Array of string
        The raters, in the order of the result.

    Returns
    -------
    list of dict
        For each rater: `mean` and `sd` of the votes (scale units), `modal_share` (share of the commonest value, 0
        to 1), `entropy` (of the values used, bits), and where the order of the votes is known `longest_run` (equal
        votes in a row), and where response times are known `median_seconds`. Figures that the votes do not allow
        are left out.
    """
    rater = np.asarray(pa.compute.index_in(table["rater_id"], rater_ids), np.int64)
    value = np.asarray(table["value"].to_numpy(), np.float64)
    columns: dict[str, Floats | Ints] = {**scale_use(rater, value, len(rater_ids))}
    order = vote_order(table)
    if order is not None:
        columns["longest_run"] = longest_runs(rater[order], value[order], len(rater_ids))
    seconds = np.asarray(table["seconds"].to_numpy(zero_copy_only=False), np.float64)
    columns["median_seconds"] = medians(rater, seconds, len(rater_ids))
    return [_check(columns, row) for row in range(len(rater_ids))]


def _check(columns: dict[str, Any], row: int) -> Check:
    found: Check = {}
    for name, values in columns.items():
        number = values[row]
        if np.isfinite(number):
            found[name] = int(number) if values.dtype.kind == "i" else round(float(number), 6)
    return found


def scale_use(rater: Ints, value: Floats, raters: int) -> dict[str, Floats]:
    """Mean, standard deviation (ddof 1), share of the commonest value, and entropy in bits, by rater."""
    n = np.bincount(rater, minlength=raters).astype(np.float64)
    mean = np.bincount(rater, value, raters) / n
    squares = np.bincount(rater, (value - mean[rater]) ** 2, raters)
    values, place = np.unique(value, return_inverse=True)
    pairs, counts = np.unique(rater * len(values) + place, return_counts=True)
    who = pairs // len(values)
    share = counts / n[who]
    modal = np.zeros(raters)
    np.maximum.at(modal, who, share)
    entropy = np.bincount(who, -share * np.log2(share), raters)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.where(n > 1, squares / (n - 1), np.nan))
    return {"mean": mean, "sd": sd, "modal_share": modal, "entropy": np.maximum(entropy, 0.0)}


def vote_order(table: pa.Table) -> Ints | None:
    """Rows in the order in which raters cast their votes: by position, else by time; None where neither is known."""
    for name in ("position", "submitted_at"):
        if table.num_rows and not table[name].null_count:
            when = np.asarray(table[name].cast(pa.int64()).to_numpy(), np.int64)
            return np.asarray(np.argsort(when, kind="stable"), np.int64)
    return None


def longest_runs(rater: Ints, value: Floats, raters: int) -> Ints:
    """Most equal votes in a row, by rater; votes must stand in the order in which they were cast."""
    by_rater = np.argsort(rater, kind="stable")
    who, what = rater[by_rater], value[by_rater]
    begins = np.flatnonzero(np.r_[True, (who[1:] != who[:-1]) | (what[1:] != what[:-1])])
    lengths = np.diff(np.r_[begins, len(who)])
    longest = np.zeros(raters, np.int64)
    np.maximum.at(longest, who[begins], lengths)
    return longest


def medians(group: Ints, values: Floats, groups: int) -> Floats:
    """Median of the known values of each group; NaN where none is known."""
    known = ~np.isnan(values)
    some, number = group[known], values[known]
    order = np.lexsort((number, some))
    some, number = some[order], number[order]
    counts = np.bincount(some, minlength=groups)
    begins = np.cumsum(counts) - counts
    out = np.full(groups, np.nan)
    there = counts > 0
    low, high = begins + (counts - 1) // 2, begins + counts // 2
    out[there] = (number[low[there]] + number[high[there]]) / 2
    return out

"""Checks of raters: how they use the scale, how fast, how steadily. Figures and flags; they reject nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labeling.scoring.counted import CountedVotes
from labeling.scoring.votes import Floats, Ints

Check = dict[str, float | int]


def rater_checks(counted: CountedVotes) -> list[Check]:
    """Figures of each rater's votes.

    Parameters
    ----------
    counted : CountedVotes
        The votes of one question, with their order and response times.

    Returns
    -------
    list of dict
        For each rater: `n` votes, their `mean` and `sd` (scale units), `modal_share` (share of the commonest
        value, 0 to 1), `entropy` (of the values used, bits); where the order of the votes is known `longest_run`
        (equal votes in a row); where response times are known `median_seconds`; with votes repeated on a photo
        `repeats` and `repeat_error` (SD of one vote around the rater's own mean for the photo, scale units); with
        anchors `anchors` and `anchor_hits` (share within two SDs of the others' votes). Figures that the votes
        do not allow are left out.
    """
    votes = counted.votes
    photo, rater, value, raters = votes.photo, votes.rater, votes.value, votes.raters
    columns: dict[str, Floats | Ints] = {"n": np.bincount(rater, minlength=raters)}
    columns |= scale_use(rater, value, raters)
    columns |= own_consistency(rater, photo, value, raters)
    columns |= anchor_hits(rater, photo, value, counted.anchor, raters)
    order = counted.cast_order()
    if order is not None:
        columns["longest_run"] = longest_runs(rater[order], value[order], raters)
    if counted.seconds is not None:
        columns["median_seconds"] = medians(rater, counted.seconds, raters)
    return [_check(columns, row) for row in range(raters)]


def _check(columns: dict[str, Any], row: int) -> Check:
    found: Check = {}
    for name, values in columns.items():
        number = values[row]
        if np.isfinite(number):
            found[name] = int(number) if values.dtype.kind == "i" else round(float(number), 6)
    return found


def scale_use(rater: Ints, value: Floats, raters: int) -> dict[str, Floats]:
    """Mean, standard deviation (ddof 1), share of the commonest value, and entropy in bits, by rater.

    Examples
    --------
    >>> found = scale_use(np.array([0, 0, 0, 0]), np.array([1.0, 1.0, 3.0, 3.0]), 1)
    >>> found["modal_share"].tolist(), found["entropy"].tolist()
    ([0.5], [1.0])
    """
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


def own_consistency(rater: Ints, photo: Ints, value: Floats, raters: int) -> dict[str, Floats | Ints]:
    """Repeats and the error of measurement, SD(difference) / √2 pooled over repeated photos, by rater.

    Examples
    --------
    >>> found = own_consistency(np.array([0, 0, 0]), np.array([0, 0, 1]), np.array([3.0, 5.0, 1.0]), 1)
    >>> found["repeats"].tolist(), found["repeat_error"].round(3).tolist()
    ([1], [1.414])
    """
    _, cell = np.unique(rater * (int(photo.max()) + 1) + photo, return_inverse=True)
    size = np.bincount(cell)
    squares = np.bincount(rater, (value - (np.bincount(cell, value) / size)[cell]) ** 2, raters)
    repeats = np.bincount(rater, 1 - 1 / size[cell], raters).round().astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"repeats": repeats, "repeat_error": np.where(repeats > 0, np.sqrt(squares / repeats), np.nan)}


def anchor_hits(
    rater: Ints, photo: Ints, value: Floats, anchor: npt.NDArray[np.bool_], raters: int
) -> dict[str, Floats | Ints]:
    """Anchor votes, and the share of them within two SDs of the other raters' votes, by rater.

    Examples
    --------
    >>> photo, rater = np.zeros(5, np.int64), np.arange(5)
    >>> found = anchor_hits(rater, photo, np.array([6.0, 7.0, 6.0, 7.0, 1.0]), np.ones(5, bool), 5)
    >>> found["anchor_hits"].tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0]
    """
    n, total = np.bincount(photo)[photo], np.bincount(photo, value)[photo]
    squares = np.bincount(photo, value**2)[photo]
    judged = anchor & (n > 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (total - value) / (n - 1)
        sd = np.sqrt(np.maximum((squares - value**2) / (n - 1) - mean**2, 0) * (n - 1) / (n - 2))
        hit = judged & (np.abs(value - mean) <= 2 * sd + 1e-9)
        count = np.bincount(rater[judged], minlength=raters)
        return {
            "anchors": count,
            "anchor_hits": np.bincount(rater[hit], minlength=raters) / np.where(count, count, np.nan),
        }


def longest_runs(rater: Ints, value: Floats, raters: int) -> Ints:
    """Most equal votes in a row, by rater; votes must stand in the order in which they were cast.

    Examples
    --------
    >>> longest_runs(np.array([0, 0, 0, 1, 1]), np.array([4.0, 4.0, 5.0, 2.0, 2.0]), 2).tolist()
    [2, 2]
    """
    by_rater = np.argsort(rater, kind="stable")
    who, what = rater[by_rater], value[by_rater]
    begins = np.flatnonzero(np.r_[True, (who[1:] != who[:-1]) | (what[1:] != what[:-1])])
    lengths = np.diff(np.r_[begins, len(who)])
    longest = np.zeros(raters, np.int64)
    np.maximum.at(longest, who[begins], lengths)
    return longest


def medians(group: Ints, values: Floats, groups: int) -> Floats:
    """Median of the known values of each group; NaN where none is known.

    Examples
    --------
    >>> medians(np.array([0, 0, 1]), np.array([2.0, 4.0, np.nan]), 2).tolist()
    [3.0, nan]
    """
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

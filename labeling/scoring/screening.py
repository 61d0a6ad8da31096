"""Screening of raters: the BT.500 rule as a report, and a frozen configuration of attention checks.

The BT.500 rule finds rare tastes as readily as careless raters, and its verdict turns on details of its own:
it is reported under two names and filters nobody. What screens is a configuration that was fixed before the
analysis, on attention and self-consistency only, never on disagreement; scores come with and without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from labeling.scoring.votes import Flags, Floats, VoteSet
from schemas.errors import WrongUse
from schemas.settings.score import ScreeningSettings

Variant = Literal["all_stimuli", "votes_cast"]
"""'all_stimuli': ddof 0, share of all stimuli (sureal); 'votes_cast': ddof 1, share of the rater's votes (standard)."""

VARIANTS: tuple[Variant, ...] = get_args(Variant)


@dataclass(frozen=True)
class Bt500:
    """What the rule counted.

    Parameters
    ----------
    above, below : ndarray of float64, shape (raters,)
        P and Q: votes at or beyond mean ± ε·s.
    share : ndarray of float64, shape (raters,)
        (P + Q) / N.
    asymmetry : ndarray of float64, shape (raters,)
        |P - Q| / (P + Q); NaN where both are 0.
    rejected : ndarray of bool, shape (raters,)
        share > .05 and asymmetry < .3.
    """

    above: Floats
    below: Floats
    share: Floats
    asymmetry: Floats
    rejected: Flags


def bt500(votes: VoteSet, variant: Variant = "votes_cast") -> Bt500:
    """The observer screening of ITU-R BT.500-15 (05/2023), Annex 1 to Part 1.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    variant : str
        'votes_cast' takes s with ddof 1 and the share of the rater's own votes, as the standard has it;
        'all_stimuli' takes s with ddof 0 and the share of all stimuli, as sureal has it.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=(40, 20))
    >>> values[:, 7] = np.where(np.arange(40) % 2, 2.5, -2.5)  # now at one end, now at the other
    >>> np.flatnonzero(bt500(VoteSet.from_matrix(values)).rejected).tolist()
    [7]
    """
    ddof = 1 if variant == "votes_cast" else 0
    n = votes.per_photo()
    centred = votes.value - (votes.per_photo(votes.value) / n)[votes.photo]
    m2, m4 = votes.per_photo(centred**2) / n, votes.per_photo(centred**4) / n
    usable = (m2 > 1e-12) & (n > ddof)
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = np.where(usable, m4 / m2**2, 3.0)
        s = np.sqrt(np.where(usable, m2 * n / (n - ddof), np.inf))
    limit = (np.where((kurtosis >= 2) & (kurtosis <= 4), 2.0, np.sqrt(20.0)) * s)[votes.photo]
    above = votes.per_rater((centred >= limit).astype(np.float64))
    below = votes.per_rater((centred <= -limit).astype(np.float64))
    total = votes.per_rater() if variant == "votes_cast" else np.full(votes.raters, float(votes.photos))
    share = (above + below) / total
    with np.errstate(invalid="ignore", divide="ignore"):
        asymmetry = np.where(above + below > 0, np.abs(above - below) / (above + below), np.nan)
    return Bt500(above, below, share, asymmetry, (share > 0.05) & (asymmetry < 0.3))


def screened_out(checks: Sequence[Mapping[str, float | int]], rules: ScreeningSettings) -> list[bool]:
    """Which raters a screening configuration leaves out.

    Parameters
    ----------
    checks : sequence of mapping
        Figures of each rater, as of `checks.rater_checks`. A figure that is not known rejects nobody.
    rules : ScreeningSettings
        The configuration; a limit of 0 is off.

    Examples
    --------
    >>> screened_out([{"n": 50, "longest_run": 40}, {"n": 50}], ScreeningSettings(name="attention@1", longest_run=30))
    [True, False]
    """
    return [bool(reasons(check, rules)) for check in checks]


def refuse_changed(rules: ScreeningSettings, standing: str | None) -> None:
    """Refuse limits that have changed under the name they were frozen with.

    Parameters
    ----------
    rules : ScreeningSettings
        The configuration as it is now.
    standing : str or None
        The one that scores stand under, as JSON.

    Raises
    ------
    WrongUse
        Same name, other limits.

    Examples
    --------
    >>> rules = ScreeningSettings(name="attention@1", longest_run=30)
    >>> refuse_changed(rules, rules.model_dump_json())
    """
    if standing is None or not rules.name:
        return
    before = json.loads(standing)
    now = rules.model_dump(mode="json")
    changed = [name for name in now if name in before and before[name] != now[name]]
    if before["name"] == rules.name and changed:
        one = changed[0]
        raise WrongUse(
            f"screening {rules.name} was fixed with {one} = {before[one]} and now has {now[one]}; scores stand under "
            "that name. A screening is frozen before the analysis: give new limits a new name, with the next number."
        )


def reasons(check: Mapping[str, float | int], rules: ScreeningSettings) -> list[str]:
    """Why a rater is left out, as names of figures; empty where the rater stays.

    Examples
    --------
    >>> reasons({"n": 50, "longest_run": 40}, ScreeningSettings(name="attention@1", longest_run=30))
    ['longest_run']
    """
    found = []
    if rules.least_median_seconds and check.get("median_seconds", np.inf) < rules.least_median_seconds:
        found.append("median_seconds")
    if rules.longest_run and check.get("longest_run", 0) > rules.longest_run:
        found.append("longest_run")
    if rules.modal_share and check.get("n", 0) >= rules.least_votes and check["modal_share"] > rules.modal_share:
        found.append("modal_share")
    if rules.repeat_error and check.get("repeats", 0) >= rules.least_repeats:
        found += ["repeat_error"] if check["repeat_error"] > rules.repeat_error else []
    if rules.anchor_hits and check.get("anchors", 0) >= rules.least_anchors:
        found += ["anchor_hits"] if check["anchor_hits"] < rules.anchor_hits else []
    return found

"""What a person should look at: whom BT.500 would reject, and who votes like another; nobody is left out for it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from labeling.scoring.counted import CountedVotes
from labeling.scoring.drift import ALIKE, alike_raters, own_residuals
from labeling.scoring.screening import VARIANTS, bt500
from labeling.scoring.two_way import TwoWay
from labeling.scoring.votes import Flags, Floats

MOST_COMPARED = 3000
"""Raters up to which every two are compared: the work grows with their square."""
MOST_NAMED = 10


def rater_notes(counted: CountedVotes, fit: TwoWay) -> list[str]:
    """Sentences for whoever uses the scores.

    Parameters
    ----------
    counted : CountedVotes
        The votes, with the times at which they were cast.
    fit : TwoWay
        The release default.
    """
    votes, rater_ids = counted.votes, counted.rater_ids
    notes = []
    rejected = {name: bt500(votes, name).rejected for name in VARIANTS}
    if any(flags.any() for flags in rejected.values()):
        notes.append(
            f"BT.500 would reject {_named(rejected['votes_cast'], rater_ids)} by ddof 1 and votes cast, and "
            f"{_named(rejected['all_stimuli'], rater_ids)} by ddof 0 and all stimuli; it is reported, not applied."
        )
    if votes.raters <= MOST_COMPARED:
        notes += _alike(counted, fit)
    return notes


def _named(flags: Flags, rater_ids: pa.Array) -> str:
    """How many, and who."""
    who = [rater_ids[int(place)].as_py() for place in np.flatnonzero(flags)]
    more = f" and {len(who) - MOST_NAMED} more" if len(who) > MOST_NAMED else ""
    return f"{len(who)} raters" + (f" ({', '.join(who[:MOST_NAMED])}{more})" if who else "")


def _alike(counted: CountedVotes, fit: TwoWay) -> list[str]:
    votes, rater_ids = counted.votes, counted.rater_ids
    alike = alike_raters(votes, own_residuals(votes, fit.quality))
    if not alike:
        return []
    spans = np.stack(counted.spans(), axis=1)
    pairs = []
    for first, second, correlation, common in alike[:MOST_NAMED]:
        one, other = rater_ids[first].as_py(), rater_ids[second].as_py()
        pairs.append(
            f"{one} and {other} (r = {correlation:.2f} on {common} photos{_overlap(spans[first], spans[second])})"
        )
    return [
        f"{len(alike)} pairs of raters vote alike (residuals correlate above {ALIKE}), as one person under two names "
        f"would; a person should look: {'; '.join(pairs)}."
    ]


def _overlap(one: Floats, other: Floats) -> str:
    """Whether the two worked at the same time, as one person cannot."""
    if np.isnan(one).any() or np.isnan(other).any():
        return ""
    return ", at work at the same time" if max(one[0], other[0]) < min(one[1], other[1]) else ", never at work together"

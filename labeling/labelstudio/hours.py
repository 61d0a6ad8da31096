"""Working time of a rater, from the moments at which something happened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise


def active_seconds(moments: Iterable[datetime], idle_s: float) -> float:
    """Seconds between consecutive moments, where pauses longer than `idle_s` are left out altogether.

    Parameters
    ----------
    moments : iterable of datetime
        When a picture was shown or an answer given, in any order.
    idle_s : float
        The longest pause, in seconds, that still is work.
    """
    ordered = sorted(moments)
    gaps = ((later - earlier).total_seconds() for earlier, later in pairwise(ordered))
    return sum(gap for gap in gaps if gap <= idle_s)

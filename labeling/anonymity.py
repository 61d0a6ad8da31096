"""What a release may say about raters: coarse traits in groups of k and more, and pseudonyms of its own."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Mapping, Sequence

TRAITS = ("age_band", "gender", "experience", "region", "vision")
"""Traits in the order in which they are kept: the last is withheld first."""

Traits = tuple[str | None, ...]


def k_anonymous(told: Mapping[str, Sequence[str | None]], k: int) -> dict[str, Traits]:
    """Withhold traits until every combination that is shown is shared by at least k raters.

    Parameters
    ----------
    told : mapping of rater_id to traits
        In the order of `TRAITS`; None where a rater told nothing.
    k : int
        Least number of raters of a combination.

    Returns
    -------
    dict of rater_id to traits
        Where every combination, that of raters of whom nothing is shown included, occurs k times or more;
        with fewer than k raters in all, nothing is shown of any.
    """
    shown: dict[str, Traits] = {rater: tuple(traits) for rater, traits in told.items()}
    width = max((len(traits) for traits in shown.values()), default=0)
    for last in range(width - 1, -1, -1):
        counts = Counter(shown.values())
        for rater, traits in shown.items():
            if counts[traits] < k:
                shown[rater] = traits[:last] + (None,) * (len(traits) - last)
    nothing = (None,) * width
    counts = Counter(shown.values())
    while 0 < counts[nothing] < k and len(counts) > 1:
        # The few of whom nothing is shown would stand out: the smallest other group joins them.
        smallest = min((c for c in counts if c != nothing), key=lambda c: (counts[c], tuple(v or "" for v in c)))
        shown = {rater: nothing if traits == smallest else traits for rater, traits in shown.items()}
        counts = Counter(shown.values())
    return shown


class Pseudonyms:
    """Names that a release gives to raters, sessions and ratings: keyed hashes over the dataset's name.

    Parameters
    ----------
    key : bytes
        The warehouse's pseudonym key.
    dataset : str
        Name of the dataset; the same rater has another name in another dataset. Empty keeps raters' names.
    """

    def __init__(self, key: bytes, dataset: str) -> None:
        self._key = hmac.new(key, f"release:{dataset}".encode(), hashlib.sha256).digest()
        self._keep_raters = not dataset

    def rater(self, rater_id: str) -> str:
        """``r`` and 20 hex digits."""
        return rater_id if self._keep_raters else "r" + self._digits("rater", rater_id, 20)

    def session(self, rater_id: str, session_id: str | None) -> str | None:
        """``s`` and 16 hex digits."""
        return None if session_id is None else "s" + self._digits("session", f"{rater_id}/{session_id}", 16)

    def rating(self, rating_id: str | None) -> str | None:
        """24 hex digits."""
        return None if rating_id is None else self._digits("rating", rating_id, 24)

    def photo(self, photo_id: str) -> str:
        """The keyed hash by which a tombstone names a photo that is gone; 32 hex digits."""
        return self._digits("photo", photo_id, 32)

    def _digits(self, kind: str, value: str, digits: int) -> str:
        return hmac.new(self._key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()[:digits]

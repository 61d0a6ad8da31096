"""Few-shot episodes of personal taste: a rater's support votes, and the votes that a model has to foresee.

Raters and photos of different splits are disjoint: an episode of a split holds photos of that split alone, by a
rater who belongs to that split alone; support and query never share a group of near copies.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Vote:
    """One counted vote on a released photo."""

    rater_id: str
    photo_id: str
    group_id: str
    split: str
    value: float


@dataclass(frozen=True)
class Episode:
    """Support and query votes of one rater."""

    episode_id: str
    split: str
    rater_id: str
    shots: int
    support: tuple[tuple[str, float], ...]
    query: tuple[tuple[str, float], ...]


def split_of_rater(rater_id: str, seed: str, shares: Mapping[str, float]) -> str:
    """The one split whose episodes a rater belongs to, by a hash of the rater's name."""
    place = int.from_bytes(_hash(seed, "rater", rater_id)[:8], "big") / 2**64
    bound = 0.0
    for split, share in shares.items():
        bound += share
        if place < bound:
            return split
    return next(iter(shares))


def episodes(
    votes: Iterable[Vote], shots: Sequence[int], least_query: int, seed: str, shares: Mapping[str, float]
) -> list[Episode]:
    """All episodes that the votes allow.

    Parameters
    ----------
    votes : iterable of Vote
        Of several votes of a rater on a group the one that comes first by the seeded order counts.
    shots : sequence of int
        Sizes of the support.
    least_query : int
        A rater with fewer votes left for the query has no episode of that size.
    seed : str
        The seeded order of a rater's photos: the first are the support, and 10 shots are the first of 100.
    shares : mapping of split to float
        Share of the raters in each split, adding up to 1.
    """
    by_rater: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        if vote.split == split_of_rater(vote.rater_id, seed, shares):
            by_rater[vote.rater_id].append(vote)
    found = []
    for rater_id, cast in sorted(by_rater.items()):
        one_per_group: dict[str, Vote] = {}
        for vote in sorted(cast, key=lambda v: (_hash(seed, "vote", rater_id, v.photo_id), v.value)):
            one_per_group.setdefault(vote.group_id, vote)
        ordered = [(vote.photo_id, vote.value) for vote in one_per_group.values()]
        found += [
            Episode(
                episode_id=_hash(seed, "episode", rater_id, str(size)).hex()[:16],
                split=cast[0].split,
                rater_id=rater_id,
                shots=size,
                support=tuple(ordered[:size]),
                query=tuple(ordered[size:]),
            )
            for size in sorted(set(shots))
            if len(ordered) >= size + least_query
        ]
    return found


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()

"""A random slice of what each filter rule rejected, so that a rare rule is audited as well as a greedy one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from labeling.selection.pool import ids_of, permanent_numbers


def random_by_rule(rejected: Mapping[str, Sequence[str]], wanted: int, seed: str) -> dict[str, float]:
    """A simple random sample of what each rule rejected, in equal parts as far as the rules reach.

    A photo that several rules rejected is asked about once and counts for all of them: every photo has one
    permanent random number, and each rule's sample is its photos with the smallest.

    Parameters
    ----------
    rejected : mapping of str to sequence of str
        photo_ids by rule; a photo may stand under several rules.
    wanted : int
        Photos in all.
    seed : str

    Returns
    -------
    dict
        photo_id to inclusion probability (the largest of its rules' sampling fractions), ascending; at most
        `wanted` photos.
    """
    rules = sorted((name for name in rejected if rejected[name]), key=lambda name: (len(rejected[name]), name))
    sampled: set[str] = set()
    unfinished = rules
    # What one rule left to the others may be more than they could use: it is offered again.
    while unfinished and len(sampled) < wanted:
        for k, name in enumerate(unfinished):
            # Rules that rejected little come first: what they cannot use is left to the others.
            allowed = -(-(wanted - len(sampled)) // (len(unfinished) - k))
            sampled.update(_beginning(rejected[name], sampled, allowed, seed))
        unfinished = [name for name in unfinished if not sampled.issuperset(rejected[name])]
    # Only now: what was drawn for one rule may carry another rule's sample further.
    fraction = {name: len(_beginning(rejected[name], sampled, 0, seed)) / len(rejected[name]) for name in rules}
    probability: dict[str, float] = {}
    for name in rules:
        for photo in rejected[name]:
            if photo in sampled:
                probability[photo] = max(probability.get(photo, 0.0), fraction[name])
    return dict(sorted(probability.items()))


def _beginning(photos: Sequence[str], sampled: set[str], allowed: int, seed: str) -> Sequence[str]:
    """The photos with the smallest numbers, as many as hold no more new ones than allowed."""
    # More than the allowed new ones and all that are sampled already cannot be reached.
    first = np.argsort(permanent_numbers(photos, seed), kind="stable")[: allowed + len(sampled) + 1]
    ordered = ids_of(photos, first)
    new = 0
    for place, photo in enumerate(ordered):
        new += photo not in sampled
        if new > allowed:
            return ordered[:place]
    return ordered

"""Pairs that a group needs and no fingerprint proposed: two photos that are both the same as a third."""

from __future__ import annotations

from collections.abc import Iterable

from curation.duplicates.groups import Pair
from flows.deduplication.candidates import Candidate, forms_wanted
from flows.deduplication.grouping import NEIGHBOUR, Knowledge
from schemas.settings import DedupeSettings


def neighbour_candidates(known: Knowledge, wanted: Iterable[Pair], settings: DedupeSettings) -> list[Candidate]:
    """The pairs to look at, upright and in each form that counts as the same photo."""
    forms: list[str | None] = [None, *(str(form) for form in forms_wanted(settings))]
    found = []
    for a, b in sorted(wanted):
        distance = float((known.exposures[a].phash64 ^ known.exposures[b].phash64).bit_count())
        for form in forms:
            method = NEIGHBOUR if form is None else f"{NEIGHBOUR}:{form}"
            found.append(Candidate(photo_a=a, photo_b=b, method=method, distance=distance, form=form))
    return found

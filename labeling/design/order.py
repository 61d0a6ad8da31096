"""The order in which one rater sees stimuli: near copies apart, hidden repeats far from their first showing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.errors import WrongUse

RESTARTS = 50
NOTHING: frozenset[str] = frozenset()


def presentation_order(
    alike: Sequence[frozenset[str]],
    anchors: Sequence[int],
    repeats: Sequence[int],
    gap: int,
    rng: np.random.Generator,
    *,
    before: frozenset[str] = NOTHING,
) -> list[tuple[int, bool]]:
    """A random order of items with some of them shown twice.

    Parameters
    ----------
    alike : sequence of frozenset
        Words of each item; items that share one never stand next to each other.
    anchors : sequence of int
        Items to be spread evenly, so that drift can be seen anywhere.
    repeats : sequence of int
        Items that come a second time, at least `gap` places after the first.
    gap : int
        Least distance of the two showings.
    before : frozenset
        Words of what stands before the first item.

    Returns
    -------
    list of (item, is second showing)

    Raises
    ------
    WrongUse
        No order keeps near copies apart: too many of the items are alike.
    """
    for _ in range(RESTARTS):
        order = _with_repeats(_spread(len(alike), anchors, rng), repeats, gap, rng)
        if order is not None and _part_near_copies(order, alike, set(anchors), rng, before):
            return order
    raise WrongUse(
        f"no order of {len(alike)} tasks keeps near copies apart and {len(repeats)} repeats {gap} tasks from their "
        "first showing; lower 'repeats' or 'repeat_gap', or choose photos that are less alike."
    )


def _spread(count: int, anchors: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Items in random order, with one anchor at a random place of each of equally long stretches."""
    special = set(anchors)
    order = [int(i) for i in rng.permutation(count) if int(i) not in special]
    ends = np.linspace(0, len(order), len(special) + 1)
    for number, anchor in reversed(list(enumerate(rng.permutation(list(special))))):
        place = int(rng.integers(int(ends[number]), int(ends[number + 1]) + 1))
        order.insert(place, int(anchor))
    return order


def _with_repeats(
    order: list[int], repeats: Sequence[int], gap: int, rng: np.random.Generator
) -> list[tuple[int, bool]] | None:
    """The order with second showings put in; first showings too late for one move to the front part."""
    latest = len(order) - gap  # a first showing at this index or before leaves room
    if repeats and latest < len(repeats) - 1:
        return None
    chosen = set(repeats)
    early = [i for i in range(latest + 1) if order[i] not in chosen]
    late = [i for i in range(latest + 1, len(order)) if order[i] in chosen]
    if len(early) < len(late):
        return None
    for i, j in zip(late, rng.permutation(early)[: len(late)], strict=True):
        order[i], order[int(j)] = order[int(j)], order[i]
    places = {item: index for index, item in enumerate(order)}
    # Put behind index p: later insertions only push things further apart.
    seconds = sorted(((int(rng.integers(places[item] + gap - 1, len(order))), item) for item in repeats), reverse=True)
    shown = [(item, False) for item in order]
    for place, item in seconds:
        shown.insert(place + 1, (item, True))
    return shown


def _part_near_copies(
    order: list[tuple[int, bool]],
    alike: Sequence[frozenset[str]],
    anchors: set[int],
    rng: np.random.Generator,
    before: frozenset[str],
) -> bool:
    """Swap items until no two neighbours are alike; False where that does not come to an end."""
    if not any(alike):
        return True

    def clash(index: int) -> bool:
        own = alike[order[index][0]]
        left = before if index == 0 else alike[order[index - 1][0]]
        right = alike[order[index + 1][0]] if index + 1 < len(order) else NOTHING
        return bool(own & left or own & right)

    fixed = anchors | {item for item, second in order if second}
    for _ in range(20 * len(order)):
        bad = [index for index in range(len(order)) if clash(index)]
        if not bad:
            return True
        i, j = int(rng.choice(bad)), int(rng.integers(len(order)))
        if order[i][0] in fixed or order[j][0] in fixed:
            # Anchors stay spread, and items shown twice at their distance; their neighbours move.
            i = next((k for k in (i - 1, i + 1) if 0 <= k < len(order) and order[k][0] not in fixed), -1)
            if i < 0 or order[j][0] in fixed:
                continue
        order[i], order[j] = order[j], order[i]
        if clash(i) + clash(j) > 1:
            order[i], order[j] = order[j], order[i]
    return False

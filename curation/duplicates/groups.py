"""Groups of the same photograph: compact, and the same in whatever order the photos arrived.

Photos that verified pairs connect form a component. Its first photo by the representative's order leads a
group; every photo that the second look holds to be the same as *it* joins, whichever pair brought them together.
Of those that are left the first leads the next group, and so on. So no group is a chain: each member is verified
against its representative, and the result is a function of the photos and the second look alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Pair = tuple[str, str]


@dataclass(frozen=True)
class Group:
    """A representative and the others that are verified to be the same photograph, in the order."""

    representative: str
    others: tuple[str, ...]

    @property
    def group_id(self) -> str:
        """16 hex digits: a hash of the smallest photo_id."""
        return group_id(min((self.representative, *self.others)))


def group_id(smallest: str) -> str:
    """The id of the group whose smallest photo_id this is."""
    return hashlib.sha256(b"group:" + smallest.encode()).hexdigest()[:16]


def ordered(a: str, b: str) -> Pair:
    """A pair with the smaller id first, as the table holds it."""
    return (a, b) if a < b else (b, a)


def components(pairs: Iterable[Pair]) -> list[list[str]]:
    """Connected photos, each list and all lists in ascending order."""
    edges = list(pairs)
    if not edges:
        return []
    names, places = np.unique(np.array(edges), return_inverse=True)
    places = places.reshape(-1, 2)
    ones = np.ones(len(edges), bool)
    graph = coo_array((ones, (places[:, 0], places[:, 1])), shape=(names.size, names.size))
    _, labels = connected_components(graph, directed=False)
    return [[str(names[i]) for i in members] for members in _members(labels)]


def _members(labels: npt.NDArray[np.int32]) -> list[npt.NDArray[np.int64]]:
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


@dataclass(frozen=True)
class Grouping:
    """Groups as far as they are known, and the pairs that must be looked at to know more."""

    groups: tuple[Group, ...]
    wanted: tuple[Pair, ...]


def group(
    members: Sequence[Sequence[str]],
    order: Callable[[str], object],
    same: Callable[[str, str], bool | None],
) -> Grouping:
    """Groups inside each component.

    Parameters
    ----------
    members : sequence of sequences of str
        The components.
    order : callable
        The representative's order of a photo: smaller is better.
    same : callable
        Whether two photos are verified to be the same; None where nobody has looked yet. A component with such
        a pair is not grouped further: the pair is among the wanted ones; look, and call again.
    """
    groups: list[Group] = []
    wanted: list[Pair] = []
    for component in members:
        left = sorted(component, key=order)  # type: ignore[arg-type]  # any order that sorts
        while len(left) > 1:
            leader, rest = left[0], left[1:]
            answers = [same(leader, other) for other in rest]
            unknown = [ordered(leader, other) for other, answer in zip(rest, answers, strict=True) if answer is None]
            if unknown:
                wanted += unknown
                break
            joined = tuple(other for other, answer in zip(rest, answers, strict=True) if answer)
            if joined:
                groups.append(Group(leader, joined))
            left = [other for other, answer in zip(rest, answers, strict=True) if not answer]
    return Grouping(tuple(groups), tuple(wanted))

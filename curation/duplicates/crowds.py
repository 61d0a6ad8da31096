"""Crowds: photos with more near ones than anyone needs to look at, such as a thousand black frames.

Each photo is compared with the `CROWD` that come first for it, and with every photo that counts it among its own
first: thousands alike cost a multiple of their number, not its square. What comes first is told by content alone:
pairs of upright pictures before turned ones, then fewer bits, then the way round a ring on which each photo has
its place. So the pairs are a function of the set of photos. And they only get fewer: a new photo may push a pair
of old ones out, but never brings one in, so that what was looked at when the old ones came is always enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.duplicates.hamming import Distinct

Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Ring = npt.NDArray[np.uint64]

CROWD = 32


def among_the_first(pairs: tuple[Index, Index], turned: Flags, distance: npt.NDArray[np.uint8], ring: Ring) -> Flags:
    """Which pairs are among the `CROWD` first of at least one of their two photos.

    Parameters
    ----------
    pairs : two (p,) int64
        Photos as places in `ring`; each pair stands there once.
    turned : (p,) bool
        One of the two must be mirrored or turned.
    distance : (p,) uint8
        Bits between them.
    ring : (photos,) uint64
        A number of each photo's content, evenly spread: its place on the ring.
    """
    ends = np.concatenate(pairs)
    crowded = np.bincount(ends, minlength=ring.size) > CROWD
    kept = ~(crowded[pairs[0]] & crowded[pairs[1]])
    if kept.all():
        return kept
    ranked = np.flatnonzero(crowded[ends])
    ends, others, pair = ends[ranked], np.concatenate(pairs[::-1])[ranked], ranked % pairs[0].size
    order = np.lexsort((ring[others] - ring[ends], distance[pair], turned[pair], ends))
    starts = np.searchsorted(ends[order], ends[order])
    kept[pair[order[np.arange(order.size) - starts < CROWD]]] = True
    return kept


@dataclass(frozen=True)
class Items:
    """The items of distinct words: each is a word of one photo.

    Parameters
    ----------
    owners : (n,) int64
        Photo of each item.
    upright : (n,) bool
        Whether it is a word of the photo as it is; two that are not make no pair.
    ring : (photos,) uint64
        See `among_the_first`.
    """

    distinct: Distinct
    owners: Index
    upright: Flags
    ring: Ring

    def saturated(self) -> Flags:
        """Photos that share a word with more than `CROWD` others: they need no pair of different words."""
        flags = self.upright[self.distinct.items]
        counts = np.add.reduceat(flags, self.distinct.starts[:-1], dtype=np.int64)
        found = np.zeros(self.ring.size, bool)
        found[self.owners[self.distinct.items[np.repeat(counts > CROWD, np.diff(self.distinct.starts)) & flags]]] = True
        return found

    def across(self, word: int, other: int, saturated: Flags) -> Iterator[tuple[Index, Index]]:
        """Pairs of items of two words, or of one with itself: those that can be among anyone's first, and others."""
        for a, b in ((word, other), (other, word)) if word != other else ((word, word),):
            upright, forms = self._around(a, True), self._around(a, False)
            theirs = self._around(b, True)
            # Equal upright words come first of all: there nobody is left out.
            asking = upright if word == other else upright[~saturated[self.owners[upright]]]
            yield self._next(asking, theirs)
            asking = upright[~saturated[self.owners[upright]]]
            yield self._next(asking, self._around(b, False))
            yield self._next(forms[~saturated[self.owners[forms]]], theirs)

    def _around(self, word: int, upright: bool) -> Index:
        """The word's items, upright or not, in the order of the ring, one for each photo."""
        items = self.distinct.items[self.distinct.starts[word] : self.distinct.starts[word + 1]]
        items = items[self.upright[items] == upright]
        _, first = np.unique(self.owners[items], return_index=True)
        items = items[first]
        ordered: Index = items[np.argsort(self.ring[self.owners[items]], kind="stable")]
        return ordered

    def _next(self, asking: Index, theirs: Index) -> tuple[Index, Index]:
        """Each of the asking items with those that follow it on the ring; one more, since it may meet itself."""
        wanted = min(CROWD + 1, theirs.size)
        places = np.searchsorted(self.ring[self.owners[theirs]], self.ring[self.owners[asking]])
        chosen = (places[:, None] + np.arange(wanted)[None, :]) % max(1, theirs.size)
        return np.repeat(asking, wanted), theirs[chosen.ravel()]

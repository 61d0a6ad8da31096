"""Which pairs of photos are worth a second look: those whose fingerprints lie within the radius.

A photo brings several words to the join: its hash, that of its picture without plain borders (a letterboxed copy
has nothing else in common with its original), and, where the settings want them, those of its mirrored and
turned forms. Only pairs with an upright word on one side count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.duplicates.crowds import CROWD, Index, Items, Ring, among_the_first
from curation.duplicates.hamming import Distinct, Matches, Words, join, join_between
from curation.fingerprints import Form

REFLECTIONS = frozenset({Form.MIRRORED, Form.FLIPPED, Form.TRANSPOSED, Form.TRANSVERSED})
TURNS = frozenset({Form.HALF_TURN, Form.TURNED_LEFT, Form.TURNED_RIGHT})
FORMS = tuple(Form)
INVERSE = {Form.TURNED_LEFT: Form.TURNED_RIGHT, Form.TURNED_RIGHT: Form.TURNED_LEFT}
"""The form that undoes a form, where it is not itself."""

NEW_SHARE = 0.1
"""Up to this share of new words, they are joined to the old ones instead of all to all."""


@dataclass(frozen=True)
class WordList:
    """The words of all photos.

    Parameters
    ----------
    words : (n,) uint64
        Fingerprints.
    owners : (n,) int64
        The photo of each, as its position in the list of photos.
    kinds : (n,) uint8
        0 for the hash, 1 for that without borders, 2 + k for the k-th `Form`.
    """

    words: Words
    owners: Index
    kinds: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, plain: Words, trimmed: Words, forms: dict[Form, Words]) -> WordList:
        """Put together the words of photos 0 to n - 1; a trimmed word that equals the plain one says nothing."""
        everyone = np.arange(plain.size, dtype=np.int64)
        bordered = np.flatnonzero(trimmed != plain)
        words, owners, kinds = [plain, trimmed[bordered]], [everyone, bordered], [0, 1]
        for form, of_form in forms.items():
            words.append(of_form)
            owners.append(everyone)
            kinds.append(2 + FORMS.index(form))
        return cls(
            np.concatenate(words),
            np.concatenate(owners),
            np.repeat(np.array(kinds, np.uint8), [len(part) for part in words]),
        )


@dataclass(frozen=True)
class Proposals:
    """Pairs of photos, each once, by position in the list of photos; ``first < second``.

    Parameters
    ----------
    distance : (p,) uint8
        Smallest Hamming distance of the pair's words.
    kind : (p,) uint8
        What proposed it: 0 hash, 1 hash without borders, 2 + k: the second photo in its k-th `Form`.
    """

    first: Index
    second: Index
    distance: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]

    @classmethod
    def best(
        cls, pairs: tuple[Index, Index], distance: npt.NDArray[np.uint8], kind: npt.NDArray[np.uint8]
    ) -> Proposals:
        """Each pair once, with the nearest of its words, upright ones first."""
        a, b = pairs
        order = np.lexsort((kind, distance, kind > 1, b, a))
        a, b, kind, distance = a[order], b[order], kind[order], distance[order]
        once = np.ones(a.size, bool)
        once[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        return cls(a[once], b[once], distance[once], kind[once])

    @classmethod
    def none(cls) -> Proposals:
        """No pairs."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, nothing.astype(np.uint8), nothing.astype(np.uint8))

    @classmethod
    def joined(cls, parts: Sequence[Proposals]) -> Proposals:
        """Several lists, one after the other."""
        names = ("first", "second", "distance", "kind")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def only(self, kept: npt.NDArray[np.bool_]) -> Proposals:
        """Some of the pairs."""
        return Proposals(self.first[kept], self.second[kept], self.distance[kept], self.kind[kept])


def thinned(pairs: Proposals, ring: Ring) -> npt.NDArray[np.bool_]:
    """Which of all pairs among some photos are looked at, where there are crowds: see `crowds`."""
    return among_the_first((pairs.first, pairs.second), pairs.kind > 1, pairs.distance, ring)


def propose(
    words: WordList, ring: Ring, new: npt.NDArray[np.bool_], radius: int, known: Proposals | None = None
) -> Proposals:
    """All pairs of photos within the radius of which at least one is new; of crowds, those that `crowds` keeps.

    Parameters
    ----------
    ring : (photos,) uint64
        A number of each photo's content, evenly spread.
    new : (photos,) bool
        Photos whose pairs are not known yet.
    known : Proposals, optional
        The pairs of old photos, as earlier calls proposed them: they count towards a crowd.
    """
    fresh = new[words.owners]
    distinct = Distinct.of(words.words)
    if not fresh.any():
        return Proposals.none()
    touched = np.logical_or.reduceat(fresh[distinct.items], distinct.starts[:-1])
    if touched.sum() > NEW_SHARE * touched.size:
        found = Matches.joined(list(join(distinct.words, radius)))
    else:
        found = _new_against_all(distinct.words, touched, radius)
    relevant = touched[found.left] | touched[found.right]
    found = Matches(found.left[relevant], found.right[relevant], found.distance[relevant])
    items = Items(distinct, words.owners, words.kinds < 2, ring)
    parts = [part for part in _pairs_of_items(items, found, touched) if part[0].size]
    if not parts:
        return Proposals.none()
    left, right, distance = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    fresh_pairs = _by_photo(words, new, left, right, distance)
    old = known or Proposals.none()
    old = old.only(~(new[old.first] | new[old.second]))
    together = Proposals.joined([fresh_pairs, old])
    return fresh_pairs.only(thinned(together, ring)[: fresh_pairs.first.size])


def _new_against_all(words: Words, touched: npt.NDArray[np.bool_], radius: int) -> Matches:
    numbers = np.flatnonzero(touched)
    parts = []
    for found in join_between(words, words[touched], radius):
        right = numbers[found.right]
        once = (found.left < right) | ~touched[found.left]
        once &= found.left != right
        low, high = np.minimum(found.left, right)[once], np.maximum(found.left, right)[once]
        parts.append(Matches(low, high, found.distance[once]))
    return Matches.joined(parts)


def _pairs_of_items(
    items: Items, found: Matches, touched: npt.NDArray[np.bool_]
) -> Iterator[tuple[Index, Index, npt.NDArray[np.uint8]]]:
    """Pairs of words' items: within each word that several items share, and across each match."""
    distinct = items.distinct
    sizes = np.diff(distinct.starts)
    shared = np.flatnonzero((sizes > 1) & touched)
    crowded = sizes[shared] > 2 * CROWD
    left, right, _ = _expanded(distinct, sizes, shared[~crowded], shared[~crowded])
    once = left < right  # items of a word are ascending
    yield left[once], right[once], np.zeros(int(once.sum()), np.uint8)
    crowds = sizes[found.left] * sizes[found.right] > CROWD * CROWD
    left, right, match = _expanded(distinct, sizes, found.left[~crowds], found.right[~crowds])
    yield left, right, found.distance[~crowds][match]
    if not (crowded.any() or crowds.any()):
        return
    saturated = items.saturated()
    for word in shared[crowded]:
        for ours, theirs in items.across(word, word, saturated):
            yield ours, theirs, np.zeros(ours.size, np.uint8)
    for a, b, distance in zip(found.left[crowds], found.right[crowds], found.distance[crowds], strict=True):
        for ours, theirs in items.across(a, b, saturated):
            yield ours, theirs, np.full(ours.size, distance, np.uint8)


def _expanded(distinct: Distinct, sizes: Index, left: Index, right: Index) -> tuple[Index, Index, Index]:
    """Every item of each left word with every item of its right word, and the match that each pair comes from."""
    counts = sizes[left] * sizes[right]
    match = np.repeat(np.arange(left.size), counts)
    place = np.arange(match.size) - np.repeat(np.cumsum(counts) - counts, counts)
    ours, theirs = np.divmod(place, sizes[right][match])
    return (
        distinct.items[distinct.starts[left][match] + ours],
        distinct.items[distinct.starts[right][match] + theirs],
        match,
    )


def _by_photo(
    words: WordList, new: npt.NDArray[np.bool_], left: Index, right: Index, distance: npt.NDArray[np.uint8]
) -> Proposals:
    """Pairs of photos from pairs of words: each once, with the nearest of its words, upright ones first."""
    kind_left, kind_right = words.kinds[left].astype(np.int64), words.kinds[right].astype(np.int64)
    a, b = words.owners[left], words.owners[right]
    # One side must be upright; with a form on the left the pair is turned round.
    turned = kind_left > 1
    good = (a != b) & ~(turned & (kind_right > 1)) & (new[a] | new[b])
    a, b = np.where(turned, b, a), np.where(turned, a, b)
    kind = np.where(turned, kind_left, np.where(kind_right > 1, kind_right, np.maximum(kind_left, kind_right)))
    # `kind` is the form of b; where b is the first photo, the first photo's form is undone on the second.
    swap = a > b
    inverse = np.arange(2 + len(FORMS))
    for form, undoing in INVERSE.items():
        inverse[2 + FORMS.index(form)] = 2 + FORMS.index(undoing)
    kind = np.where(swap, inverse[kind], kind)
    pairs = (np.minimum(a, b)[good], np.maximum(a, b)[good])
    return Proposals.best(pairs, distance[good], kind[good].astype(np.uint8))

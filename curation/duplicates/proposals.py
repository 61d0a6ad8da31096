"""Which pairs of photos are worth a second look: those whose fingerprints lie within the radius.

A photo brings several words to the join: its hash, that of its picture without plain borders (a letterboxed copy
has nothing else in common with its original), that of the picture's inner part (which is near a copy that was
cropped or turned by a few degrees), and, where the settings want them, those of its mirrored and turned forms.
Only pairs with an upright word on one side count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.duplicates.crowds import CROWD, Flags, Index, Items, Ring, among_the_first
from curation.duplicates.hamming import Distinct, Matches, Words, join, join_between
from curation.fingerprints import Form

REFLECTIONS = frozenset({Form.MIRRORED, Form.FLIPPED, Form.TRANSPOSED, Form.TRANSVERSED})
TURNS = frozenset({Form.HALF_TURN, Form.TURNED_LEFT, Form.TURNED_RIGHT})
FORMS = tuple(Form)
INVERSE = {Form.TURNED_LEFT: Form.TURNED_RIGHT, Form.TURNED_RIGHT: Form.TURNED_LEFT}
"""The form that undoes a form, where it is not itself."""

UPRIGHT = 3
"""Kinds of words below this number are of the picture as it stands."""
MOST_WORDS = 20_000_000
"""Words that are joined at once: about 60 bytes of memory each, 1.2 GB."""
NEW_SHARE = 0.1
"""Up to this share of new words, they are joined to the old ones instead of all to all."""


@dataclass(frozen=True)
class WordList:
    """Words that are joined with each other.

    Parameters
    ----------
    words : (n,) uint64
        Fingerprints.
    owners : (n,) int64
        The photo of each, as its position in the list of photos.
    kinds : (n,) uint8
        0 for the hash, 1 for that without borders, 2 for that of the inner part, `UPRIGHT` + k for the k-th `Form`.
    """

    words: Words
    owners: Index
    kinds: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PhotoWords:
    """The words of all photos.

    Parameters
    ----------
    plain, trimmed, inner : (photos,) uint64
        Hashes as the picture is, without its borders, and of its inner part; one that equals another says nothing.
    forms : dict of Form to (photos,) uint64
        Those of mirrored and turned forms.
    joining : (photos,) bool, optional
        Photos that are joined; all by default.
    """

    plain: Words
    trimmed: Words
    inner: Words
    forms: dict[Form, Words]
    joining: Flags | None = None

    def listed(self, forms: Iterable[Form]) -> WordList:
        """The upright words of the photos that are joined, and those of some forms."""
        everyone = np.flatnonzero(np.ones(self.plain.size, bool) if self.joining is None else self.joining)
        bordered = everyone[self.trimmed[everyone] != self.plain[everyone]]
        cut = everyone[(self.inner != self.plain)[everyone] & (self.inner != self.trimmed)[everyone]]
        words, owners = [self.plain[everyone], self.trimmed[bordered], self.inner[cut]], [everyone, bordered, cut]
        kinds = [0, 1, 2]
        for form in forms:
            words.append(self.forms[form][everyone])
            owners.append(everyone)
            kinds.append(UPRIGHT + FORMS.index(form))
        return WordList(
            np.concatenate(words),
            np.concatenate(owners),
            np.repeat(np.array(kinds, np.uint8), [len(part) for part in words]),
        )

    def passes(self, most: int) -> Iterator[WordList]:
        """All words in lists of about `most`: first the upright ones alone, then these with some forms at a time."""
        forms = list(self.forms)
        at_once = max(1, most // max(1, self.plain.size) - 2)
        yield self.listed(())
        for start in range(0, len(forms), at_once):
            yield self.listed(forms[start : start + at_once])


@dataclass(frozen=True)
class Proposals:
    """Pairs of photos, each once, by position in the list of photos; ``first < second``.

    Parameters
    ----------
    distance : (p,) uint8
        Smallest Hamming distance of the pair's words.
    kind : (p,) uint8
        What proposed it: as in `WordList`; `UPRIGHT` + k: the second photo in its k-th `Form`.
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
        order = np.lexsort((kind, distance, kind >= UPRIGHT, b, a))
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
    def merged(cls, parts: Sequence[Proposals]) -> Proposals:
        """Several lists as one that names each pair once."""
        if len(parts) == 1:
            return parts[0]
        every = cls.joined(parts)
        return cls.best((every.first, every.second), every.distance, every.kind)

    @classmethod
    def joined(cls, parts: Sequence[Proposals]) -> Proposals:
        """Several lists, one after the other."""
        names = ("first", "second", "distance", "kind")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def only(self, kept: Flags) -> Proposals:
        """Some of the pairs."""
        return Proposals(self.first[kept], self.second[kept], self.distance[kept], self.kind[kept])


def thinned(pairs: Proposals, ring: Ring) -> Flags:
    """Which of all pairs among some photos are looked at, where there are crowds: see `crowds`."""
    return among_the_first((pairs.first, pairs.second), pairs.kind >= UPRIGHT, pairs.distance, ring)


def propose(
    words: PhotoWords,
    ring: Ring,
    new: Flags,
    radius: int,
    known: Proposals | None = None,
    most: int = MOST_WORDS,
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
    most : int
        Words that are joined at once, about; it decides about memory and nothing else.
    """
    fresh_pairs = Proposals.merged([_within(part, ring, new, radius) for part in words.passes(most)])
    old = known or Proposals.none()
    old = old.only(~(new[old.first] | new[old.second]))
    together = Proposals.joined([fresh_pairs, old])
    return fresh_pairs.only(thinned(together, ring)[: fresh_pairs.first.size])


def _within(words: WordList, ring: Ring, new: Flags, radius: int) -> Proposals:
    """The pairs that one list of words proposes. Of a crowd it holds those that may be among anyone's first."""
    fresh = new[words.owners]
    if not fresh.any():
        return Proposals.none()
    distinct = Distinct.of(words.words)
    touched = np.logical_or.reduceat(fresh[distinct.items], distinct.starts[:-1])
    upright = words.kinds < UPRIGHT
    if upright.all():
        found = _upright(distinct.words, touched, radius)
    else:
        straight = np.logical_or.reduceat(upright[distinct.items], distinct.starts[:-1])
        turned = np.logical_or.reduceat(~upright[distinct.items], distinct.starts[:-1])
        found = _across(distinct.words, straight, turned, touched, radius)
    relevant = touched[found.left] | touched[found.right]
    found = Matches(found.left[relevant], found.right[relevant], found.distance[relevant])
    items = Items(distinct, words.owners, words.kinds < UPRIGHT, ring)
    parts = [part for part in _pairs_of_items(items, found, touched) if part[0].size]
    if not parts:
        return Proposals.none()
    left, right, distance = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return _by_photo(words, new, left, right, distance)


def _upright(words: Words, touched: Flags, radius: int) -> Matches:
    """Near words among all of them, of which at least one is touched where few are."""
    if touched.sum() > NEW_SHARE * touched.size:
        return Matches.joined(list(join(words, radius)))
    return _between(words, [(np.ones(words.size, bool), touched)], radius)


def _across(words: Words, upright: Flags, turned: Flags, touched: Flags, radius: int) -> Matches:
    """Near words of which one is upright and the other of a form: two forms make no pair, and are not compared."""
    if touched.sum() > NEW_SHARE * touched.size:
        return _between(words, [(upright, turned)], radius)
    return _between(words, [(upright, turned & touched), (turned, upright & touched)], radius)


def _between(words: Words, sides: Sequence[tuple[Flags, Flags]], radius: int) -> Matches:
    """Near words of which one is on either side, each pair once; a word may be on both."""
    parts = []
    for one, other in sides:
        many, few = sorted((np.flatnonzero(one), np.flatnonzero(other)), key=len, reverse=True)
        for found in join_between(words[many], words[few], radius):
            left, right = many[found.left], few[found.right]
            two = left != right
            parts.append(Matches(np.minimum(left, right)[two], np.maximum(left, right)[two], found.distance[two]))
    every = Matches.joined(parts)
    once = np.ones(every.left.size, bool)
    once[1:] = (np.diff(every.left) != 0) | (np.diff(every.right) != 0)
    return Matches(every.left[once], every.right[once], every.distance[once])


def _pairs_of_items(
    items: Items, found: Matches, touched: Flags
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


def _by_photo(words: WordList, new: Flags, left: Index, right: Index, distance: npt.NDArray[np.uint8]) -> Proposals:
    """Pairs of photos from pairs of words: each once, with the nearest of its words, upright ones first."""
    kind_left, kind_right = words.kinds[left].astype(np.int64), words.kinds[right].astype(np.int64)
    a, b = words.owners[left], words.owners[right]
    # One side must be upright; with a form on the left the pair is turned round.
    turned = kind_left >= UPRIGHT
    good = (a != b) & ~(turned & (kind_right >= UPRIGHT)) & (new[a] | new[b])
    a, b = np.where(turned, b, a), np.where(turned, a, b)
    kind = np.where(turned, kind_left, np.maximum(kind_left, kind_right))
    # `kind` is the form of b; where b is the first photo, the first photo's form is undone on the second.
    swap = a > b
    inverse = np.arange(UPRIGHT + len(FORMS))
    for form, undoing in INVERSE.items():
        inverse[UPRIGHT + FORMS.index(form)] = UPRIGHT + FORMS.index(undoing)
    kind = np.where(swap, inverse[kind], kind)
    pairs = (np.minimum(a, b)[good], np.maximum(a, b)[good])
    return Proposals.best(pairs, distance[good], kind[good].astype(np.uint8))

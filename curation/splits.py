"""Splits that cannot leak: photos that belong together are placed together, and never move.

What belongs together is a connected group over links: near copies, bursts, photographers, sessions. A group is
placed by a hash of its smallest photo_id; a group with members that were released before keeps their split.
A new photo that would link groups of two splits is kept out (it *bridges* them) until a major version.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from schemas.codes import Split

GROUP_DIGITS = 16
NOBODY = frozenset({"", "unknown", "n/a", "none", "anonymous", "unknown author", "various"})
"""Photographers' names that name nobody, and so link nothing."""


@dataclass(frozen=True)
class Linked:
    """A photo with the links that tie it to others: ``kind:value``, equal where two photos belong together."""

    photo_id: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a photo is: its split, its group, and its place in the order of first release."""

    split: Split
    group_id: str
    ordinal: int


@dataclass(frozen=True)
class Placement:
    """The result of `place`.

    Parameters
    ----------
    split, group : dict of photo_id to Split, and to group id
        Every photo that has a place.
    bridges : dict of photo_id to tuple of Split
        New photos that are kept out, with the splits that they would link.
    crossings : dict of group id to tuple of Split
        Groups of photos released before that lie in several splits: a leak that only a major version ends.
    barred : frozenset of photo_id
        New photos that must not enter the test split and belong to a group that lies there; kept out.
    """

    split: dict[str, Split]
    group: dict[str, str]
    bridges: dict[str, tuple[Split, ...]]
    crossings: dict[str, tuple[Split, ...]]
    barred: frozenset[str] = frozenset()


class _Forest:
    """Union-find with path halving."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def top(self, node: str) -> str:
        parent = self._parent
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, a: str, b: str) -> None:
        a, b = self.top(a), self.top(b)
        if a != b:
            self._parent[max(a, b)] = min(a, b)  # whatever the order of the input, the result is the same


def connected(photos: Iterable[Linked]) -> dict[str, list[str]]:
    """Connected groups of photos: smallest photo_id to all photo_ids in order."""
    forest = _Forest()
    names = []
    for photo in photos:
        names.append(photo.photo_id)
        for link in photo.links:
            forest.join(f"p{photo.photo_id}", f"l{link}")
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        groups[forest.top(f"p{name}")].append(name)
    return {members[0]: members for members in groups.values()}


def hashed_split(seed: str, smallest: str, shares: Mapping[Split, float]) -> Split:
    """The split of a new group: 64 bits of SHA-256 over seed and smallest photo_id, held against the shares."""
    place = int.from_bytes(hashlib.sha256(f"{seed}:{smallest}".encode()).digest()[:8], "big") / 2**64
    bound = 0.0
    for split in Split:
        bound += shares.get(split, 0.0)
        if place < bound:
            return split
    return Split.TRAIN


def place(
    photos: Sequence[Linked],
    known: Mapping[str, Place],
    shares: Mapping[Split, float],
    seed: str,
    never_test: Set[str] = frozenset(),
) -> Placement:
    """Give every photo its group and its split.

    Parameters
    ----------
    photos : sequence of Linked
        Photos of the coming version, and those released before as far as their links are known.
    known : mapping of photo_id to Place
        Photos released before, with the place that they keep.
    shares : mapping of Split to float
        Expected share of the groups in each split; they add up to 1.
    seed : str
        Word that the hash starts from.
    never_test : set of photo_id
        Photos that a model chose: what it is unsure of must not judge models. Their new groups are trained on
        where the hash says test; those released before stay where they are.
    """
    bridges = _bridges(photos, known)
    split: dict[str, Split] = {}
    group: dict[str, str] = {}
    crossings: dict[str, tuple[Split, ...]] = {}
    barred: set[str] = set()
    for smallest, members in connected(p for p in photos if p.photo_id not in bridges).items():
        old = sorted((known[name].ordinal, name) for name in members if name in known)
        splits = tuple(sorted({known[name].split for _, name in old}))
        if old:
            group_id = known[old[0][1]].group_id
            its_split = known[old[0][1]].split
        else:
            group_id = f"g{smallest[:GROUP_DIGITS]}"
            its_split = hashed_split(seed, smallest, shares)
            if its_split is Split.TEST and not never_test.isdisjoint(members):
                its_split = Split.TRAIN
        if len(splits) > 1:
            crossings[group_id] = splits
        for name in members:
            if its_split is Split.TEST and name in never_test and name not in known:
                barred.add(name)
                continue
            group[name] = group_id
            split[name] = known[name].split if name in known else its_split
    return Placement(split, group, bridges, crossings, frozenset(barred))


def _bridges(photos: Sequence[Linked], known: Mapping[str, Place]) -> dict[str, tuple[Split, ...]]:
    """New photos whose cluster (over new photos only) touches released photos of more than one split."""
    splits_at: dict[str, set[Split]] = defaultdict(set)
    for photo in photos:
        if photo.photo_id in known:
            for link in photo.links:
                splits_at[link].add(known[photo.photo_id].split)
    new = [photo for photo in photos if photo.photo_id not in known]
    links_of = {photo.photo_id: photo.links for photo in new}
    kept_out: dict[str, tuple[Split, ...]] = {}
    for members in connected(new).values():
        touched: set[Split] = set()
        for name in members:
            touched.update(*(splits_at.get(link, ()) for link in links_of[name]))
        if len(touched) > 1:
            kept_out.update(dict.fromkeys(members, tuple(sorted(touched))))
    return kept_out


def sessions(shots: Iterable[tuple[str, str, datetime]], gap_minutes: float) -> dict[str, str]:
    """Sessions of one camera: photos no further than the gap from the next one in time.

    Parameters
    ----------
    shots : iterable of (photo_id, camera, captured_at)
    gap_minutes : float
        Longest pause within a session; 0 makes no sessions.

    Returns
    -------
    dict of photo_id to str
        A name for the session of every photo that shares one.
    """
    if gap_minutes <= 0:
        return {}
    found: dict[str, str] = {}
    by_camera: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for photo_id, camera, captured_at in shots:
        by_camera[camera].append((captured_at, photo_id))
    for camera, taken in by_camera.items():
        taken.sort()
        first = last = taken[0][0]
        for moment, photo_id in taken:
            if moment - last > timedelta(minutes=gap_minutes):
                first = moment
            last = moment
            found[photo_id] = f"{camera}@{first.isoformat()}"
    return found


def photographer_link(name: str | None) -> str | None:
    """A photographer's name as a link; None where it names nobody."""
    plain = " ".join((name or "").casefold().split())
    return None if plain in NOBODY else f"photographer:{plain}"


@dataclass(frozen=True)
class LargeGroup:
    """A group that holds a large part of all photos, with the links that make it."""

    group_id: str
    photos: int
    share: float
    made_by: tuple[tuple[str, int], ...]


def large_groups(photos: Sequence[Linked], groups: Mapping[str, str], share: float = 0.2) -> list[LargeGroup]:
    """Groups that hold more than a share of all placed photos, largest first, with their five largest links."""
    placed = [photo for photo in photos if photo.photo_id in groups]
    sizes = Counter(groups[photo.photo_id] for photo in placed)
    found = []
    for group_id, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        if size <= share * len(placed) or size < 2:
            continue
        links = Counter(link for photo in placed if groups[photo.photo_id] == group_id for link in photo.links)
        top = tuple(sorted(links.items(), key=lambda item: (-item[1], item[0]))[:5])
        found.append(LargeGroup(group_id=group_id, photos=size, share=size / len(placed), made_by=top))
    return found


@dataclass(frozen=True)
class NearestPair:
    """The two photos of different splits whose fingerprints are closest."""

    distance: int
    photo_a: str
    photo_b: str


def nearest_across_splits(
    photo_ids: Sequence[str], bits: npt.NDArray[np.uint8], splits: Sequence[str], block: int = 512
) -> NearestPair | None:
    """The nearest pair across splits, found by looking at every pair.

    Parameters
    ----------
    photo_ids, splits : sequences of str, length N
    bits : uint8 array, shape (N, B)
        Fingerprints, B bytes each (a multiple of 8).
    block : int
        Rows compared at a time: memory is block x N words.

    Returns
    -------
    NearestPair or None
        Hamming distance in bits; of equals the pair with the smallest ids. None with fewer than two splits.
    """
    order = np.argsort(np.asarray(photo_ids))
    words = np.ascontiguousarray(bits[order]).view(np.uint64)
    codes = np.unique(np.asarray(splits)[order], return_inverse=True)[1]
    best: tuple[int, int, int] | None = None
    for start in range(0, len(order), block):
        rows = slice(start, start + block)
        distance = np.zeros((len(words[rows]), len(words)), dtype=np.uint16)
        for word in range(words.shape[1]):
            distance += np.bitwise_count(words[rows, word, None] ^ words[None, :, word])
        distance[codes[rows, None] == codes[None, :]] = np.iinfo(np.uint16).max
        a, b = np.unravel_index(int(np.argmin(distance)), distance.shape)
        candidate = (int(distance[a, b]), start + int(a), int(b))
        if candidate[0] < np.iinfo(np.uint16).max and (best is None or candidate < best):
            best = candidate
    if best is None:
        return None
    return NearestPair(best[0], photo_ids[int(order[best[1]])], photo_ids[int(order[best[2]])])

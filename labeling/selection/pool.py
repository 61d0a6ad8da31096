"""The pool that photos are chosen from, and the permanent random number of each photo."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.signedinteger]
"""Numbers of groups, strata or bins, in as few bytes as they need: there are as many as photos."""

NO_GROUP = -1
"""Code of a photo that belongs to no group (unknown photographer, no burst): caps leave it alone."""
AT_ONCE = 65_536
"""Ids that are Python's at one time."""


class PhotoIds(Sequence[str]):
    """Text that Arrow holds: 68 bytes for each photo_id of 64 characters, where Python's own take 121.

    Parameters
    ----------
    values : pyarrow.Array or pyarrow.ChunkedArray of string, shape (n,)
        None of them null.
    """

    def __init__(self, values: pa.Array | pa.ChunkedArray) -> None:
        # Text of more than 2 GB fits into one array of large strings alone.
        large = values.cast(pa.large_string())
        self.values = large.combine_chunks() if isinstance(large, pa.ChunkedArray) else large

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        found: str | list[str] = (
            self.values[place].to_pylist() if isinstance(place, slice) else self.values[int(place)].as_py()
        )
        return found

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), AT_ONCE):
            yield from self.values.slice(start, AT_ONCE).to_pylist()

    def take(self, rows: Ints) -> PhotoIds:
        """Those of some rows."""
        return PhotoIds(self.values.take(pa.array(rows)))


def ids_of(photo_ids: Sequence[str], rows: Ints) -> Sequence[str]:
    """The ids of some rows."""
    return photo_ids.take(rows) if isinstance(photo_ids, PhotoIds) else [photo_ids[row] for row in rows.tolist()]


@dataclass(frozen=True)
class Cap:
    """At most `most` photos of each group.

    Parameters
    ----------
    name : str
        What the groups are, such as photographer.
    codes : ndarray of integers, shape (n,)
        Group of each photo; `NO_GROUP` where it has none.
    most : int
        0 is no limit.
    """

    name: str
    codes: Codes
    most: int


@dataclass(frozen=True)
class Pool:
    """All candidates, in ascending order of photo_id.

    Parameters
    ----------
    photo_ids : sequence of str
        n ids, ascending and different.
    properties : dict of str to ndarray of float64, shape (n,)
        Image properties by name; NaN where not measured.
    caps : tuple of Cap
        What must not be over-represented.
    """

    photo_ids: Sequence[str]
    properties: dict[str, Floats] = field(default_factory=dict)
    caps: tuple[Cap, ...] = ()

    def __post_init__(self) -> None:
        if any(a >= b for a, b in itertools.pairwise(self.photo_ids)):
            raise ValueError("photo_ids must ascend and differ")

    def __len__(self) -> int:
        return len(self.photo_ids)


def permanent_numbers(photo_ids: Sequence[str], seed: str) -> Floats:
    """A uniform random number in (0, 1) for each photo that depends on the photo and the seed alone.

    Permanent random numbers (Ohlsson 1995) make a sample independent of order and keep it nearly the same
    when the pool grows: a photo keeps its number for ever.
    """
    key = hashlib.sha256(seed.encode()).digest()
    draw = hashlib.blake2b
    numbers = np.empty(len(photo_ids))
    for start in range(0, len(photo_ids), AT_ONCE):
        some = photo_ids[start : start + AT_ONCE]
        whole = b"".join([draw(photo.encode(), digest_size=8, key=key).digest() for photo in some])
        bits = np.frombuffer(whole, dtype="<u8") >> np.uint64(11)
        numbers[start : start + AT_ONCE] = (bits.astype(np.float64) + 0.5) / 2.0**53
    return numbers


def within_caps(caps: Sequence[Cap], preference: Floats) -> npt.NDArray[np.bool_]:
    """Which photos stay when each group keeps its `most` members with the smallest `preference`.

    Parameters
    ----------
    caps : sequence of Cap
        Applied one after the other, each to what the last one left.
    preference : ndarray of float64, shape (n,)
        Smaller is kept first.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    stays = np.ones(len(preference), dtype=np.bool_)
    for cap in caps:
        if not cap.most:
            continue
        rows = np.flatnonzero(stays & (cap.codes != NO_GROUP))
        rows = rows[np.lexsort((preference[rows], cap.codes[rows]))]
        codes = cap.codes[rows]
        firsts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(rows) else rows
        place = np.arange(len(rows)) - np.repeat(firsts, np.diff(np.append(firsts, len(rows))))
        stays[rows[place >= cap.most]] = False
    return stays

"""Where photo_ids stand among millions of them: exact, in 24 bytes a photo beside the ids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[np.bytes_]
WIDTH = 64
"""Bytes of a photo_id."""


def id_texts(column: pa.Array) -> Ids:
    """Ids of a column as an array of `WIDTH` bytes each, or of more where one is longer; no copy where none is."""
    offsets = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4)
    if len(column) and (np.diff(offsets) == WIDTH).all():
        return np.frombuffer(column.buffers()[2], f"S{WIDTH}", len(column), int(offsets[0]))
    found = np.array(column.cast(pa.binary()).to_pylist(), np.bytes_)
    return found.astype(f"S{max(WIDTH, -(-found.dtype.itemsize // 8) * 8)}")


def as_arrow(ids: Ids) -> pa.Array:
    """Ids as text; no copy where all have their full length."""
    if not len(ids) or (np.char.str_len(ids[:1]) != WIDTH) or ids.dtype.itemsize != WIDTH or not _full(ids):
        return pa.array([text.decode() for text in ids.tolist()], pa.large_string())
    offsets = np.arange(0, (len(ids) + 1) * WIDTH, WIDTH, dtype=np.int64)
    return pa.LargeStringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(ids))


def _full(ids: Ids) -> bool:
    return bool(ids.view(np.uint8).reshape(len(ids), -1)[:, -1].all())


class Gathered:
    """Ids that come batch by batch, in one array.

    Parameters
    ----------
    expected : int
        How many there are likely to be: room for them takes no memory until it is filled.
    """

    def __init__(self, expected: int) -> None:
        self._room: Ids = np.empty(expected, f"S{WIDTH}")
        self._end = 0

    def add(self, ids: Ids) -> None:
        """Take in some more."""
        end = self._end + len(ids)
        if ids.itemsize > self._room.itemsize:
            self._room = self._room.astype(ids.dtype)
        if end > len(self._room):
            self._room = np.concatenate([self._room[: self._end], np.empty(end, self._room.dtype)])
        self._room[self._end : end] = ids
        self._end = end

    @property
    def ids(self) -> Ids:
        """All that came, in that order."""
        return self._room[: self._end]


class Places:
    """Looks photo_ids up by a hash, and compares what it finds.

    Parameters
    ----------
    ids : ndarray of bytes
        Each once, ascending.
    """

    def __init__(self, ids: Ids) -> None:
        self.ids = ids
        hashes = _hashes(ids)
        self._order = np.argsort(hashes).astype(np.int32)
        self._hashes = hashes[self._order]
        self._told_apart = bool((self._hashes[1:] != self._hashes[:-1]).all())

    def of(self, names: Ids) -> npt.NDArray[np.int64]:
        """Where names stand; -1 for those that are not there."""
        if not len(self.ids):
            return np.full(len(names), -1)
        if self._told_apart:
            found = np.searchsorted(self._hashes, _hashes(names))
            place = self._order[np.minimum(found, len(self.ids) - 1)].astype(np.int64)
        else:
            place = np.minimum(np.searchsorted(self.ids, names), len(self.ids) - 1)
        return np.where(self.ids[place] == names, place, -1)


def _hashes(ids: Ids) -> npt.NDArray[np.uint64]:
    words = np.ascontiguousarray(ids).view("<u8").reshape(len(ids), ids.dtype.itemsize // 8)
    mixed = np.zeros(len(ids), np.uint64)
    for k in range(WIDTH // 8):
        mixed = (mixed ^ words[:, k]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return mixed

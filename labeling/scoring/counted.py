"""The counted votes of one question with all that is looked at beside a vote: texts as codes, 60 bytes a vote."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labeling.scoring.votes import Flags, Floats, Ints, VoteSet, coded
from schemas.codes import TaskRole

READ = (
    "rating_id",
    "photo_id",
    "rater_id",
    "value",
    "batch_id",
    "position",
    "role",
    "submitted_at",
    "seconds",
    "simulated",
)
"""The columns of `ratings` that are looked at: half of what a row takes is in the others."""
UNKNOWN = np.iinfo(np.int64).min
"""A time that is not known."""
AT_ONCE = 65_536


@dataclass(frozen=True)
class CountedVotes:
    """Votes by photo, rater and value, whatever the order in which their rows were stored.

    Parameters
    ----------
    votes : VoteSet
        The votes.
    photo_ids, rater_ids : pyarrow.Array of string
        What its indices stand for, in sorted order.
    row : ndarray of int32, shape (votes,)
        Place of each vote in the order of rating_id.
    position, submitted : ndarray of int64, shape (votes,), optional
        Place in the rater's order, and time in microseconds; `UNKNOWN` where there is none, None where none is known.
    seconds : ndarray of float64, shape (votes,), optional
        Response times; NaN where there is none, None where none is known.
    batch : ndarray of int32, shape (votes,), optional
        Index into `batch_ids`; -1 without a batch, None where no vote has one.
    anchor, simulated : ndarray of bool, shape (votes,)
        Votes on anchors, and votes of simulated raters.
    batch_ids : pyarrow.Array of string
        What `batch` stands for.
    digest : str
        Hash of which votes these are, whatever their order: a rating_id stands for a vote's identity and content.
    """

    votes: VoteSet
    photo_ids: pa.Array
    rater_ids: pa.Array
    row: npt.NDArray[np.int32]
    position: Ints | None
    submitted: Ints | None
    seconds: Floats | None
    batch: npt.NDArray[np.int32] | None
    anchor: Flags
    simulated: Flags
    batch_ids: pa.Array
    digest: str

    @classmethod
    def from_arrow(cls, table: pa.Table) -> CountedVotes:
        """From rows with the columns `READ`, in any order."""
        table = table.select(READ)
        photo_ids, photo = coded(table["photo_id"])
        rater_ids, rater = coded(table["rater_id"])
        columns = {"photo": pa.array(photo), "rater": pa.array(rater), "anchor": _anchor(table["role"])}
        left = {name: table[name] for name in READ if name not in ("photo_id", "rater_id", "role")}
        return cls.from_batches(pa.table(left | columns).to_batches(), photo_ids, rater_ids)

    @classmethod
    def from_batches(cls, batches: Iterable[pa.RecordBatch], photo_ids: pa.Array, rater_ids: pa.Array) -> CountedVotes:
        """From rows in any order whose photos and raters are codes already; batches are not kept.

        Parameters
        ----------
        batches : iterable of pyarrow.RecordBatch
            `rating_id`, `photo` and `rater` (places in the ids), `value`, `batch_id`, `position`, `anchor`,
            `submitted_at`, `seconds`, `simulated`.
        photo_ids, rater_ids : pyarrow.Array of string
            In sorted order; those without a vote are left out of the result.
        """
        parts = _Parts()
        for batch in batches:
            parts.add(batch)
        row, digest = _ordered(parts.taken("rating_id", np.bytes_))
        photo, photos = _used(parts.taken("photo", np.int32), len(photo_ids))
        rater, raters = _used(parts.taken("rater", np.int32), len(rater_ids))
        value = parts.taken("value", np.float64)
        order = np.lexsort((row, value, photo.astype(np.int64) * len(raters) + rater)).astype(np.int32)
        photo, rater = photo[order].astype(np.int64), rater[order].astype(np.int64)
        votes = VoteSet(photo, rater, value[order], len(photos), len(raters))
        return cls(
            votes,
            photo_ids.take(pa.array(photos)),
            rater_ids.take(pa.array(raters)),
            row[order],
            parts.known("position", np.int64, order),
            parts.known("submitted_at", np.int64, order),
            parts.known("seconds", np.float64, order),
            parts.known("batch", np.int32, order),
            parts.taken("anchor", np.bool_)[order],
            parts.taken("simulated", np.bool_)[order],
            pa.array(list(parts.batch_ids), pa.string()),
            digest,
        )

    @property
    def simulated_photos(self) -> Flags:
        """Photos with at least one simulated vote, shape (photos,)."""
        return np.bincount(self.votes.photo[self.simulated], minlength=self.votes.photos) > 0

    def cast_order(self) -> Ints | None:
        """Votes in the order in which raters cast them: by position, else by time; None where neither is known."""
        for when in (self.position, self.submitted):
            if when is not None and when.min() != UNKNOWN:
                return np.asarray(np.lexsort((self.row, when)), np.int64)
        return None

    def spans(self) -> tuple[Floats, Floats]:
        """When each rater's votes begin and end, in seconds, shape (raters,); NaN where that is not known."""
        low, high = np.full(self.votes.raters, np.inf), np.full(self.votes.raters, -np.inf)
        if self.submitted is not None:
            known = self.submitted != UNKNOWN
            when = self.submitted[known] / 1e6
            np.minimum.at(low, self.votes.rater[known], when)
            np.maximum.at(high, self.votes.rater[known], when)
        return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)

    def anchors(self) -> pa.Table:
        """Votes on anchors that are of a batch: `photo_id`, `batch_id`, `role`, `value` and `submitted_at`."""
        batch = np.full(len(self.row), -1, np.int32) if self.batch is None else self.batch
        some = np.flatnonzero(self.anchor & (batch >= 0))
        some = some[np.argsort(self.row[some])]
        when = np.full(len(some), UNKNOWN) if self.submitted is None else self.submitted[some]
        return pa.table(
            {
                "photo_id": self.photo_ids.take(pa.array(self.votes.photo[some])),
                "batch_id": self.batch_ids.take(pa.array(batch[some])),
                "role": pa.array([TaskRole.ANCHOR.value] * len(some), pa.string()),
                "value": pa.array(self.votes.value[some]),
                "submitted_at": pa.array(when, mask=when == UNKNOWN).cast(pa.timestamp("us", tz="UTC")),
            }
        )

    def subset(self, mask: Flags) -> CountedVotes | None:
        """The votes of a mask; None where there are none. The digest stays that of the whole."""
        if not mask.any():
            return None
        votes, photos, raters = self.votes.subset(mask)
        return replace(
            self,
            votes=votes,
            photo_ids=self.photo_ids.take(pa.array(photos)),
            rater_ids=self.rater_ids.take(pa.array(raters)),
            row=self.row[mask],
            anchor=self.anchor[mask],
            simulated=self.simulated[mask],
            position=None if self.position is None else self.position[mask],
            submitted=None if self.submitted is None else self.submitted[mask],
            seconds=None if self.seconds is None else self.seconds[mask],
            batch=None if self.batch is None else self.batch[mask],
        )


def _anchor(role: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.compute.equal(role, TaskRole.ANCHOR.value)


def _ordered(ids: npt.NDArray[np.bytes_]) -> tuple[npt.NDArray[np.int32], str]:
    """Each id's place in their order, and the hash of all of them in it.

    Ids are compared eight bytes at a time, as numbers.
    """
    wide = ids.astype(f"S{-(-max(ids.dtype.itemsize, 1) // 8) * 8}", copy=False)
    words = wide.view(">u8").reshape(len(ids), -1)
    order: Ints = np.arange(len(ids))
    for k in reversed(range(words.shape[1])):  # stable, from the last eight bytes to the first
        order = order[np.argsort(words[order, k].astype(np.uint64), kind="stable")]
    total = hashlib.sha256()
    for start in range(0, len(ids), AT_ONCE):
        total.update(b"".join(ids[order[start : start + AT_ONCE]].tolist()))
    row = np.empty(len(ids), np.int32)
    row[order] = np.arange(len(ids), dtype=np.int32)
    return row, total.hexdigest()


def _used(code: npt.NDArray[np.int32], size: int) -> tuple[npt.NDArray[np.int32], Ints]:
    """Codes counted anew without those that do not occur, and which ones are left."""
    there = np.bincount(code, minlength=size) > 0
    place = (np.cumsum(there) - 1).astype(np.int32)
    return place[code], np.flatnonzero(there)


class _Parts:
    """Columns as they come in, batch by batch: small numbers in place of Arrow's."""

    def __init__(self) -> None:
        self.columns: dict[str, list[npt.NDArray[Any]]] = {}
        self.some: set[str] = set()
        self.batch_ids: dict[str, int] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in a batch of rows."""
        self._keep("rating_id", np.array(batch["rating_id"].cast(pa.binary()).to_pylist(), np.bytes_))
        for name in ("photo", "rater"):
            self._keep(name, np.asarray(batch[name]).astype(np.int32))
        self._keep("value", np.asarray(batch["value"], np.float64))
        for name in ("anchor", "simulated"):
            self._keep(name, np.asarray(batch[name]))
        for name, otherwise in (("position", UNKNOWN), ("submitted_at", UNKNOWN)):
            column = batch[name].cast(pa.int64())
            self._optional(name, column, np.asarray(column.fill_null(otherwise)))
        seconds = batch["seconds"].cast(pa.float64())
        self._optional("seconds", seconds, np.asarray(seconds.fill_null(np.nan)))
        self._optional("batch", batch["batch_id"], self._batches(batch["batch_id"]))

    def _keep(self, name: str, values: npt.NDArray[Any]) -> None:
        self.columns.setdefault(name, []).append(values)

    def _optional(self, name: str, column: pa.Array, values: npt.NDArray[Any]) -> None:
        """A column that may be null throughout, and then takes no room: only the number of its rows is kept."""
        if column.null_count == len(column):
            values = np.broadcast_to(values[:1], values.shape)
        else:
            self.some.add(name)
        self._keep(name, values)

    def _batches(self, column: pa.Array) -> npt.NDArray[np.int32]:
        encoded = column.dictionary_encode()
        codes = [self.batch_ids.setdefault(name, len(self.batch_ids)) for name in encoded.dictionary.to_pylist()]
        places = np.asarray(encoded.indices.fill_null(len(codes)), np.int64)
        return np.asarray(np.array([*codes, -1], np.int32)[places], np.int32)

    def taken(self, name: str, kind: type[np.generic]) -> npt.NDArray[Any]:
        """A whole column, which is not kept."""
        parts = self.columns.pop(name, [])
        return np.concatenate(parts) if parts else np.empty(0, kind)

    def known(self, name: str, kind: type[np.generic], order: npt.NDArray[np.int32]) -> npt.NDArray[Any] | None:
        """A whole column in an order; None where nothing is known."""
        if name not in self.some:
            self.columns.pop(name, None)
            return None
        return np.asarray(self.taken(name, kind)[order], kind)

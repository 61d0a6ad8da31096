"""The bytes of a photo, wherever they still are, believed only when their hash is the photo's id."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import fsspec

from schemas.errors import IntegrityFault, ServiceUnavailable
from warehouse.filesystem import Location

AHEAD = 4
"""Batches read before they are asked for: reading and hashing run beside cleaning and writing."""
BATCH_BYTES = 4_000_000
MOST_IN_BATCH = 64
NO_SIZES: Mapping[str, int] = MappingProxyType({})


def object_path(photo_id: str) -> str:
    """Where a copy of the photo lies under the warehouse's root, where one was made."""
    return f"objects/{photo_id[:2]}/{photo_id}"


class Originals:
    """Reads photos by id: from `objects/`, then from every place where the photo was seen."""

    def __init__(self, location: Location, places: Mapping[str, Sequence[str]]) -> None:
        self._objects = location.filesystem()
        self._places = places

    def read(self, photo_id: str) -> bytes:
        """The file's bytes.

        Raises
        ------
        IntegrityFault
            No place holds these bytes any more; the message names each place and what is there.
        """
        found = []
        for place in (object_path(photo_id), *self._places.get(photo_id, ())):
            try:
                data = self._bytes_at(place)
            except (OSError, ValueError, ImportError) as error:
                found.append(f"{place}: {type(error).__name__}")
                continue
            if hashlib.sha256(data).hexdigest() == photo_id:
                return data
            found.append(f"{place}: other bytes")
        raise IntegrityFault(f"photo {photo_id[:12]}: its file is gone or changed ({'; '.join(found)}).")

    def name_of(self, photo_id: str) -> str:
        """A file name of the photo: it tells camera RAW from TIFF, and is never published."""
        return next((place.rsplit("/", 1)[-1] for place in self._places.get(photo_id, ())), "")

    def _bytes_at(self, place: str) -> bytes:
        if place.startswith("objects/"):
            with self._objects.open_input_stream(place) as stream:
                return bytes(stream.read())
        if "://" not in place:
            return Path(place).read_bytes()
        try:
            with fsspec.open(place, "rb") as stream:
                return bytes(stream.read())
        except ConnectionError as error:
            raise ServiceUnavailable(f"{place}: the server does not answer.") from error

    def read_all(
        self, photo_ids: Sequence[str], sizes: Mapping[str, int] = NO_SIZES
    ) -> Iterator[tuple[str, bytes | IntegrityFault]]:
        """Bytes, or the fault, of each photo in order; threads read and hash some batches ahead.

        Parameters
        ----------
        photo_ids : sequence of str
        sizes : mapping of str to int
            Bytes of the files, as far as they are known: a batch ends with `BATCH_BYTES`.
        """
        with ThreadPoolExecutor(2, thread_name_prefix="originals") as pool:
            batches = _batches(photo_ids, sizes)
            waiting = deque(pool.submit(self._read_batch, batch) for batch in islice(batches, AHEAD))
            while waiting:
                future = waiting.popleft()
                yield from future.result()
                waiting.extend(pool.submit(self._read_batch, batch) for batch in islice(batches, 1))

    def _read_batch(self, batch: list[str]) -> list[tuple[str, bytes | IntegrityFault]]:
        return [(photo_id, self._bytes_or_fault(photo_id)) for photo_id in batch]

    def _bytes_or_fault(self, photo_id: str) -> bytes | IntegrityFault:
        try:
            return self.read(photo_id)
        except IntegrityFault as fault:
            return fault


def _batches(photo_ids: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Photos one after the other: small files many at a time, since handing over costs as much as reading them."""
    batch: list[str] = []
    waiting = 0
    for photo_id in photo_ids:
        batch.append(photo_id)
        waiting += sizes.get(photo_id, BATCH_BYTES)
        if waiting >= BATCH_BYTES or len(batch) == MOST_IN_BATCH:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch

"""The bytes of a photo, wherever they still are, believed only when their hash is the photo's id."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import fsspec

from schemas.errors import IntegrityFault, ServiceUnavailable
from warehouse.filesystem import Location

AHEAD = 8
"""Files read before they are asked for: reading and hashing run beside writing."""


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

    def read_all(self, photo_ids: Iterable[str]) -> Iterator[tuple[str, bytes | IntegrityFault]]:
        """Bytes, or the fault, of each photo in order; a few are read ahead by threads."""
        with ThreadPoolExecutor(2, thread_name_prefix="originals") as pool:
            wanted = iter(photo_ids)
            waiting = deque((name, pool.submit(self.read, name)) for name in islice(wanted, AHEAD))
            while waiting:
                photo_id, future = waiting.popleft()
                waiting.extend((name, pool.submit(self.read, name)) for name in islice(wanted, 1))
                try:
                    yield photo_id, future.result()
                except IntegrityFault as fault:
                    yield photo_id, fault

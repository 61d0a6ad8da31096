"""What a source lists, and how one listed file is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from schemas.codes import QuarantineReason

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_SIZE = -1


class Unreadable(Exception):
    """A listed file whose bytes cannot be had; the reason stands in the quarantine."""

    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")

    def __reduce__(self) -> tuple[type[Unreadable], tuple[QuarantineReason, str]]:
        return (Unreadable, (self.reason, self.detail))


@dataclass(frozen=True)
class Content:
    """The bytes of a file.

    Parameters
    ----------
    data : bytes
    size, modified_at : optional
        At the moment of reading, where the place tells them then.
    sidecar : bytes, optional
        The XMP file beside it.
    """

    data: bytes
    size: int | None = None
    modified_at: datetime | None = None
    sidecar: bytes | None = None


class Address(Protocol):
    """Where the bytes of one entry are; small and picklable."""

    def read(self, most: int) -> Content:
        """Read the whole file once; raises `Unreadable`, also where it has more than `most` bytes."""
        ...


@dataclass(frozen=True)
class Entry:
    """One file of a source.

    Parameters
    ----------
    source : str
        The source as the person gave it.
    uri : str
        Path or address: with `photo_id` the key of a sighting.
    file_name : str
        Last part of the path, unquoted.
    size, modified_at, etag
        As listed: where all three are known to the warehouse, the file is not read again.
    address : Address or None
        How to read it; None where it must not be read, and then `refused` says why.
    """

    source: str
    uri: str
    file_name: str
    size: int
    modified_at: datetime
    address: Address | None
    etag: str = ""
    license: str | None = None
    photographer: str | None = None
    refused: Unreadable | None = None
    permanent: bool = True
    """The file can be read again later at its URI; else its bytes are copied into the warehouse."""
    distant: bool = False
    """Its bytes come over a network: reading is mostly waiting."""


class Source(Protocol):
    """A place with photos."""

    name: str

    def entries(self) -> Iterator[Entry]:
        """List all files; a listing that cannot begin raises WrongUse."""
        ...

    def ignored(self) -> dict[str, int]:
        """After listing: how many files were passed over, by ending, as no pictures by their name."""
        ...


LISTED_SCHEMA = pa.schema(
    [("uri", pa.string()), ("size", pa.int64()), ("modified_at", pa.timestamp("us", tz="UTC")), ("etag", pa.string())]
)
"""What tells a listed file from all others, in columns."""


def listed_table(entries: Sequence[Entry]) -> pa.Table:
    """Entries in columns."""
    columns = {name: [getattr(entry, name) for entry in entries] for name in LISTED_SCHEMA.names}
    return pa.table(columns, schema=LISTED_SCHEMA)


@runtime_checkable
class TableSource(Protocol):
    """A source that can list in columns: entries are made only of what the warehouse does not know."""

    def tables(self) -> Iterator[pa.Table]:
        """All files in the columns of `LISTED_SCHEMA`."""
        ...

    def entry(self, row: dict[str, Any]) -> Entry:
        """The entry of a row."""
        ...

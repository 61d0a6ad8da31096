"""A list of addresses: CSV, TSV, Parquet, or a text file with one on each line; inventories of buckets too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from schemas.codes import QuarantineReason
from schemas.errors import BadInput
from warehouse.sources.entries import UNKNOWN_SIZE, UNKNOWN_TIME, Address, Entry, Unreadable
from warehouse.sources.remote import RemoteFile
from warehouse.sources.web import WebFile, WebManners

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "url": ("url", "uri", "image_url", "address", "key_url"),
    "license": ("license", "licence", "license_name"),
    "photographer": ("photographer", "author", "creator", "credit", "owner"),
    "size": ("size", "bytes", "content_length"),
    "etag": ("etag", "e_tag", "md5", "version"),
    "modified_at": ("modified_at", "last_modified", "lastmodifieddate"),
}
"""Names, in lower case, under which a column is looked for; the first that is there counts."""

REACHED = frozenset({"http", "https", "s3", "gs", "gcs", "az", "abfs", "hf"})
ROWS_AT_ONCE = 20_000


def find_column(names: list[str], wanted: str) -> str | None:
    """The column that holds what is wanted, whatever its spelling."""
    lower = {name.strip().lower(): name for name in names}
    return next((lower[word] for word in COLUMNS[wanted] if word in lower), None)


@dataclass
class UrlListSource:
    """A file that lists addresses, with licences and photographers where it has such columns."""

    name: str
    path: str
    manners: WebManners

    def entries(self) -> Iterator[Entry]:
        """One entry per row; what is no address that may be read is refused."""
        for rows in self._tables():
            columns = {key: find_column(rows.column_names, key) for key in COLUMNS}
            if columns["url"] is None:
                raise BadInput(
                    "no column with addresses",
                    where=self.path,
                    expected=f"one of {', '.join(COLUMNS['url'])}",
                    got=", ".join(rows.column_names),
                )
            for row in rows.to_pylist():
                text = str(row[columns["url"]] or "").strip()
                if text:
                    found = {key: row.get(name) for key, name in columns.items() if name}
                    yield entry_of_url(self.name, text, found, self.manners)

    def ignored(self) -> dict[str, int]:
        """Nothing: what is listed is looked at."""
        return {}

    def _tables(self) -> Iterator[pa.Table]:
        """Some rows at a time: a list may have millions."""
        ending = self.path[self.path.rfind(".") :].lower()
        try:
            if ending == ".parquet":
                with fsspec.open(self.path, "rb") as stream:
                    for batch in pq.ParquetFile(stream).iter_batches(ROWS_AT_ONCE):
                        yield pa.Table.from_batches([batch])
            elif ending == ".txt":
                with fsspec.open(self.path, "rt", encoding="utf-8") as stream:
                    lines = (line.strip() for line in stream)
                    addresses = (line for line in lines if line and not line.startswith("#"))
                    while some := list(islice(addresses, ROWS_AT_ONCE)):
                        yield pa.table({"url": pa.array(some, pa.string())})
            else:
                yield from self._delimited("\t" if ending == ".tsv" else ",")
        except pa.ArrowInvalid as error:
            raise BadInput(f"no valid table: {error}", where=self.path) from error
        except UnicodeDecodeError as error:
            raise BadInput("no text in UTF-8", where=self.path, todo="Save the list as UTF-8") from error

    def _delimited(self, delimiter: str) -> Iterator[pa.Table]:
        """Every value as text: what stands in the first rows says nothing of the others."""
        how = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        with fsspec.open(self.path, "rb") as stream, pacsv.open_csv(stream, parse_options=how) as reader:
            texts = dict.fromkeys(reader.schema.names, pa.string())
        every = pacsv.ConvertOptions(column_types=texts, strings_can_be_null=True)
        with (
            fsspec.open(self.path, "rb") as stream,
            pacsv.open_csv(stream, parse_options=how, convert_options=every) as reader,
        ):
            for batch in reader:
                yield pa.Table.from_batches([batch])


def entry_of_url(source: str, url: str, row: Mapping[str, Any], manners: WebManners) -> Entry:
    """The entry of an address; what may not be read is refused."""
    try:
        parts = urlsplit(url)
    except ValueError:  # as where a bracket is not closed
        parts = urlsplit("")
    reached = parts.scheme.lower() in REACHED and bool(parts.netloc)
    address: Address | None = None
    if reached:
        address = WebFile(url, manners) if parts.scheme.lower() in ("http", "https") else RemoteFile(url)
    return Entry(
        source=source,
        uri=url,
        file_name=unquote(parts.path.rstrip("/").rsplit("/", 1)[-1]) or parts.netloc,
        size=_size(row.get("size")),
        modified_at=_time(row.get("modified_at")),
        etag=_text(row.get("etag")) or "",
        license=_text(row.get("license")),
        photographer=_text(row.get("photographer")),
        address=address,
        refused=None
        if reached
        else Unreadable(QuarantineReason.UNSAFE_PATH, "no address of " + ", ".join(sorted(REACHED))),
        permanent=False,
        distant=True,
    )


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None


def _size(value: Any) -> int:
    text = str(value).strip() if value is not None else ""
    return int(text) if text.isdecimal() and len(text) < 19 else UNKNOWN_SIZE


def _time(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return UNKNOWN_TIME
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return UNKNOWN_TIME


@dataclass
class UrlSource:
    """One address of the web, given by itself."""

    name: str
    manners: WebManners

    def entries(self) -> Iterator[Entry]:
        """The one file."""
        yield entry_of_url(self.name, self.name, {}, self.manners)

    def ignored(self) -> dict[str, int]:
        """Nothing."""
        return {}

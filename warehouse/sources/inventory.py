"""Inventories of buckets as a source: nothing is listed, the store's own nightly file says what is there.

Amazon's format (a ``manifest.json`` that names data files in CSV or Parquet), and any CSV or Parquet file with the
columns ``bucket`` and ``key``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from schemas.errors import BadInput, WrongUse
from warehouse.sources.entries import LISTED_SCHEMA, UNKNOWN_SIZE, UNKNOWN_TIME, Entry
from warehouse.sources.object_names import entry_of_object, may_be_pictures
from warehouse.sources.object_store import address_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "bucket": ("bucket",),
    "key": ("key",),
    "size": ("size",),
    "modified_at": ("lastmodifieddate", "last_modified_date", "last_modified"),
    "etag": ("etag", "e_tag"),
    "is_latest": ("islatest", "is_latest"),
    "deleted": ("isdeletemarker", "is_delete_marker"),
}
"""Names, in lower case, of the columns that are read."""
ROWS = 100_000


def is_inventory(names: list[str]) -> bool:
    """Whether a table with these columns is an inventory of objects."""
    return {"bucket", "key"} <= {name.strip().strip('"').lower() for name in names}


def is_inventory_file(address: str) -> bool:
    """Whether a CSV file with a header is an inventory of objects."""
    with fsspec.open(address, "rb", compression="infer") as stream:
        first = stream.readline().decode("utf-8", "replace")
    return is_inventory(first.split("\t" if address.lower().endswith(".tsv") else ","))


@dataclass
class InventorySource:
    """An inventory file.

    Parameters
    ----------
    name : str
        As the person gave it: a manifest, a CSV or a Parquet file, local or at an fsspec address.
    """

    name: str
    _ignored: dict[str, int] = field(default_factory=dict)

    def ignored(self) -> dict[str, int]:
        """Objects passed over, by ending."""
        return dict(self._ignored)

    def entries(self) -> Iterator[Entry]:
        """All objects of the inventory."""
        for table in self.tables():
            yield from (self.entry(row) for row in table.to_pylist())

    def tables(self) -> Iterator[pa.Table]:
        """The same in columns."""
        for table in self._parts():
            yield may_be_pictures(_listed(_present(table), self.name), self._ignored)

    def entry(self, row: dict[str, Any]) -> Entry:
        """The entry of a row of `tables`."""
        return entry_of_object(self.name, row, address_of(row["uri"], row["size"]))

    def _parts(self) -> Iterator[pa.Table]:
        if not self.name.lower().endswith(".json"):
            yield from _read(self.name, None, encoded=False)
            return
        with fsspec.open(self.name, "rb") as stream:
            try:
                manifest = json.loads(stream.read())
                schema, kind = str(manifest["fileSchema"]), str(manifest["fileFormat"]).upper()
                bucket = str(manifest["destinationBucket"]).removeprefix("arn:aws:s3:::")
                keys = [str(part["key"]) for part in manifest["files"]]
            except (ValueError, KeyError, TypeError) as error:
                raise BadInput(
                    "no manifest of an inventory", where=self.name,
                    expected="fileSchema, fileFormat, destinationBucket and files",
                ) from error  # fmt: skip
        if kind not in ("CSV", "PARQUET"):
            raise WrongUse(f"{self.name}: inventories in {kind} are not read; let the store write CSV or Parquet.")
        names = [name.strip() for name in schema.split(",")] if kind == "CSV" else None
        scheme = urlsplit(self.name).scheme if "://" in self.name else "s3"
        for key in keys:
            yield from _read(f"{scheme}://{bucket}/{key}", names, encoded=kind == "CSV")


def _read(address: str, names: list[str] | None, *, encoded: bool) -> Iterator[pa.Table]:
    """Rows of one data file: CSV without a header where the names are given; keys may be percent-encoded."""
    try:
        if address.lower().endswith(".parquet"):
            with fsspec.open(address, "rb") as stream:
                for batch in pq.ParquetFile(stream).iter_batches(ROWS):
                    yield pa.Table.from_batches([batch])
            return
        with fsspec.open(address, "rb", compression="infer") as stream:
            options = pacsv.ReadOptions(column_names=names, block_size=1 << 24)
            every = pacsv.ConvertOptions(column_types={n: pa.string() for n in names or ("key", "Key", "etag", "ETag")})
            for batch in pacsv.open_csv(stream, read_options=options, convert_options=every):
                table = pa.Table.from_batches([batch])
                yield _decoded(table) if encoded else table
    except FileNotFoundError:
        raise WrongUse(f"{address}: there is no such file.") from None
    except pa.ArrowInvalid as error:
        raise BadInput(f"no valid table: {error}", where=address) from error


def _decoded(table: pa.Table) -> pa.Table:
    """Amazon writes keys into CSV as addresses do."""
    from urllib.parse import unquote_plus

    place = next(k for k, name in enumerate(table.column_names) if name.lower() == "key")
    keys = pa.array([unquote_plus(key) for key in table.column(place).to_pylist()], pa.string())
    return table.set_column(place, table.column_names[place], keys)


def _column(table: pa.Table, wanted: str) -> pa.ChunkedArray | None:
    lower = {name.strip().lower(): name for name in table.column_names}
    return next((table[lower[word]] for word in COLUMNS[wanted] if word in lower), None)


def _present(table: pa.Table) -> pa.Table:
    """The rows that are an object's newest version and not its deletion."""
    for name, wanted in (("is_latest", True), ("deleted", False)):
        column = _column(table, name)
        if column is not None:
            text = pc.utf8_lower(column.cast(pa.string()))
            table = table.filter(pc.equal(pc.fill_null(text, str(wanted).lower()), str(wanted).lower()))
    return table


def _listed(table: pa.Table, where: str) -> pa.Table:
    """The columns of a listing."""
    bucket, key = _column(table, "bucket"), _column(table, "key")
    if bucket is None or key is None:
        raise BadInput(
            "no inventory of objects", where=where, expected="columns bucket and key", got=", ".join(table.column_names)
        )
    rows, when = table.num_rows, LISTED_SCHEMA.field("modified_at").type
    size, etag, modified = (_column(table, name) for name in ("size", "etag", "modified_at"))
    tags = pa.repeat("", rows) if etag is None else pc.fill_null(etag.cast(pa.string()), "")
    return pa.table(
        {
            "uri": pc.binary_join_element_wise("s3:/", bucket.cast(pa.string()), key.cast(pa.string()), "/"),
            "size": pc.fill_null(pa.nulls(rows, pa.int64()) if size is None else size.cast(pa.int64()), UNKNOWN_SIZE),
            "modified_at": pa.repeat(pa.scalar(UNKNOWN_TIME, when), rows) if modified is None else _in_utc(modified),
            "etag": pc.utf8_trim(tags, '"'),
        },
        schema=LISTED_SCHEMA,
    )


def _in_utc(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as text or as timestamps with or without a zone; without one they are UTC."""
    if pa.types.is_timestamp(moments.type):
        aware = moments if moments.type.tz else pc.assume_timezone(moments, "UTC")
    else:
        aware = moments.cast(pa.string())
    return aware.cast(LISTED_SCHEMA.field("modified_at").type)

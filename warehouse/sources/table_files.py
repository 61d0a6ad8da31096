"""Tables in files, read group by group: Parquet, and Arrow streams as `datasets.save_to_disk` writes them."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import BadInput


class TableFile(Protocol):
    """A table in groups of rows."""

    schema: pa.Schema

    def read(self, group: int, columns: list[str]) -> pa.Table | None:
        """Some columns of a group, fields of structs as ``column.field``; None behind the last group."""
        ...


class ParquetFile:
    """Row groups of a Parquet file."""

    def __init__(self, address: str) -> None:
        self._file = pq.ParquetFile(fsspec.open(address, "rb").open())
        self.schema = self._file.schema_arrow

    def read(self, group: int, columns: list[str]) -> pa.Table | None:
        """See `TableFile`; a field of a struct comes as a struct with that field."""
        if group >= self._file.num_row_groups:
            return None
        if not columns:
            return pa.table({"": pa.nulls(self._file.metadata.row_group(group).num_rows)})
        return self._file.read_row_group(group, columns=columns)


class ArrowStream:
    """Record batches of an Arrow stream, one in memory at a time; reading backwards starts again."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._open()

    def _open(self) -> None:
        self._reader = pa.ipc.open_stream(fsspec.open(self._address, "rb").open())
        self.schema = self._reader.schema
        self._batch: pa.RecordBatch | None = None
        self._place = -1

    def read(self, group: int, columns: list[str]) -> pa.Table | None:
        """See `TableFile`; columns come whole, whatever field of them is asked for."""
        if group < self._place:
            self._open()
        while self._place < group:
            try:
                self._batch = self._reader.read_next_batch()
            except StopIteration:
                return None
            self._place += 1
        if self._batch is None:
            return None
        if not columns:
            return pa.table({"": pa.nulls(self._batch.num_rows)})
        return pa.table({name: self._batch[name] for name in dict.fromkeys(c.split(".")[0] for c in columns)})


def open_table(address: str) -> TableFile:
    """A table, local or at an fsspec address; raises BadInput where it is none."""
    try:
        return ArrowStream(address) if address.lower().endswith(".arrow") else ParquetFile(address)
    except pa.ArrowInvalid as error:
        kind = "Arrow stream" if address.lower().endswith(".arrow") else "Parquet file"
        raise BadInput(f"no valid {kind} ({error})", where=address) from error


@lru_cache(maxsize=1)
def open_table_again(address: str) -> TableFile:
    """The same, kept open for the next call: entries of a table are read one after another."""
    return open_table(address)

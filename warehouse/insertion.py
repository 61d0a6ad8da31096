"""Rows with much in them, such as pictures, inserted in one commit but written out as they come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from functools import cached_property
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.columns import Record
from warehouse.delta import Table


class Insertion:
    """One insert into a table, in pieces: memory holds one piece, and readers see all of them or none.

    Each piece becomes a row group of a Parquet file in the table's folder, which the commit takes into the table.
    A process that dies before it leaves a file that no table refers to; `maintain` removes such files.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._name = f"part-{uuid4()}.parquet"
        self._seen: set[tuple[object, ...]] = set()
        self._keys: list[pa.Table] = []
        self._inserted: int | None = None

    def add(self, rows: pa.Table | Iterable[Record]) -> None:
        """Write the rows whose key is neither in the table nor in an earlier piece."""
        fresh = self._table.unknown(rows)
        keys = fresh.select(list(self._table.spec.key))
        names = [tuple(row.values()) for row in keys.to_pylist()]
        kept = [place for place, name in enumerate(names) if name not in self._seen]
        self._seen.update(names)
        if len(kept) < len(names):
            fresh, keys = fresh.take(kept), keys.take(kept)
        if fresh.num_rows:
            self._table.refuse_unwritable(fresh.nbytes)
            with self._table.in_words():
                self._file.write_table(fresh)
            self._keys.append(keys)

    def commit(self) -> int:
        """Take all pieces into the table; returns how many rows went in. The same again changes nothing."""
        if self._inserted is None:
            self._inserted = self._commit() if self._keys else 0
        return self._inserted

    def discard(self) -> None:
        """Remove what was written, unless it was committed."""
        if self._keys and self._inserted is None:
            with contextlib.suppress(OSError):  # as where the disk has become full
                self._file.close()
            with contextlib.suppress(OSError):
                self._table.folder.delete_file(self._name)

    def _commit(self) -> int:
        with self._table.in_words():
            self._file.close()
        keys = pa.concat_tables(self._keys)
        if self._table.commit_file(self._name, keys):
            return int(keys.num_rows)
        # Another writer came first with some of the keys: the rest goes into a file of its own.
        rest = Insertion(self._table)
        with self._table.folder.open_input_file(self._name) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(256):
                rest.add(pa.Table.from_batches([batch]))
        self.discard()
        return rest.commit()

    @cached_property
    def _file(self) -> pq.ParquetWriter:
        """Opened with the first piece. Bytes are compressed already, and no two are alike."""
        schema = self._table.spec.schema
        plain = [field.name for field in schema if not pa.types.is_binary(field.type)]
        return pq.ParquetWriter(
            self._name,
            schema,
            filesystem=self._table.folder,
            compression={field.name: "ZSTD" if field.name in plain else "NONE" for field in schema},
            use_dictionary=plain,
            write_statistics=plain,
        )

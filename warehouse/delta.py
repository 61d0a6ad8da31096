"""One Delta table of a warehouse: atomic insert-only writes, replacement of derived rows, bounded reads."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from deltalake import DeltaTable, Schema, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction
from pyarrow import fs as pafs

from schemas.columns import Record, TableSpec
from schemas.errors import IntegrityFault, WriteConflict
from warehouse.contents import ROWS, Batches, content_of, doubled_keys
from warehouse.digests import digest
from warehouse.faults import (
    STORAGE_ERRORS,
    DamagedFile,
    damaged_files,
    file_fault,
    keep_aside,
    log_fault,
    log_words,
    refuse_unwritable,
    spoken,
)
from warehouse.filesystem import Location
from warehouse.frugal import FrugalDataset
from warehouse.keys import KeyIndex
from warehouse.writers import signed

LOG_FOR_EVER = {
    # Else checkpoints clean the log up, and the versions that releases pin can no longer be read.
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}
CONFLICT_PATIENCE_S = 120.0


class Table:
    """A Delta table whose rows follow one record type."""

    def __init__(self, location: Location, spec: TableSpec) -> None:
        self.spec = spec
        self._location = location
        self._address = location.join("tables", spec.name)
        self._filesystem = location.filesystem("tables", spec.name)
        self._options = location.storage_options()
        self._folder = location.local("tables", spec.name) if location.is_local else None
        self._keys = KeyIndex(spec.key, spec.schema)
        self._lock = Lock()
        self._delta: DeltaTable | None = None

    # -- reading -------------------------------------------------------------------------------------
    def create(self) -> None:
        """Make the table where there is none."""
        DeltaTable.create(
            self._address,
            self.spec.schema,
            mode="ignore",
            name=self.spec.name,
            configuration=LOG_FOR_EVER,
            storage_options=self._options,
        )

    def delta(self, version: int | None = None) -> DeltaTable:
        """The Delta table at its newest version, or at a pinned one."""
        if version is not None:
            return DeltaTable(self._address, version=version, storage_options=self._options)
        try:
            if self._delta is None:
                self._delta = self._opened()
            else:
                self._delta.update_incremental()
        except DeltaError as error:
            self._delta = None
            fault = spoken(error, self._address)
            raise fault or log_fault(self.spec.name, self._address, log_words(error)) from error
        return self._delta

    def _opened(self) -> DeltaTable:
        try:
            found = DeltaTable(self._address, storage_options=self._options)
        except TableNotFoundError:
            self._refuse_lost_log()
            self.create()
            return DeltaTable(self._address, storage_options=self._options)
        newest = self._folder / "_delta_log" / f"{found.version():020}.json" if self._folder else None
        if newest and newest.exists() and not newest.stat().st_size:
            # As a power cut may leave it: Delta takes it for a version without rows.
            raise log_fault(self.spec.name, self._address, f"its newest entry {newest.name} is empty")
        return found

    def _refuse_lost_log(self) -> None:
        """A table that is made anew must not stand on another's data."""
        found = self._filesystem.get_file_info(pafs.FileSelector("", allow_not_found=True))
        if any(info.base_name.endswith(".parquet") for info in found):
            raise log_fault(self.spec.name, self._address, "its log is gone")

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """What a storage library raises in the block becomes a fault that says which file, and what to do."""
        try:
            yield
        except STORAGE_ERRORS as error:
            fault = spoken(error, self._address) or self.damage()
            if fault is None:
                raise
            raise fault from error

    def damage(self) -> IntegrityFault | None:
        """What is wrong with the first of the data files that is missing or cannot be read; reads all of them."""
        found = next(self.damaged(), None)
        return file_fault(self.spec.name, self._address, found) if found else None

    def damaged(self) -> Iterator[DamagedFile]:
        """The data files that are missing or cannot be read; reads all of them."""
        return damaged_files(self.delta(), self._filesystem)

    def take_out(self, files: Sequence[DamagedFile]) -> None:
        """Take data files out of the table; those that are there are kept beside the tables, under `damaged/`."""
        with self._lock, self.in_words():
            for file in files:
                if not file.is_missing:
                    keep_aside(self._location, self.spec.name, file.path)
            self.delta().repair(commit_properties=signed())
            self._delta = None

    @property
    def version(self) -> int:
        """The newest version's number."""
        return int(self.delta().version())

    def dataset(self, version: int | None = None) -> pads.Dataset:
        """The rows as a pyarrow dataset, read through pyarrow's own file system.

        It has the record's columns: those that an older version of the table lacks are null.
        """
        found = self.delta(version).to_pyarrow_dataset(filesystem=self._filesystem, schema=self.spec.schema)
        return FrugalDataset.of(found)

    def read(
        self,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """Rows as one Arrow table in the record's schema; use `batches` for what may not fit in memory."""
        names = list(columns) if columns is not None else self.spec.schema.names
        with self.in_words():
            table = self.dataset(version).to_table(columns=names, filter=where)
        return table.cast(pa.schema([self.spec.schema.field(name) for name in names]))

    def batches(
        self,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        rows: int = 1024,
        version: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Rows in batches of bounded size."""
        names = list(columns) if columns is not None else self.spec.schema.names
        scanner = self.dataset(version).scanner(columns=names, filter=where, batch_size=rows)
        with self.in_words():
            yield from (batch for batch in scanner.to_batches() if batch.num_rows)

    def count(self) -> int:
        """Number of rows."""
        with self.in_words():
            return int(self.dataset().count_rows())

    def digest(self, version: int | None = None) -> str:
        """Hex digest of the content; see `warehouse.digests`."""
        names = [c.name for c in self.spec.columns if not c.arrival]
        return digest(self.read(names, version=version), self.spec.key)

    # -- writing -------------------------------------------------------------------------------------
    def insert(self, rows: pa.Table | Iterable[Record]) -> int:
        """Insert the rows whose key is not there yet, in one commit; returns how many went in.

        Safe beside any number of writers: a commit is refused when another came first, and is tried again
        without the keys that the other wrote.
        """
        table = self.conform(rows)
        if not table.num_rows:
            return 0
        with self._lock, self.in_words():
            for _ in _attempts(self._address):
                delta = self.delta()
                self._keys.refresh(delta, self._filesystem)
                fresh = self._keys.fresh(table)
                if not fresh.num_rows:
                    return 0
                if self._commit(delta, fresh, fresh.nbytes, mode="append"):
                    return int(fresh.num_rows)
        raise AssertionError("unreachable: _attempts raises")

    def replace(self, rows: pa.Table | Iterable[Record] | Batches, where: str | None = None) -> bool:
        """Make the rows the table's whole content, or the content of the slice that `where` names.

        Parameters
        ----------
        rows : pyarrow.Table, records, or a function that gives batches
            What shall stand there. A function is called several times, and its rows are never in memory together.
        where : str, optional
            SQL condition on the table's columns; every new row must meet it.

        Returns
        -------
        bool
            False where the same rows stood there already: then nothing is written.
        """
        given = self._conformed(rows)
        if doubled := doubled_keys(given(), self.spec.key, self.spec.schema):
            raise IntegrityFault(f"table {self.spec.name}: {doubled} rows repeat a key ({', '.join(self.spec.key)}).")
        names = [c.name for c in self.spec.columns if not c.arrival]
        told = pa.schema([self.spec.schema.field(name) for name in names])
        wanted = content_of(given(), told)
        with self._lock, self.in_words():
            for _ in _attempts(self._address):
                delta = self.delta()
                if content_of(self._slice(where, names), told) == wanted:
                    return False
                reader = pa.RecordBatchReader.from_batches(self.spec.schema, given())
                if self._commit(delta, reader, wanted.nbytes, mode="overwrite", predicate=where):
                    return True
        raise AssertionError("unreachable: _attempts raises")

    def _conformed(self, rows: pa.Table | Iterable[Record] | Batches) -> Batches:
        """Rows as batches in the record's schema."""
        if callable(rows):
            return lambda: (
                batch for part in rows() for batch in self.conform(pa.Table.from_batches([part])).to_batches()
            )
        table = self.conform(rows)
        return lambda: iter(table.to_batches(max_chunksize=ROWS))

    def delete(self, where: str) -> int:
        """Delete the rows that meet an SQL condition; returns how many went.

        It is an overwrite of that slice with nothing: Delta's own delete writes text in a type that pyarrow
        cannot filter by afterwards.
        """
        nothing = self.spec.schema.empty_table()
        with self._lock, self.in_words():
            for _ in _attempts(self._address):
                delta = self.delta()
                gone = sum(batch.num_rows for batch in self._slice(where, self.spec.key))
                if not gone or self._commit(delta, nothing, 0, mode="overwrite", predicate=where):
                    return int(gone)
        raise AssertionError("unreachable: _attempts raises")

    # -- files written before their commit (see `warehouse.insertion`) ---------------------------------
    @property
    def folder(self) -> pafs.FileSystem:
        """The table's folder as the root of a file system."""
        return self._filesystem

    def unknown(self, rows: pa.Table | Iterable[Record]) -> pa.Table:
        """The rows whose key is not there yet, in the record's schema."""
        table = self.conform(rows)
        with self._lock, self.in_words():
            self._keys.refresh(self.delta(), self._filesystem)
            return self._keys.fresh(table)

    def commit_file(self, name: str, keys: pa.Table) -> bool:
        """Take a Parquet file that lies in the folder into the table; False where one of its keys is there by now."""
        size = self._filesystem.get_file_info(name).size
        stats = json.dumps({"numRecords": keys.num_rows})
        action = AddAction(name, size, {}, int(time.time() * 1000), True, stats)
        with self._lock, self.in_words():
            for _ in _attempts(self._address):
                delta = self.delta()
                there = {field.name for field in delta.schema().fields}
                gained = [self.spec.schema.field(name) for name in self.spec.schema.names if name not in there]
                self._keys.refresh(delta, self._filesystem)
                if self._keys.fresh(keys).num_rows < keys.num_rows:
                    return False
                try:
                    if gained:  # optional columns that the record has gained since the table was made
                        delta.alter.add_columns(Schema.from_arrow(pa.schema(gained)).fields)
                    delta.create_write_transaction([action], "append", delta.schema(), commit_properties=signed())
                except CommitFailedError:
                    self._delta = None
                    continue
                return True
        raise AssertionError("unreachable: _attempts raises")

    def refuse_unwritable(self, rows_bytes: int) -> None:
        """Raise StorageRefused where the local folder may not be written, or has no room for rows of this size."""
        if self._folder is not None:
            refuse_unwritable(self._folder, self.spec.name, rows_bytes)

    def _slice(self, where: str | None, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows that meet an SQL condition: some columns, in the record's types."""
        schema = pa.schema([self.spec.schema.field(name) for name in names])
        if where is None:
            yield from self.batches(names, rows=ROWS)
            return
        connection = duckdb.connect()
        connection.register("slice_of", self.dataset())
        chosen = ", ".join(f'"{name}"' for name in names)
        for batch in connection.sql(f"SELECT {chosen} FROM slice_of WHERE {where}").to_arrow_reader(ROWS):
            yield batch.cast(schema)

    def conform(self, rows: pa.Table | Iterable[Record]) -> pa.Table:
        """Rows as an Arrow table in the record's schema; raises IntegrityFault on nulls where none may be."""
        table = rows if isinstance(rows, pa.Table) else self.spec.to_arrow(rows)
        table = table.select(self.spec.schema.names).cast(self.spec.schema)
        for name in self.spec.schema.names:
            if table[name].null_count and not self.spec.schema.field(name).nullable:
                raise IntegrityFault(f"table {self.spec.name}: column '{name}' must not be null.")
        return table

    def _commit(self, delta: DeltaTable, rows: pa.Table | pa.RecordBatchReader, nbytes: int, **how: Any) -> bool:
        """One commit on top of the version that `delta` was read at; False where another came first."""
        self.refuse_unwritable(nbytes)
        try:
            write_deltalake(
                delta,
                rows,
                commit_properties=signed(),
                schema_mode="merge",  # optional columns that the record has gained since the table was made
                writer_properties=WriterProperties(compression="ZSTD"),
                **how,
            )
        except CommitFailedError:
            self._delta = None
            return False
        return True


def _attempts(address: str) -> Iterator[int]:
    """Numbers of tries, with growing random pauses, until the patience is at its end."""
    until = time.monotonic() + CONFLICT_PATIENCE_S
    tries = 0
    while time.monotonic() < until:
        yield tries
        tries += 1
        time.sleep(random.uniform(0, min(2.0, 0.02 * 2**tries)))
    raise WriteConflict(
        f"{address}: other writers committed first {tries} times in {CONFLICT_PATIENCE_S:.0f} s; run the same again."
    )

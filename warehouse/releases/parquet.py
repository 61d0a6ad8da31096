"""Parquet as the Hub likes it: row groups by bytes, page index, content-defined chunking, pictures uncompressed.

Content-defined chunking cuts pages where the content says so, not at fixed sizes: a version with more rows
shares most of its bytes with the last one, and a store that deduplicates chunks moves only what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from queue import Queue
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.releases.features import IMAGE_TYPE, with_features

IMAGE = "image"
IMAGE_BYTES = "image.bytes"
UNLIKE = frozenset({f"{IMAGE}.path", "rating_id", "comparison_id", "vector.list.element"})
"""Columns whose values are all different: a dictionary of them holds every value beside its number, and changes
with every row that comes."""
MOST_ROWS = 100_000
"""Rows of a row group of a table without pictures."""


class HashedFile:
    """A file whose SHA-256 is worked out while it is written, so that nobody has to read it again.

    A thread of its own hashes: writing goes on beside it, a few buffers behind at most.
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._sum = hashlib.sha256()
        self._waiting: Queue[bytes | None] = Queue(maxsize=8)
        self._thread = Thread(target=self._hash, name=f"checksum of {path.name}", daemon=True)
        self._thread.start()
        self.closed = False

    def _hash(self) -> None:
        while (data := self._waiting.get()) is not None:
            self._sum.update(data)

    def write(self, data: bytes) -> int:
        """Write bytes behind those before."""
        data = bytes(data)  # a copy only where the writer hands out memory of its own, which it may use again
        self._waiting.put(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._stream.flush()

    def close(self) -> str:
        """End the file; returns its SHA-256 in hex."""
        if not self.closed:
            self.closed = True
            self._stream.close()
            self._waiting.put(None)
            self._thread.join()
        return self._sum.hexdigest()


def open_writer(path: Path | HashedFile, schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet writer with the options of every file of a release."""
    leaves = [name for name in _leaves(schema) if name != IMAGE_BYTES]
    return pq.ParquetWriter(
        path,
        with_features(schema),
        version="2.6",
        compression={**dict.fromkeys(leaves, "ZSTD"), **({IMAGE_BYTES: "NONE"} if IMAGE in schema.names else {})},
        use_dictionary=[name for name in leaves if name not in UNLIKE],
        # Every picture is another one, and a reader gains nothing from its smallest byte.
        write_statistics=[name for name in leaves if name != f"{IMAGE}.path"],
        write_page_index=True,
        use_content_defined_chunking=True,
    )


def _leaves(schema: pa.Schema) -> list[str]:
    """Parquet's names of the leaf columns."""
    names = []
    for field in schema:
        if field.type == IMAGE_TYPE:
            names += [f"{field.name}.{inner.name}" for inner in field.type]
        elif pa.types.is_list(field.type):
            names.append(f"{field.name}.list.element")
        else:
            names.append(field.name)
    return names


def canonical(table: pa.Table) -> pa.Table:
    """The table without metadata, the items of its lists under Arrow's own name: engines name them differently."""
    kinds = [pa.list_(f.type.value_type) if pa.types.is_list(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))


class SplitWriter:
    """Writes the rows of one split into shards, row group by row group.

    Parameters
    ----------
    folder : Path
        Where the shards go; made where it is missing.
    split : str
        Beginning of the shards' names.
    schema : pyarrow.Schema
        Columns; a struct column ``image`` holds pictures.
    row_group_bytes, shard_bytes : int
        Bytes of pictures after which a row group, and a file, ends.
    plain : pyarrow.Table, optional
        The rows without their pictures, which `add_picture` names by number.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        schema: pa.Schema,
        *,
        row_group_bytes: int = 64_000_000,
        shard_bytes: int = 480_000_000,
        plain: pa.Table | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._split, self._schema = folder, split, schema
        self._row_group_bytes, self._shard_bytes = row_group_bytes, shard_bytes
        self._writer: pq.ParquetWriter | None = None
        self._file: HashedFile | None = None
        self._parts: list[Path] = []
        self._sums: list[str] = []
        self._in_shard = 0
        self._plain = plain
        self._rows: list[int] = []
        self._pictures = bytearray()
        self._ends: list[int] = []
        self._paths: list[str] = []
        self._waiting = 0
        self.rows = 0

    def add(self, rows: pa.Table) -> None:
        """Write rows without pictures."""
        for start in range(0, rows.num_rows, MOST_ROWS):
            self._write(rows.slice(start, MOST_ROWS))

    def add_picture(self, row: int, data: bytes, path: str) -> None:
        """Write one row of the plain table with its picture; it reaches the disk with its row group."""
        end = self._waiting + len(data)
        if end > len(self._pictures):
            # One buffer for all row groups: a new one for each would cost as much as copying the pictures.
            self._pictures.extend(bytes(max(end, self._row_group_bytes + len(data)) - len(self._pictures)))
        self._pictures[self._waiting : end] = data
        self._rows.append(row)
        self._ends.append(end)
        self._paths.append(path)
        self._waiting = end
        if self._waiting >= self._row_group_bytes:
            self._flush()

    def _flush(self) -> None:
        if not self._rows or self._plain is None:
            return
        self._write(self._waiting_rows(self._plain))
        self._in_shard += self._waiting
        self._rows, self._ends, self._paths, self._waiting = [], [], [], 0
        if self._in_shard >= self._shard_bytes:
            self._end_shard()

    def _waiting_rows(self, plain: pa.Table) -> pa.Table:
        """The rows of the row group; their pictures lie in the buffer, and are not copied."""
        ends = pa.array([0, *self._ends], pa.int32()).buffers()[1]
        data = pa.py_buffer(memoryview(self._pictures)[: self._waiting])
        pictures = pa.StructArray.from_arrays(
            [
                pa.Array.from_buffers(pa.binary(), len(self._ends), [None, ends, data]),
                pa.array(self._paths, pa.string()),
            ],
            fields=list(IMAGE_TYPE),
        )
        rows = plain.take(pa.array(self._rows, pa.int64()))
        return pa.table([pictures if name == IMAGE else rows[name] for name in self._schema.names], schema=self._schema)

    def _write(self, rows: pa.Table) -> None:
        if self._writer is None:
            part = self._folder / f"{self._split}-{len(self._parts):05d}.part"
            self._parts.append(part)
            self._file = HashedFile(part)
            self._writer = open_writer(self._file, self._schema)
        self._writer.write_table(rows.combine_chunks(), row_group_size=max(rows.num_rows, 1))
        self.rows += rows.num_rows

    def _end_shard(self) -> None:
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._sums.append(self._file.close())
            self._writer = self._file = None
        self._in_shard = 0

    def abandon(self) -> None:
        """Let go of the file that is being written, where writing was broken off."""
        if self._file is not None:
            self._file.close()

    def close(self) -> dict[Path, str]:
        """Finish the last shard; returns the shards under their final names, with their SHA-256."""
        self._flush()
        self._end_shard()
        shards = {}
        for number, (part, checksum) in enumerate(zip(self._parts, self._sums, strict=True)):
            final = self._folder / f"{self._split}-{number:05d}-of-{len(self._parts):05d}.parquet"
            shards[part.replace(final)] = checksum
        return shards


def write_by_split(folder: Path, table: pa.Table, splits: Sequence[str]) -> tuple[dict[str, int], dict[Path, str]]:
    """Write a table without pictures, a shard per split that has rows; returns the rows of each, and the files' sums.

    The table's column ``split`` says where a row goes and stays in the file.
    """
    import pyarrow.compute as pc

    rows: dict[str, int] = {}
    sums: dict[Path, str] = {}
    for split in splits:
        part = table.filter(pc.equal(table["split"], split))
        if part.num_rows:
            writer = SplitWriter(folder, split, table.schema)
            writer.add(part)
            sums |= writer.close()
            rows[split] = part.num_rows
    return rows, sums

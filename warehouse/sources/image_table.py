"""Pictures inside tables: Parquet and Arrow files with an image column, as Hugging Face datasets have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.codes import QuarantineReason
from schemas.errors import BadInput
from warehouse.sources.entries import UNKNOWN_TIME, Content, Entry, Unreadable
from warehouse.sources.folder import too_large
from warehouse.sources.url_list import find_column


def image_column(schema: pa.Schema) -> str | None:
    """The column that holds pictures: a struct with `bytes`, else a binary column; None where there is none."""
    for field in schema:
        if pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
            return str(field.name)
    for field in schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            return str(field.name)
    return None


@dataclass(frozen=True)
class TableCell:
    """One picture in a table: its row group, its row in it, and the column."""

    url: str
    group: int
    row: int
    column: str

    def read(self, most: int) -> Content:
        """Take it from the row group, which is kept for its neighbours."""
        try:
            cell = _group(self.url, self.group, self.column)[self.row].as_py()
        except (OSError, pa.ArrowException, IndexError) as error:
            raise Unreadable(QuarantineReason.UNREADABLE, f"it cannot be read: {type(error).__name__}") from error
        data = cell.get("bytes") if isinstance(cell, dict) else cell
        if data is None:
            raise Unreadable(QuarantineReason.EMPTY, "the row holds no bytes")
        if len(data) > most:
            raise too_large(len(data), most)
        return Content(data)


@lru_cache(maxsize=1)
def _file(url: str) -> pq.ParquetFile:
    return pq.ParquetFile(fsspec.open(url, "rb").open())


@lru_cache(maxsize=1)
def _group(url: str, group: int, column: str) -> pa.ChunkedArray:
    return _file(url).read_row_group(group, columns=[column])[column]


@dataclass
class ImageTableSource:
    """One Parquet file with a column of pictures, and columns for licence and photographer where it has them."""

    name: str
    address: str

    def entries(self) -> Iterator[Entry]:
        """One entry per row; pictures are not read for it."""
        with fsspec.open(self.address, "rb") as stream:
            try:
                table = pq.ParquetFile(stream)
            except pa.ArrowInvalid as error:
                raise BadInput(f"no valid Parquet file ({error})", where=self.name) from error
            column = image_column(table.schema_arrow)
            if column is None:
                raise BadInput("no column with pictures", where=self.name, expected="a struct with bytes, or binary")
            rights = {key: find_column(table.schema_arrow.names, key) for key in ("license", "photographer")}
            number = 0
            for group in range(table.num_row_groups):
                wanted = [name for name in rights.values() if name]
                rows = _rows(table, group, column, wanted)
                for row, values in enumerate(rows):
                    path = values.pop("path", None)
                    yield Entry(
                        source=self.name,
                        uri=f"{self.address}#{number}",
                        file_name=str(path).rsplit("/", 1)[-1] if path else f"row_{number}",
                        size=-1,
                        modified_at=UNKNOWN_TIME,
                        address=TableCell(self.address, group, row, column),
                        license=_text(values.get(rights["license"] or "")),
                        photographer=_text(values.get(rights["photographer"] or "")),
                        permanent=False,
                    )
                    number += 1

    def ignored(self) -> dict[str, int]:
        """Nothing: each row is looked at."""
        return {}


def _rows(table: pq.ParquetFile, group: int, column: str, wanted: list[str]) -> list[dict[str, Any]]:
    """Rights of a row group's rows, and the path that came with each picture."""
    has_path = pa.types.is_struct(table.schema_arrow.field(column).type)
    names = [*wanted, *([f"{column}.path"] if has_path else [])]
    if not names:
        return [{} for _ in range(table.metadata.row_group(group).num_rows)]
    rows = table.read_row_group(group, columns=names).to_pylist()
    for values in rows:
        if has_path:
            values["path"] = (values.pop(column, None) or {}).get("path")
    return list(rows)


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None

"""Pictures inside tables: Parquet and Arrow files with an image column, as Hugging Face datasets have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.codes import QuarantineReason
from schemas.errors import BadInput
from warehouse.sources.entries import UNKNOWN_TIME, Content, Entry, Unreadable
from warehouse.sources.folder import too_large
from warehouse.sources.table_files import TableFile, open_table, open_table_again
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
            path = str(cell.get("path") or "") if isinstance(cell, dict) else ""
            told = f"the row holds no bytes, only a path ({path[:200]}): take in the files themselves"
            raise Unreadable(QuarantineReason.EMPTY, told if path else "the row holds no bytes")
        if len(data) > most:
            raise too_large(len(data), most)
        return Content(data)


@lru_cache(maxsize=1)
def _group(url: str, group: int, column: str) -> pa.ChunkedArray:
    table = open_table_again(url).read(group, [column])
    if table is None:
        raise IndexError(group)
    return table[column]


@dataclass
class ImageTableSource:
    """One Parquet file with a column of pictures, and columns for licence and photographer where it has them."""

    name: str
    address: str

    def entries(self) -> Iterator[Entry]:
        """One entry per row."""
        table = open_table(self.address)
        column = image_column(table.schema)
        if column is None:
            raise BadInput(
                "no column with pictures",
                where=self.name,
                expected="a struct with bytes, or binary",
                got=", ".join(table.schema.names),
            )
        rights = {key: find_column(table.schema.names, key) for key in ("license", "photographer")}
        wanted = [name for name in rights.values() if name]
        kind = table.schema.field(column).type
        path = f"{column}.path" if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0 else None
        number = 0
        for group, rows in enumerate(_groups(table, [*wanted, *([path] if path else [])])):
            names = pc.struct_field(rows[column].combine_chunks(), "path").to_pylist() if path else []
            for row, values in enumerate(rows.select(wanted).to_pylist() if wanted else [{}] * rows.num_rows):
                name = names[row] if names else None
                yield Entry(
                    source=self.name,
                    uri=f"{self.address}#{number}",
                    file_name=str(name).rsplit("/", 1)[-1] if name else f"row_{number}",
                    size=-1,
                    modified_at=UNKNOWN_TIME,
                    address=TableCell(self.address, group, row, column),
                    license=_text(values.get(rights["license"] or "")),
                    photographer=_text(values.get(rights["photographer"] or "")),
                    permanent=False,
                    distant="://" in self.address,
                )
                number += 1

    def ignored(self) -> dict[str, int]:
        """Nothing: each row is looked at."""
        return {}


def _groups(table: TableFile, columns: list[str]) -> Iterator[pa.Table]:
    """The groups of a table, less the pictures where the file allows it."""
    group = 0
    while (rows := table.read(group, columns)) is not None:
        yield rows
        group += 1


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None

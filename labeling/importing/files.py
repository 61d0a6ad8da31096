"""A file of votes as columns of text, with the line on which each row begins."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import BadInput

PARQUET_MAGIC = b"PAR1"
DELIMITERS = (",", ";", "\t")
LONGEST_FIELD = 1_000_000


@dataclass(frozen=True)
class RawRows:
    """The rows of a file before anything is known about their meaning.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    columns : pyarrow.Table
        All columns as text; empty text and missing values are null.
    places : ndarray of int64, shape (rows,)
        CSV: the line on which the row begins, the header being line 1. Parquet: the row, counted from 1.
    unit : str
        'line' or 'row': what the places count.
    ragged : tuple of (int, int, tuple of str)
        Rows of another number of fields than the header: place, fields found, the fields.
    """

    name: str
    columns: pa.Table
    places: npt.NDArray[np.int64]
    unit: str
    ragged: tuple[tuple[int, int, tuple[str, ...]], ...] = ()


def read_rows(data: bytes, name: str) -> RawRows:
    """Columns of text from a CSV file (comma, semicolon or tab; UTF-8) or a Parquet file.

    Raises
    ------
    BadInput
        The file is empty, is no text in UTF-8, has no header or doubled column names, or is broken.
    """
    if data[:4] == PARQUET_MAGIC:
        return _read_parquet(data, name)
    return _read_csv(data, name)


def _read_csv(data: bytes, name: str) -> RawRows:
    text = _decode(data, name)
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    places: list[int] = []
    ragged: list[tuple[int, int, tuple[str, ...]]] = []
    try:
        header = [field.strip() for field in next(reader, [])]
        _check_header(header, name)
        width, begins = len(header), reader.line_num + 1
        for row in reader:
            if len(row) == width:
                rows.append(row)
                places.append(begins)
            elif row:  # an empty line is no row
                ragged.append((begins, len(row), tuple(row)))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(
            f"no valid CSV: {error}", where=name, line=reader.line_num, todo="Look for an unclosed quote."
        ) from error
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    table = pa.table([_text(pa.array(column, pa.string())) for column in columns], names=header)
    return RawRows(name, table, np.asarray(places, np.int64), "line", tuple(ragged))


def _read_parquet(data: bytes, name: str) -> RawRows:
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"no valid Parquet file: {str(error).splitlines()[0]}", where=name) from error
    _check_header(table.column_names, name)
    texts = {}
    for column in table.column_names:
        try:
            texts[column] = _text(table[column].combine_chunks().cast(pa.string()))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue  # nested columns and bytes cannot name anything that a vote has
    return RawRows(name, pa.table(texts), np.arange(1, table.num_rows + 1), "row")


def _decode(data: bytes, name: str) -> str:
    if not data.strip():
        raise BadInput("the file is empty", where=name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            "not UTF-8", where=name, line=data.count(b"\n", 0, error.start) + 1, todo="Save it as UTF-8."
        ) from error


def _check_header(header: Sequence[str], name: str) -> None:
    if not header or not any(header):
        raise BadInput("there is no header", where=name, line=1)
    doubled = sorted({column for column in header if header.count(column) > 1})
    if doubled:
        raise BadInput("the header names a column twice", where=name, line=1, field=doubled[0])


def _text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Text without surrounding space; empty text is null."""
    import pyarrow.compute as pc

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    trimmed = pc.utf8_trim_whitespace(array)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)

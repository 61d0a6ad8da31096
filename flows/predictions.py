"""Prediction files of any origin: one score a photo, from CSV or Parquet."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from schemas.errors import BadInput

SCORE_NAMES = ("score", "prediction", "predicted", "mos")
"""Names of the column of scores; the first that is there counts."""


def read_predictions(file: Path) -> dict[str, float]:
    """The score of each photo that a file names.

    Raises
    ------
    BadInput
        It cannot be read, a column is missing or doubled, a score is no finite number, or a photo stands in it twice
        with different scores.
    """
    table = _read(file)
    column = next((name for name in SCORE_NAMES if name in table.column_names), None)
    if "photo_id" not in table.column_names or column is None:
        raise BadInput(
            "this is no prediction file",
            where=str(file),
            expected="the columns photo_id and score",
            got=", ".join(table.column_names) or "no column",
        )
    for name in ("photo_id", column):
        if table.column_names.count(name) > 1:
            raise BadInput("a column is there twice", where=str(file), field=name)
    try:
        values = table[column].cast(pa.float64()).to_pylist()
    except pa.ArrowException as error:
        quoted = re.search(r"'(.*)'", _first(error))
        got = repr(quoted[1]) if quoted else str(table[column].type)
        raise BadInput("a prediction is no number", where=str(file), field=column, got=got) from error
    known: dict[str, float] = {}
    for line, (photo, value) in enumerate(zip(table["photo_id"].to_pylist(), values, strict=True), start=2):
        if value is None or not np.isfinite(value):
            raise BadInput("a prediction is no number", where=str(file), line=line, field=column, got=_shown(value))
        if known.setdefault(str(photo), value) != value:
            raise BadInput("a photo has two predictions", where=str(file), line=line, got=str(photo))
    return known


def _read(file: Path) -> pa.Table:
    if not file.is_file():
        raise BadInput("no such prediction file", where=str(file))
    try:
        if file.suffix.lower() == ".parquet":
            return pq.read_table(file)
        how = pacsv.ConvertOptions(column_types={"photo_id": pa.string()}, null_values=[""])
        return pacsv.read_csv(file, convert_options=how)
    except (pa.ArrowException, OSError) as error:
        raise BadInput("the prediction file cannot be read", where=str(file), got=_first(error)) from error


def _shown(value: float | None) -> str:
    return "nothing" if value is None else str(value)


def _first(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")[:200].rstrip(".")

"""Columns of text as numbers, times and flags; nothing is guessed, and what cannot be read is told apart."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

DECIMAL = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
TRUE = ("true", "yes", "1", "t", "y")
FALSE = ("false", "no", "0", "f", "n")
LARGEST_WHOLE = 2.0**53

Mask = npt.NDArray[np.bool_]


def numbers(column: pa.Array) -> tuple[npt.NDArray[np.float64], Mask]:
    """Finite decimal numbers.

    Returns
    -------
    values : ndarray of float64
        NaN where there is none.
    readable : ndarray of bool
        False where there is a text that is no finite number; words such as 'nan' and 'inf' are none.
    """
    decimal = pc.match_substring_regex(column, DECIMAL)
    values = pc.if_else(decimal, column, pa.scalar(None, pa.string())).cast(pa.float64())
    plain = np.asarray(values.to_numpy(zero_copy_only=False), np.float64).copy()
    readable = np.asarray(pc.fill_null(decimal, True)) & ~np.isinf(plain)
    plain[~readable] = np.nan
    return plain, readable


def whole_numbers(column: pa.Array) -> tuple[pa.Array, Mask]:
    """Whole numbers of 0 and more, as int64 with nulls; False in the mask where a text is none."""
    values, readable = numbers(column)
    whole = np.nan_to_num(values, nan=0.0)
    readable &= (whole >= 0) & (whole == np.round(whole)) & (whole < LARGEST_WHOLE)
    absent = np.isnan(values) | ~readable
    return pa.array(np.where(absent, 0, whole).astype(np.int64), mask=absent), readable


def times(column: pa.Array) -> tuple[pa.Array, Mask]:
    """Times in ISO 8601, as microseconds in UTC; a time without a zone is taken for UTC."""
    unique = pc.unique(column)
    parsed = [None if text is None else _time(text) for text in unique.to_pylist()]
    at = pa.array(parsed, pa.timestamp("us", tz="UTC")).take(pc.index_in(column, unique))
    return at, np.asarray(pc.or_(pc.is_null(column), pc.is_valid(at)))


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def flags(column: pa.Array) -> tuple[pa.Array, Mask]:
    """Yes or no in the usual spellings, with nulls; False in the mask where a text is neither."""
    lower = pc.utf8_lower(column)
    yes, no = pc.is_in(lower, pa.array(TRUE)), pc.is_in(lower, pa.array(FALSE))
    value = pc.if_else(yes, True, pc.if_else(no, False, pa.scalar(None, pa.bool_())))
    return value, np.asarray(pc.or_(pc.is_null(column), pc.is_valid(value)))

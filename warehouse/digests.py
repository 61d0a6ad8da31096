"""When two tables are equal: the digest of their rows.

Rows are put in the order of the key, columns in the order of their names; columns that are clocks or depend
on the order of arrival are left out by the caller; floating-point numbers are rounded to 30 bits of mantissa
(about nine digits), since sums may run in another order on another machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MANTISSA_BITS = 30


def digest(table: pa.Table, key: Sequence[str]) -> str:
    """SHA-256, in hex, of a table's content.

    Parameters
    ----------
    table : pyarrow.Table
        Rows in any order and chunking.
    key : sequence of str
        Columns that order the rows.
    """
    order = [(name, "ascending") for name in key]
    table = table.sort_by(order).combine_chunks()
    total = hashlib.sha256()
    for name in sorted(table.column_names):
        column = table[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        total.update(f"{name}:{column.type}:{len(column)};".encode())
        _update(total, column)
    return total.hexdigest()


def _update(total: hashlib._Hash, column: pa.Array) -> None:
    """Feed one column: which values are null, then the values in a form without offsets or padding."""
    total.update(np.packbits(np.asarray(column.is_null())).tobytes())
    if pa.types.is_list(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        total.update(np.asarray(lengths, dtype="<i4").tobytes())
        _update(total, pc.list_flatten(column))
    elif pa.types.is_floating(column.type):
        values = np.asarray(pc.fill_null(column, 0.0), dtype="<f8")
        total.update(rounded(values).tobytes())
    elif pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        binary = pc.fill_null(column.cast(pa.large_binary()), b"")
        lengths = pc.binary_length(binary)
        total.update(np.asarray(lengths, dtype="<i8").tobytes())
        for value in binary:
            total.update(value.as_buffer())
    elif pa.types.is_boolean(column.type):
        total.update(np.packbits(np.asarray(pc.fill_null(column, False))).tobytes())
    else:
        values = pc.fill_null(column.cast(pa.int64()), 0)
        total.update(np.asarray(values, dtype="<i8").tobytes())


def rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Float64 values with their mantissa rounded to 30 bits; -0 becomes 0, NaN stays NaN."""
    mantissa, exponent = np.frexp(values)
    scale = float(2**MANTISSA_BITS)
    return np.asarray(np.ldexp(np.round(mantissa * scale) / scale, exponent) + 0.0, dtype="<f8")

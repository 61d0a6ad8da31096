"""Single answers in the order in which they were first released, so that the next version shares their bytes."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

NAMED = {"ratings": "rating_id", "pairs": "comparison_id"}
"""Tables of `inputs/` to which rows come anywhere (a new rater's vote on an old photo), with what names a row."""


def as_first_released(tables: Mapping[str, pa.Table], before: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables with rows that stood in the version before first, in its order, and new ones behind in their own.

    Parameters
    ----------
    tables, before : mapping of str to pyarrow.Table
        Tables of `inputs/`, of the coming version and of the last one.
    """
    found = dict(tables)
    for name, key in NAMED.items():
        if name in tables and name in before:
            rows, standing = tables[name], before[name][key].combine_chunks()
            place = pc.fill_null(pc.index_in(rows[key], value_set=standing), len(standing))
            order = pa.table({"place": place, "row": pa.array(range(len(rows)), pa.int64())})
            found[name] = rows.take(order.sort_by([("place", "ascending"), ("row", "ascending")])["row"])
    return {name: table.combine_chunks() for name, table in found.items()}

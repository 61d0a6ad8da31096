"""What listings and inventories of object stores have in common: rows of `LISTED_SCHEMA`."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.sources.entries import Address, Entry
from warehouse.sources.folder import NO_PICTURES


def entry_of_object(source: str, row: dict[str, Any], address: Address) -> Entry:
    """The entry of a listed object."""
    return Entry(
        source=source,
        uri=row["uri"],
        file_name=row["uri"].rpartition("/")[2],
        size=row["size"],
        modified_at=row["modified_at"].astimezone(UTC),
        etag=row["etag"],
        address=address,
        distant=True,
    )


def may_be_pictures(table: pa.Table, ignored: dict[str, int]) -> pa.Table:
    """The rows that may be pictures by their names; others are counted in `ignored`, by ending."""
    names = pc.replace_substring_regex(table["uri"], r"^.*/", "")
    endings = pc.utf8_lower(pc.replace_substring_regex(names, r"^([^.]*$|.*\.)", "."))
    hidden = pc.starts_with(names, ".")
    # The mark of a folder, as consoles leave it: an empty object whose key ends with a slash, which obstore takes off.
    marks = pc.and_(pc.equal(table["size"], 0), pc.equal(endings, "."))
    passed_over = pc.or_(pc.or_(hidden, marks), pc.is_in(endings, pa.array(sorted(NO_PICTURES))))
    if not pc.any(passed_over).as_py():
        return table
    what = pc.if_else(hidden, "hidden", pc.if_else(marks, "folder", endings)).filter(passed_over)
    for counted in pc.value_counts(what.combine_chunks()).to_pylist():
        ignored[counted["values"]] = ignored.get(counted["values"], 0) + counted["counts"]
    return table.filter(pc.invert(passed_over))

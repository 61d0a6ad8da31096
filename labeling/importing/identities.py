"""The hashes of `labeling.identity` for whole columns: joined in Arrow, hashed once a row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def hash_rows(*parts: pa.Array | str) -> list[str]:
    """The hash of `labeling.identity.identity` for each row.

    Parameters
    ----------
    *parts : pyarrow.Array of string, or str
        Columns without nulls, all of one length; a plain text stands for a column of it.

    Returns
    -------
    list of str
        32 hex digits each.
    """
    framed: list[pa.Array | str] = []
    for part in parts:
        if isinstance(part, str):
            framed.append(f"{len(part)}:{part}")
        else:
            framed += [pc.utf8_length(part).cast(pa.string()), ":", part]
    joined = pc.binary_join_element_wise(*framed, "")
    sha256 = hashlib.sha256
    return [sha256(text.encode()).hexdigest()[:32] for text in joined.to_pylist()]


def spelled(values: Sequence[object]) -> pa.Array:
    """Python's own spelling of values, as `labeling.identity.content_id` hashes them."""
    return pa.array([repr(value) for value in values], pa.string())

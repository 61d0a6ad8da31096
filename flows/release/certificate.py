"""The certificate of a release: groups, what made them, crossings, and the nearest pair across splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from curation.splits import LargeGroup, Linked, nearest_across_splits

MOST_COMPARED = 60_000
"""Above this number of photos every pair would take minutes; the certificate then says that it did not look."""


def certificate_of(
    photos: pa.Table,
    linked: Sequence[Linked],
    large: Sequence[LargeGroup],
    fingerprints: Mapping[str, pa.Table],
) -> dict[str, Any]:
    """What proves that no group of photos lies in two splits.

    Parameters
    ----------
    photos : pyarrow.Table
        Columns photo_id, split, group_id.
    linked : sequence of Linked
        The links by which photos were tied together; the names in them are not published, their kinds are.
    fingerprints : mapping of method to table
        Columns photo_id and bits.
    """
    split_of = dict(zip(photos["photo_id"].to_pylist(), photos["split"].to_pylist(), strict=True))
    groups = Counter(photos["group_id"].to_pylist())
    crossing_links = _crossing_links(linked, split_of)
    return {
        "photos": photos.num_rows,
        "groups": len(groups),
        "groups_of_two_and_more": sum(size > 1 for size in groups.values()),
        "largest_group": max(groups.values()),
        "splits": dict(sorted(Counter(split_of.values()).items())),
        "links": _links_by_kind(linked, split_of),
        "crossings": len(crossing_links),
        "crossing_kinds": dict(sorted(Counter(link.split(":")[0] for link in crossing_links).items())),
        "large_groups": [
            {"group_id": g.group_id, "photos": g.photos, "share": round(g.share, 4),
             "made_by": dict(sorted(Counter(link.split(":")[0] for link, _ in g.made_by).items()))}
            for g in large
        ],
        "nearest_across_splits": {
            method: _nearest(table, split_of) for method, table in sorted(fingerprints.items())
        },
    }  # fmt: skip


def _crossing_links(linked: Sequence[Linked], split_of: Mapping[str, str]) -> list[str]:
    """Links that tie released photos of different splits: found from the links alone, not from the groups."""
    splits: dict[str, set[str]] = {}
    for photo in linked:
        if photo.photo_id in split_of:
            for link in photo.links:
                splits.setdefault(link, set()).add(split_of[photo.photo_id])
    return sorted(link for link, found in splits.items() if len(found) > 1)


def _links_by_kind(linked: Sequence[Linked], split_of: Mapping[str, str]) -> dict[str, int]:
    """How many links of each kind tie two and more released photos."""
    sizes = Counter(link for photo in linked if photo.photo_id in split_of for link in photo.links)
    return dict(sorted(Counter(link.split(":")[0] for link, size in sizes.items() if size > 1).items()))


def _nearest(table: pa.Table, split_of: Mapping[str, str]) -> dict[str, Any]:
    names = table["photo_id"].to_pylist()
    if len(names) > MOST_COMPARED:
        return {"photos": len(names), "distance_bits": None, "note": f"not looked at above {MOST_COMPARED} photos"}
    width = len(table["bits"][0].as_py()) if names else 8
    bits = np.frombuffer(b"".join(table["bits"].to_pylist()), dtype=np.uint8).reshape(-1, width)
    found = nearest_across_splits(names, bits, [split_of[name] for name in names])
    if found is None:
        return {"photos": len(names), "distance_bits": None, "note": "there is only one split"}
    return {
        "photos": len(names),
        "bits": width * 8,
        "distance_bits": found.distance,
        "pair": sorted([found.photo_a, found.photo_b]),
    }

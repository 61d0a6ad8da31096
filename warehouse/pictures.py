"""Canonical pictures in shards of one data file each, so that a shard reads its own file and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.delta import Table


@dataclass(frozen=True)
class PictureShard:
    """Photos whose pictures lie in one data file.

    Parameters
    ----------
    file : str
        The data file, as the table names it.
    photo_ids : tuple of str
        In order.
    """

    file: str
    photo_ids: tuple[str, ...]


def picture_shards(table: Table, version: str, wanted: Collection[str], rows: int) -> list[PictureShard]:
    """Divide wanted photos into shards of at most `rows` photos, by the file that holds their picture."""
    left = set(wanted)
    shards = []
    dataset = table.dataset()
    for fragment in dataset.get_fragments():
        # The table's schema, since the types in a file depend on who wrote it (Delta's own delete writes views).
        rows_of_version = pc.field("version") == version
        ids = fragment.to_table(schema=dataset.schema, columns=["photo_id"], filter=rows_of_version)["photo_id"]
        here = sorted(left.intersection(ids.to_pylist()))
        left.difference_update(here)
        shards += [PictureShard(fragment.path, tuple(here[k : k + rows])) for k in range(0, len(here), rows)]
    return sorted(shards, key=lambda shard: shard.photo_ids)


def read_pictures(table: Table, version: str, shard: PictureShard, rows: int = 128) -> Iterator[tuple[str, bytes]]:
    """The shard's pictures as (photo_id, JPEG bytes), `rows` at a time in memory."""
    dataset = table.dataset()
    chosen = (pc.field("version") == version) & pc.field("photo_id").isin(pa.array(shard.photo_ids))
    # After a compaction the file may be gone: then the whole table is looked through.
    sources = [fragment for fragment in dataset.get_fragments() if fragment.path == shard.file]
    for source in sources or list(dataset.get_fragments()):
        batches = source.to_batches(
            schema=dataset.schema,
            columns=["photo_id", "bytes"],
            filter=chosen,
            batch_size=rows,
            batch_readahead=2,
            fragment_readahead=1,
        )
        for batch in batches:
            yield from zip(batch["photo_id"].to_pylist(), batch["bytes"].to_pylist(), strict=True)

"""Canonical pictures in shards of one data file each, so that a shard reads its own file and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

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
    for fragment in table.dataset().get_fragments():
        ids = fragment.to_table(columns=["photo_id"], filter=pc.field("version") == version)["photo_id"]
        here = sorted(left.intersection(ids.to_pylist()))
        left.difference_update(here)
        shards += [PictureShard(fragment.path, tuple(here[k : k + rows])) for k in range(0, len(here), rows)]
    return sorted(shards, key=lambda shard: shard.photo_ids)


def read_pictures(table: Table, version: str, shard: PictureShard, rows: int = 128) -> Iterator[tuple[str, bytes]]:
    """The shard's pictures as (photo_id, JPEG bytes), `rows` at a time in memory."""
    dataset = table.dataset()
    chosen = (pc.field("version") == version) & pc.field("photo_id").isin(pa.array(shard.photo_ids))
    # After a compaction the file may be gone: then the whole table is looked through.
    sources: list[pads.Dataset | pads.Fragment] = [f for f in dataset.get_fragments() if f.path == shard.file]
    for source in sources or [dataset]:
        batches = source.to_batches(
            columns=["photo_id", "bytes"], filter=chosen, batch_size=rows, batch_readahead=2, fragment_readahead=1
        )
        for batch in batches:
            yield from zip(batch["photo_id"].to_pylist(), batch["bytes"].to_pylist(), strict=True)

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
    with table.in_words():
        return _shards(table, version, set(wanted), rows)


def _shards(table: Table, version: str, left: set[str], rows: int) -> list[PictureShard]:
    shards = []
    for fragment in table.dataset().get_fragments():
        known = fragment.to_table(columns=["photo_id", "version"])
        # Types are the table's only after a cast, and filters are ours: after one of Delta's own deletes, files
        # and their statistics hold string views, which pyarrow does not compare with strings.
        versions = known["version"].cast(pa.string())
        ids = known["photo_id"].cast(pa.string()).filter(pc.equal(versions, version))
        here = sorted(left.intersection(ids.to_pylist()))
        left.difference_update(here)
        shards += [PictureShard(fragment.path, tuple(here[k : k + rows])) for k in range(0, len(here), rows)]
    return sorted(shards, key=lambda shard: shard.photo_ids)


def read_pictures(table: Table, version: str, shard: PictureShard, rows: int = 128) -> Iterator[tuple[str, bytes]]:
    """The shard's pictures as (photo_id, JPEG bytes), `rows` at a time in memory."""
    with table.in_words():
        yield from _pictures(table, version, shard, rows)


def _pictures(table: Table, version: str, shard: PictureShard, rows: int) -> Iterator[tuple[str, bytes]]:
    wanted = pa.array(shard.photo_ids, pa.string())
    fragments = list(table.dataset().get_fragments())
    # After a compaction the file may be gone: then the whole table is looked through.
    for source in [fragment for fragment in fragments if fragment.path == shard.file] or fragments:
        batches = source.to_batches(
            columns=["photo_id", "version", "bytes"], batch_size=rows, batch_readahead=2, fragment_readahead=1
        )
        for batch in batches:
            ids, versions = batch["photo_id"].cast(pa.string()), batch["version"].cast(pa.string())
            chosen = pc.and_(pc.is_in(ids, value_set=wanted), pc.equal(versions, version))
            found = batch["bytes"].cast(pa.binary()).filter(chosen)
            yield from zip(ids.filter(chosen).to_pylist(), found.to_pylist(), strict=True)

"""The pictures of a version: from the originals, or from a version that is about to be withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from curation.published import SUFFIXES, Promise, Rendering, published
from flows.progress import Tracker, track
from schemas.codes import Split
from schemas.errors import BadInput, IntegrityFault
from schemas.settings.publish import PublishSettings
from warehouse.releases.originals import Originals
from warehouse.releases.parquet import IMAGE, SplitWriter
from warehouse.releases.shelf import pictures_of

SPLITS = tuple(str(split) for split in Split)
Wanted = Sequence[tuple[str, Promise]]
"""Photo_ids, each with what was promised of its published bytes."""


class Pictures(Protocol):
    """Published bytes of photos, in the order asked for; or the fault of each that cannot be had."""

    def of(self, split: str, wanted: Wanted) -> Iterator[tuple[str, bytes | IntegrityFault | BadInput]]:
        """The pictures of one split."""
        ...


@dataclass(frozen=True)
class FromOriginals:
    """Originals, read again, their metadata removed.

    Parameters
    ----------
    sizes, orientations : mappings of photo_id to int
        Bytes of the files and their EXIF orientation, as ingest found them; what is missing is looked up.
    """

    originals: Originals
    how: Rendering
    sizes: Mapping[str, int] = field(default_factory=dict)
    orientations: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def known(cls, originals: Originals, how: Rendering, photos: pa.Table) -> FromOriginals:
        """With what the rows of `inputs/photos.parquet` say of the files."""
        columns = ("photo_id", "source_bytes", "source_orientation")
        rows = list(zip(*(photos[c].to_pylist() for c in columns), strict=True))
        return cls(originals, how, {p: size for p, size, _ in rows if size}, {p: turn for p, _, turn in rows if turn})

    def of(self, split: str, wanted: Wanted) -> Iterator[tuple[str, bytes | IntegrityFault | BadInput]]:
        """Read ahead by threads; checked against their ids and against what was promised."""
        promises = dict(wanted)
        for photo_id, data in self.originals.read_all(list(promises), self.sizes):
            if isinstance(data, IntegrityFault):
                yield photo_id, data
                continue
            name, orientation = self.originals.name_of(photo_id), self.orientations.get(photo_id)
            try:
                yield photo_id, published(data, name, promises[photo_id], self.how, orientation)
            except BadInput as fault:
                yield photo_id, fault


@dataclass(frozen=True)
class FromVersion:
    """The published bytes of an earlier version, as they are: they need no original."""

    folder: Path

    def of(self, split: str, wanted: Wanted) -> Iterator[tuple[str, bytes | IntegrityFault | BadInput]]:
        """Both are in the order of first release."""
        there = pictures_of(self.folder, split)
        for photo_id, _ in wanted:
            data = next((data for found, data in there if found == photo_id), None)
            if data is None:
                raise IntegrityFault(f"{self.folder}: photo {photo_id[:12]} is not in its data/{split} files.")
            yield photo_id, data


@dataclass(frozen=True)
class Shards:
    """What was written of every split that has rows: number of rows, and bytes of pictures; faults by photo_id,
    and the SHA-256 of every file."""

    rows: dict[str, int]
    bytes: dict[str, int]
    faults: dict[str, str]
    sums: dict[Path, str]


def write_shards(folder: Path, default: pa.Table, settings: PublishSettings, pictures: Pictures) -> Shards:
    """Write the rows of `default` with their pictures; those that cannot be had are left out and named.

    Parameters
    ----------
    default : pyarrow.Table
        Rows with a column `image` that is empty so far.
    """
    plain = default.drop_columns([IMAGE])
    done = Shards({}, {}, {}, {})
    with track("pictures", plain.num_rows) as progress:
        for split in SPLITS:
            part = plain.filter(pc.equal(plain["split"], split))
            if not part.num_rows:
                continue
            writer = SplitWriter(
                folder,
                split,
                default.schema,
                row_group_bytes=settings.row_group_mb * 1_000_000,
                shard_bytes=settings.shard_mb * 1_000_000,
                plain=part,
            )
            try:
                done.bytes[split] = _write_split(writer, list(_promises(part)), split, pictures, done, progress)
                done.sums.update(writer.close())
            finally:
                writer.abandon()
            if writer.rows:
                done.rows[split] = writer.rows
    return Shards(done.rows, {split: done.bytes[split] for split in done.rows}, done.faults, done.sums)


def _write_split(
    writer: SplitWriter, wanted: Wanted, split: str, pictures: Pictures, done: Shards, progress: Tracker
) -> int:
    """Write the pictures of one split; returns their bytes."""
    size = 0
    for number, (photo_id, data) in enumerate(pictures.of(split, wanted)):
        if not isinstance(data, bytes):
            done.faults[photo_id] = str(data)
            continue
        writer.add_picture(number, data, f"{photo_id}.{SUFFIXES[wanted[number][1].format]}")
        size += len(data)
        progress.advance(size=len(data))
    return size


def _promises(part: pa.Table) -> Iterable[tuple[str, Promise]]:
    columns = (part[name].to_pylist() for name in ("photo_id", "format", "image_kind", "width", "height"))
    for photo_id, *promise in zip(*columns, strict=True):
        yield photo_id, Promise(*promise)

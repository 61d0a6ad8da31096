"""Looking at proposed pairs: canonical pictures are read once, file by file, and compared pair by pair."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from curation.canonical import VERSION as PICTURE_VERSION
from curation.duplicates.comparison import LOOK, Comparison, compare
from curation.duplicates.looks import CHROMA_SIDE, SIDE, Look, in_form
from curation.duplicates.proposals import REFLECTIONS
from curation.fingerprints import Form
from flows.context import Run
from flows.deduplication.candidates import Candidate
from flows.embedders import cores
from schemas.codes import Relation
from schemas.errors import IntegrityFault
from schemas.photos import PICTURES, DuplicatePair
from schemas.settings import DedupeSettings
from warehouse.pictures import picture_shards, read_pictures

GRAY_BYTES = SIDE * SIDE
LOOK_BYTES = GRAY_BYTES + 2 * CHROMA_SIDE * CHROMA_SIDE
DIFFERENT = "different"


class LookShelf:
    """The looks of many photos, in a file that the system pages in and out: 17 kB a photo, not in memory."""

    def __init__(self, folder: str, capacity: int) -> None:
        self._rows = np.memmap(Path(folder) / "looks", dtype=np.uint8, mode="w+", shape=(max(1, capacity), LOOK_BYTES))
        self._places: dict[str, int] = {}

    def put(self, photo_id: str, look: Look) -> None:
        """Keep a look."""
        row = self._rows[self._places.setdefault(photo_id, len(self._places))]
        row[:GRAY_BYTES] = look.gray.ravel()
        row[GRAY_BYTES:] = look.chroma.ravel()

    def __getitem__(self, photo_id: str) -> Look:
        row = self._rows[self._places[photo_id]]
        return Look(row[:GRAY_BYTES].reshape(SIDE, SIDE), row[GRAY_BYTES:].reshape(CHROMA_SIDE, CHROMA_SIDE, 2))

    def __contains__(self, photo_id: str) -> bool:
        return photo_id in self._places


@contextmanager
def shelf_of(run: Run, photo_ids: Collection[str]) -> Iterator[LookShelf]:
    """The looks of these photos, while the block runs; their pictures are read once."""
    table = run.warehouse.table(PICTURES)
    with tempfile.TemporaryDirectory(prefix="salon-looks-") as folder, ThreadPoolExecutor(cores()) as pool:
        shelf = LookShelf(folder, len(photo_ids))
        for shard in picture_shards(table, PICTURE_VERSION, photo_ids, run.settings.dedupe.shard):
            batch: list[tuple[str, bytes]] = []
            for entry in read_pictures(table, PICTURE_VERSION, shard):
                batch.append(entry)
                if len(batch) == 64:
                    _shelve(shelf, batch, pool)
                    batch = []
            _shelve(shelf, batch, pool)
        missing = [photo for photo in photo_ids if photo not in shelf]
        if missing:
            raise IntegrityFault(
                f"table pictures: {len(missing):,} photos have fingerprints and no canonical picture "
                f"({PICTURE_VERSION}), such as {missing[0]}. Run `salon ingest --recheck` on their source."
            )
        yield shelf


def _shelve(shelf: LookShelf, batch: Sequence[tuple[str, bytes]], pool: ThreadPoolExecutor) -> None:
    for (photo, _), look in zip(batch, pool.map(lambda entry: Look.of(entry[1]), batch), strict=True):
        shelf.put(photo, look)


def look_at(shelf: LookShelf, pairs: Sequence[Candidate], settings: DedupeSettings) -> list[DuplicatePair]:
    """The rows of `duplicate_pairs` for proposed pairs."""
    return [_row(pair, _compared(shelf, pair), settings) for pair in pairs]


def _compared(shelf: LookShelf, pair: Candidate) -> Comparison:
    second = shelf[pair.photo_b]
    return compare(shelf[pair.photo_a], in_form(second, Form(pair.form)) if pair.form else second)


def _row(pair: Candidate, seen: Comparison, settings: DedupeSettings) -> DuplicatePair:
    verified = is_same(seen.measure, seen.agreeing, settings)
    return DuplicatePair(
        photo_a=pair.photo_a,
        photo_b=pair.photo_b,
        method=pair.method,
        distance=pair.distance,
        verified=verified,
        measure=round(seen.measure, 4),
        relation=str(relation_of(pair.form)) if verified else DIFFERENT,
        agreeing=round(seen.agreeing, 4),
        form=pair.form,
        look=LOOK,
    )


def is_same(measure: float, agreeing: float | None, settings: DedupeSettings) -> bool:
    """Whether the second look's figures say that two pictures are the same photograph."""
    return measure >= settings.least_measure and (agreeing is None or agreeing >= settings.least_agreeing)


def relation_of(form: str | None) -> Relation:
    """Near, mirrored or turned."""
    if form is None or form == Form.UPRIGHT:
        return Relation.NEAR
    return Relation.MIRROR if Form(form) in REFLECTIONS else Relation.TURNED

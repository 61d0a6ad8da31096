"""A shard of ingest: rows that are gathered, then committed table by table.

Whatever moment a run is killed at, the next one mends it: a file counts as known only by its row in
``sightings``, which is written last, and all other rows are inserted by key, so that writing them again
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import TypeVar

from curation.blocklist import BlockList
from curation.examination import Examined, Refused
from flows.ingest_job import Answer
from flows.ingest_listing import Written
from flows.worker_process import Done, Failed
from schemas.codes import QuarantineReason
from schemas.photos import (
    FINGERPRINTS,
    PHOTOS,
    PICTURES,
    QUARANTINE,
    Fingerprint,
    Photo,
    Picture,
    Quarantined,
    Sighting,
)
from schemas.properties import PROPERTIES, Properties
from warehouse.insertion import Insertion
from warehouse.sources.entries import Content, Entry
from warehouse.sources.renewal import drop_refusals, insert_sightings
from warehouse.store import Warehouse

T = TypeVar("T")

PICTURE_BYTES_HELD = 16_000_000
"""Pictures wait in memory up to this size, then they are written to a file that the shard's commit takes in."""

REASON_OF_FAILURE = {
    "crashed": QuarantineReason.CRASHED,
    "timeout": QuarantineReason.TIMEOUT,
    "memory": QuarantineReason.BOMB,
    "error": QuarantineReason.CRASHED,
}


@dataclass
class Shard:
    """Rows of some thousand files.

    Parameters
    ----------
    warehouse : Warehouse
        Where they are committed.
    keep_locations : bool
        Keep latitude and longitude.
    blocked : BlockList
        What was taken down and stays out.
    second_look : bool
        Files are looked at that the warehouse knew: refusals that no longer hold are dropped.
    """

    warehouse: Warehouse
    keep_locations: bool = False
    second_look: bool = False
    blocked: BlockList = field(default_factory=BlockList)
    photos: list[tuple[int, Photo]] = field(default_factory=list)
    """With the place in the listing: of several files with the same bytes the first one listed names the photo."""
    sightings: list[Sighting] = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)
    properties: list[Properties] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    """Those that wait in memory."""

    def __post_init__(self) -> None:
        self._written_pictures = Insertion(self.warehouse.table(PICTURES))
        self._waiting_bytes = 0

    @property
    def files(self) -> int:
        """Files in it, photos or not."""
        return len(self.sightings) + len(self.quarantined)

    def add(self, entry: Entry, result: Done | Failed, place: int) -> int:
        """Take in the result of one entry, that was listed at this place; returns the bytes that were read for it."""
        now = datetime.now(UTC)
        if isinstance(result, Failed):
            self._refuse(entry, Refused(REASON_OF_FAILURE[result.why], result.detail), None, now)
            return max(entry.size, 0)
        answer: Answer = result.value
        if isinstance(answer.found, Refused):
            self._refuse(entry, answer.found, answer.content, now)
        else:
            self._accept(entry, answer.found, answer.content, now, place)
        return answer.read

    def _refuse(self, entry: Entry, refused: Refused, content: Content | None, now: datetime) -> None:
        self.quarantined.append(
            Quarantined(
                uri=entry.uri,
                size=_known(content.size if content else None, entry.size),
                modified_at=_known(content.modified_at if content else None, entry.modified_at),
                reason=refused.reason,
                detail=refused.detail,
                photo_id=refused.photo_id,
                seen_at=now,
            )
        )

    def _accept(self, entry: Entry, found: Examined, content: Content | None, now: datetime, place: int) -> None:
        why = self.blocked.why(found.photo_id, found.fingerprints.by_method())
        if why:
            self._refuse(entry, Refused(QuarantineReason.TAKEN_DOWN, why), content, now)
            return
        self.photos.append((place, photo_row(entry, found, now, self.keep_locations)))
        self.sightings.append(
            Sighting(
                uri=entry.uri,
                photo_id=found.photo_id,
                file_name=entry.file_name,
                source=entry.source,
                size=_known(content.size if content else None, entry.size),
                modified_at=_known(content.modified_at if content else None, entry.modified_at),
                etag=entry.etag,
                license=entry.license,
                photographer=entry.photographer,
                seen_at=now,
            )
        )
        self.pictures.append(found.picture)
        self._waiting_bytes += len(found.picture.bytes)
        if self._waiting_bytes >= PICTURE_BYTES_HELD:
            self._write_pictures()
        self.properties.append(found.properties)
        self.prints += [
            Fingerprint(photo_id=found.photo_id, method=method, bits=bits)
            for method, bits in found.fingerprints.by_method().items()
        ]

    def _write_pictures(self) -> None:
        if self.pictures:
            self._written_pictures.add(self.pictures)
        self.pictures, self._waiting_bytes = [], 0

    def discard(self) -> None:
        """The shard will not be committed: what it has written already is removed."""
        self._written_pictures.discard()

    def write(self) -> Written:
        """Commit: what depends on photos first, what says that a file is done last; the same again changes nothing."""
        warehouse = self.warehouse
        self._write_pictures()
        self._written_pictures.commit()
        warehouse.table(FINGERPRINTS).insert(self.prints)
        warehouse.table(PROPERTIES).insert(self.properties)
        written = Written(
            photos=warehouse.table(PHOTOS).insert(photo for _, photo in sorted(self.photos, key=itemgetter(0))),
            quarantined=warehouse.table(QUARANTINE).insert(self.quarantined),
            sightings=insert_sightings(warehouse, self.sightings),
        )
        if self.second_look:
            drop_refusals(warehouse, self.sightings, self.quarantined)
        return written


def _known(at_reading: T | None, as_listed: T) -> T:
    return as_listed if at_reading is None else at_reading


def photo_row(entry: Entry, found: Examined, now: datetime, keep_locations: bool) -> Photo:
    """The row of ``photos``; what the source says of licence and photographer goes before the file's own words."""
    facts = found.facts
    return Photo(
        photo_id=found.photo_id,
        uri=entry.uri,
        source=entry.source,
        format=found.format,
        bytes=found.size,
        width=found.width,
        height=found.height,
        mode=found.mode,
        orientation=found.orientation,
        icc_profile=found.icc_profile,
        has_gps=facts.has_gps,
        captured_at=facts.captured_at,
        captured_offset_minutes=facts.captured_offset_minutes,
        camera_make=facts.camera_make,
        camera_model=facts.camera_model,
        lens=facts.lens,
        focal_length_mm=facts.focal_length_mm,
        f_number=facts.f_number,
        exposure_s=facts.exposure_s,
        iso=facts.iso,
        photographer=entry.photographer or facts.photographer,
        copyright=facts.copyright,
        license=entry.license or facts.license,
        star_rating=facts.star_rating,
        has_gain_map=found.has_gain_map,
        opt_out=facts.opt_out,
        digital_source_type=facts.digital_source_type,
        latitude=facts.latitude if keep_locations else None,
        longitude=facts.longitude if keep_locations else None,
        warnings=[str(warning) for warning in found.warnings],
        simulated=False,
        ingested_at=now,
    )

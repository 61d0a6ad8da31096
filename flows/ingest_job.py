"""What a worker process does with one listed file: read it once, take everything from it."""

from __future__ import annotations

from dataclasses import dataclass

from curation.examination import Examined, Refused, Wanted, examine
from schemas.codes import QuarantineReason
from schemas.settings.ingest import CopyRule
from warehouse.filesystem import Location
from warehouse.sources.copies import keep_copy
from warehouse.sources.entries import Content, Entry, Unreadable


@dataclass(frozen=True)
class Answer:
    """What became of one entry.

    Parameters
    ----------
    found : Examined or Refused
    content : Content, optional
        Without its bytes: size and time as they were when it was read.
    read : int
        Bytes that were read.
    """

    found: Examined | Refused
    content: Content | None = None
    read: int = 0


@dataclass(frozen=True)
class Job:
    """The work on one entry, sent to each worker process once.

    Parameters
    ----------
    wanted : Wanted
        What is taken from a file.
    most_bytes : int
        Larger files are not read.
    copies : CopyRule
        Whose bytes are copied into the warehouse.
    location : Location, optional
        The warehouse, for copies.
    """

    wanted: Wanted
    most_bytes: int
    copies: CopyRule = CopyRule.NEVER
    location: Location | None = None

    def prepare(self) -> None:
        """Load the compiled measures before the memory limit is set, and before the first file's time runs."""
        from curation.warm_up import warm_up

        warm_up(self.wanted)

    def __call__(self, entry: Entry) -> Answer:
        """Read and examine; the content comes back without its bytes."""
        if entry.refused is not None:
            return Answer(Refused(entry.refused.reason, entry.refused.detail))
        if entry.address is None:
            return Answer(Refused(QuarantineReason.UNREADABLE, "the source gives no way to read it"))
        try:
            content = entry.address.read(self.most_bytes)
        except Unreadable as error:
            return Answer(Refused(error.reason, error.detail))
        found = examine(content.data, entry.file_name, self.wanted, content.sidecar)
        if isinstance(found, Examined) and self.location is not None and self._copied(entry):
            keep_copy(self.location, found.photo_id, content.data)
        return Answer(found, Content(b"", content.size, content.modified_at), len(content.data))

    def _copied(self, entry: Entry) -> bool:
        return self.copies is CopyRule.ALWAYS or (self.copies is CopyRule.NEEDED and not entry.permanent)

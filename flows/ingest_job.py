"""What a worker process does with one listed file: read it once, take everything from it."""

from __future__ import annotations

from dataclasses import dataclass

from curation.examination import Examined, Refused, Wanted, examine
from warehouse.sources.entries import Content, Entry, Unreadable


@dataclass(frozen=True)
class Answer:
    """What became of one entry; size and time as they were when it was read."""

    found: Examined | Refused
    content: Content | None = None


@dataclass(frozen=True)
class Job:
    """The work on one entry, sent to each worker process once.

    Parameters
    ----------
    wanted : Wanted
        What is taken from a file.
    most_bytes : int
        Larger files are not read.
    """

    wanted: Wanted
    most_bytes: int

    def prepare(self) -> None:
        """Load the compiled measures before the memory limit is set, and before the first file's time runs."""
        from curation.warm_up import warm_up

        warm_up(self.wanted)

    def __call__(self, entry: Entry) -> Answer:
        """Read and examine; the content comes back without its bytes."""
        if entry.refused is not None or entry.address is None:
            refusal = entry.refused
            return Answer(Refused(refusal.reason, refusal.detail) if refusal else Refused("unreadable", "no address"))
        try:
            content = entry.address.read(self.most_bytes)
        except Unreadable as error:
            return Answer(Refused(error.reason, error.detail))
        found = examine(content.data, entry.file_name, self.wanted)
        return Answer(found, Content(b"", content.size, content.modified_at))

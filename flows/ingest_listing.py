"""Ingest's first half: what sources list, and which of it the warehouse does not know.

It imports nothing that decodes, so that a command which finds nothing new ends at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from flows.context import Run
from flows.outcome import Outcome
from flows.progress import Tracker
from schemas.codes import QuarantineReason
from schemas.errors import WrongUse
from warehouse.sources.entries import Entry, Source
from warehouse.sources.known import unknown_entries
from warehouse.sources.opening import SourceKind, open_sources
from warehouse.sources.web import WebManners

MEGABYTE = 1_000_000
MOST_LOOKED_AT = 300_000
"""Files that are listed before Prefect is started, only to see whether it is needed: a second or two."""


@dataclass(frozen=True)
class Choice:
    """What a run of ingest looks at beyond what is new.

    Parameters
    ----------
    recheck : bool
        Read again what is known already.
    retry : sequence of str
        Reasons of the quarantine; files that lie there for one of them are tried again.
    """

    recheck: bool = False
    retry: Sequence[str] = ()


def checked_reasons(texts: Sequence[str]) -> list[str]:
    """Codes of the quarantine, as a person typed them: one by one or joined by commas."""
    reasons = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    wrong = sorted(set(reasons) - {str(code) for code in QuarantineReason})
    if wrong:
        known = ", ".join(QuarantineReason)
        raise WrongUse(f"--retry {', '.join(wrong)}: no reason of the quarantine; there are {known}.")
    return reasons


@dataclass(frozen=True)
class Written:
    """What a commit added."""

    photos: int = 0
    sightings: int = 0
    quarantined: int = 0


@dataclass
class Totals:
    """What a run has done so far."""

    began: float = field(default_factory=time.monotonic)
    listed: int = 0
    known: int = 0
    pending: int = 0
    files: int = 0
    bytes: int = 0
    written: Written = field(default_factory=Written)

    def add(self, written: Written) -> None:
        """A shard was committed."""
        self.written = Written(
            photos=self.written.photos + written.photos,
            sightings=self.written.sightings + written.sightings,
            quarantined=self.written.quarantined + written.quarantined,
        )

    def outcome(self, opened: Iterable[Source]) -> Outcome:
        """Counts and notes for people."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        counts: dict[str, int | float | str] = {
            "listed": self.listed,
            "known already": self.known,
            "new photos": self.written.photos,
            "new sightings": self.written.sightings,
            "quarantined": self.written.quarantined,
        }
        if self.files:
            counts["photos/s"] = round(self.files / seconds, 1)
            counts["MB/s"] = round(self.bytes / MEGABYTE / seconds, 1)
        ignored: dict[str, int] = {}
        for source in opened:
            for ending, number in source.ignored().items():
                ignored[ending] = ignored.get(ending, 0) + number
        notes = []
        if ignored:
            text = ", ".join(f"{number} {ending}" for ending, number in sorted(ignored.items()))
            notes.append(f"Passed over by their names: {text}.")
        if self.written.quarantined:
            notes.append("Why files were refused: salon sql 'SELECT reason, uri, detail FROM quarantine'.")
        return Outcome(stage="ingest", counts=counts, notes=tuple(notes))


def pending(run: Run, opened: Iterable[Source], choice: Choice, totals: Totals, tracker: Tracker) -> Iterator[Entry]:
    """Entries that have to be looked at."""
    for source in opened:
        for listed, fresh in unknown_entries(
            run.warehouse, source, choice.recheck, choice.retry, run.settings.ingest.properties
        ):
            totals.listed += listed
            totals.known += listed - len(fresh)
            totals.pending += len(fresh)
            tracker.total(totals.pending)
            yield from fresh


def refuse_empty(totals: Totals, opened: Iterable[Source]) -> None:
    """Raise WrongUse where the sources list nothing at all."""
    if not totals.listed:
        raise WrongUse(f"{', '.join(source.name for source in opened)}: no file there that could be a photo.")


def nothing_new(run: Run, texts: Sequence[str], kind: SourceKind | None = None) -> Outcome | None:
    """The outcome of an ingest that finds nothing new; None where it finds something, or would list for long."""
    totals = Totals()
    opened = sources_of(run, texts, kind)
    for source in opened:
        for listed, fresh in unknown_entries(run.warehouse, source, False, (), run.settings.ingest.properties):
            totals.listed += listed
            totals.known += listed
            if fresh or totals.listed > MOST_LOOKED_AT:
                return None
    refuse_empty(totals, opened)
    return totals.outcome(opened)


def sources_of(run: Run, texts: Sequence[str], kind: SourceKind | None = None) -> list[Source]:
    """The sources that a person named; raises WrongUse where one is not there."""
    settings = run.settings.ingest
    manners = WebManners(
        seconds=settings.web_timeout_s,
        tries=settings.web_tries,
        private_addresses=settings.web_private_addresses,
        refused_words=tuple(settings.web_opt_out),
    )
    return [source for text in texts for source in open_sources(text, kind, manners)]

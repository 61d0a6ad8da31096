"""Ingest without Prefect: listing, skipping what is known, the workers, the shards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from curation.blocklist import BlockList
from curation.decoding.decode import DecodingLimits
from curation.examination import Wanted
from flows.context import Run
from flows.ingest_job import Answer, Job
from flows.ingest_shards import Shard, Written
from flows.outcome import Outcome
from flows.progress import Tracker
from flows.worker_pool import WorkerLimits, WorkerPool
from schemas.codes import QuarantineReason
from schemas.errors import WrongUse
from schemas.releases import BLOCKLIST
from schemas.settings import IngestSettings
from warehouse.sources.entries import Entry, Source
from warehouse.sources.known import unknown_entries
from warehouse.sources.opening import SourceKind, open_sources
from warehouse.sources.web import WebManners

MEGABYTE = 1_000_000


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


def take_in(
    run: Run,
    opened: Sequence[Source],
    choice: Choice,
    commit: Callable[[Shard], Written],
    tracker: Tracker,
    job: Callable[[Entry], Answer] | None = None,
) -> Totals:
    """Take in what the sources list and the warehouse does not know; raises WrongUse where they list nothing.

    Parameters
    ----------
    run : Run
    opened : sequence of Source
    choice : Choice
    commit : callable
        Writes a shard.
    tracker : Tracker
    job : callable, optional
        The workers' work on one entry; what the settings say by default.
    """
    settings = run.settings.ingest
    totals = Totals()
    entries = _pending(run, opened, choice, totals, tracker)
    second_look = choice.recheck or bool(choice.retry)
    blocked = BlockList.of(run.warehouse.table(BLOCKLIST).read(["content_hash", "bits"]).to_pylist())
    for shard in _shards(job or job_of(run), settings, second_look, blocked, entries, totals, tracker):
        totals.add(commit(shard))
    if not totals.listed:
        raise WrongUse(f"{', '.join(source.name for source in opened)}: no file there that could be a photo.")
    return totals


def checked_reasons(texts: Sequence[str]) -> list[str]:
    """Codes of the quarantine, as a person typed them: one by one or joined by commas."""
    reasons = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    wrong = sorted(set(reasons) - {str(code) for code in QuarantineReason})
    if wrong:
        known = ", ".join(QuarantineReason)
        raise WrongUse(f"--retry {', '.join(wrong)}: no reason of the quarantine; there are {known}.")
    return reasons


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


def _pending(run: Run, opened: Iterable[Source], choice: Choice, totals: Totals, tracker: Tracker) -> Iterator[Entry]:
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


def _shards(
    job: Callable[[Entry], Answer],
    settings: IngestSettings,
    second_look: bool,
    blocked: BlockList,
    entries: Iterator[Entry],
    totals: Totals,
    tracker: Tracker,
) -> Iterator[Shard]:
    """Shards as they fill up, from results in the order in which they are ready; nothing starts without work."""
    first = next(entries, None)
    if first is None:
        return
    shard = Shard(settings.keep_locations, second_look, blocked)
    limits = WorkerLimits(settings.timeout_s, settings.memory_mb * MEGABYTE)
    with WorkerPool(job, settings.workers, limits) as pool:
        for entry, result in pool.run(chain([first], entries)):
            size = shard.add(entry, result)
            totals.files += 1
            totals.bytes += size
            refused = totals.written.quarantined + len(shard.quarantined)
            tracker.advance(1, size=size, quarantined=refused)
            if shard.is_full(settings.shard):
                yield shard
                shard = Shard(settings.keep_locations, second_look, blocked)
    if shard.files:
        yield shard


def job_of(run: Run) -> Job:
    """The workers' job under a warehouse's settings."""
    settings = run.settings.ingest
    limits = DecodingLimits(
        max_pixels=settings.max_megapixels * 1_000_000, min_side=settings.min_side, animated=settings.animated
    )
    wanted = Wanted(limits, settings.properties, settings.respect_opt_out)
    return Job(wanted, settings.max_megabytes * MEGABYTE, settings.copies, run.warehouse.location)


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

"""Ingest without Prefect: the workers and the shards; `flows.ingest_listing` says what they are given."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from curation.blocklist import BlockList
from curation.decoding.decode import DecodingLimits
from curation.examination import Wanted
from flows.context import Run
from flows.ingest_job import Answer, Job
from flows.ingest_listing import MEGABYTE, Choice, Totals, Written, pending, refuse_empty
from flows.ingest_shards import Shard
from flows.progress import Tracker
from flows.worker_pool import WorkerLimits, WorkerPool
from schemas.releases import BLOCKLIST
from schemas.settings import IngestSettings
from warehouse.sources.entries import Entry, Source

PER_CORE, MOST_WAITING = 8, 64
"""Processes per core where bytes come over a network, and how many there are at most."""


def take_in(
    run: Run,
    opened: Sequence[Source],
    choice: Choice,
    commit: Callable[[Shard], Written],
    tracker: Tracker,
    job: Callable[[Entry], Answer] | None = None,
    elsewhere: Elsewhere | None = None,
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
    elsewhere : callable, optional
        Has the entries taken in by other machines, which commit them there; see `flows.ingest_cluster`.
    """
    totals = Totals()
    entries = pending(run, opened, choice, totals, tracker)
    second_look = choice.recheck or bool(choice.retry)
    if elsewhere is not None:
        elsewhere(run, entries, second_look, totals, tracker)
    else:
        for shard in shards(run, job or job_of(run), second_look, entries, totals, tracker):
            totals.add(commit(shard))
    refuse_empty(totals, opened)
    return totals


def shards(
    run: Run,
    job: Callable[[Entry], Answer],
    second_look: bool,
    entries: Iterator[Entry],
    totals: Totals,
    tracker: Tracker,
) -> Iterator[Shard]:
    """Shards as they are complete; nothing starts without work.

    A shard holds entries that were listed one after another, whatever order they are finished in: which of several
    files with the same bytes names their photo must not depend on who was quicker. A shard that is complete does not
    wait for an earlier one, as where a file takes as long as its time limit lets it.
    """
    first = next(entries, None)
    if first is None:
        return
    settings = run.settings.ingest
    blocked = BlockList.of(run.warehouse.table(BLOCKLIST).read(["content_hash", "bits"]).to_pylist())

    places: dict[int, int] = {}  # of the entries that are being worked on

    def numbered() -> Iterator[Entry]:
        for place, entry in enumerate(chain([first], entries)):
            places[id(entry)] = place
            yield entry

    filling: dict[int, Shard] = {}
    limits = WorkerLimits(settings.timeout_s, settings.memory_mb * MEGABYTE)
    try:
        with WorkerPool(job, workers_for(first, settings), limits) as pool:
            for entry, result in pool.run(numbered()):
                place = places.pop(id(entry))
                number = place // settings.shard
                if number not in filling:
                    filling[number] = Shard(run.warehouse, settings.keep_locations, second_look, blocked)
                size = filling[number].add(entry, result, place)
                totals.files += 1
                totals.bytes += size
                refused = totals.written.quarantined + sum(len(shard.quarantined) for shard in filling.values())
                tracker.advance(1, size=size, quarantined=refused)
                if filling[number].files >= settings.shard:
                    yield filling[number]
                    del filling[number]
        for number in sorted(filling):
            yield filling[number]
    finally:
        for shard in filling.values():
            shard.discard()  # of no effect once it is committed


def workers_for(first: Entry, settings: IngestSettings) -> int:
    """How many processes read and decode, by where the first entry is; 0 is one per core."""
    if not first.distant:
        return settings.workers
    cores = settings.workers or len(os.sched_getaffinity(0))
    return settings.distant_workers or max(cores, min(PER_CORE * cores, MOST_WAITING))


Elsewhere = Callable[[Run, Iterator[Entry], bool, Totals, Tracker], None]
"""Takes in entries of a run, with or without a second look, and counts what was done."""


def job_of(run: Run) -> Job:
    """The workers' job under a warehouse's settings."""
    settings = run.settings.ingest
    limits = DecodingLimits(
        max_pixels=settings.max_megapixels * 1_000_000, min_side=settings.min_side, animated=settings.animated
    )
    wanted = Wanted(limits, settings.properties, settings.respect_opt_out)
    return Job(wanted, settings.max_megabytes * MEGABYTE, settings.copies, run.warehouse.location)

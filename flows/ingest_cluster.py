"""Ingest on the nodes of a cluster: portions of the listed entries, each taken in and committed where it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.context import Run
from flows.engine import RayEngine
from flows.ingest_listing import Totals, Written
from flows.ingest_run import job_of, shards
from flows.progress import Tracker, track
from flows.runtime import RETRIES, Sealed
from schemas.settings import Settings
from warehouse.sources.entries import Entry
from warehouse.store import Warehouse


@dataclass(frozen=True)
class Portion:
    """Entries that are taken in together, by whichever machine.

    Parameters
    ----------
    root : str
        The warehouse.
    settings : Settings
        As of the run, whatever stands in another machine's `salon.toml`.
    second_look : bool
        See `Shard`.
    entries : tuple of Entry
    """

    root: str
    settings: Settings
    second_look: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Taken:
    """What became of a portion: files looked at, bytes read, rows written."""

    files: int
    bytes: int
    written: Written


def take_in_on(
    cluster: RayEngine, run: Run, entries: Iterator[Entry], second_look: bool, totals: Totals, tracker: Tracker
) -> None:
    """Have entries taken in by a cluster, and count what was done."""
    for taken in cluster.map(take_portion, _portions(run, entries, second_look)):
        totals.add(taken.written)
        totals.files, totals.bytes = totals.files + taken.files, totals.bytes + taken.bytes
        tracker.advance(taken.files, size=taken.bytes, quarantined=totals.written.quarantined)


def _portions(run: Run, entries: Iterator[Entry], second_look: bool) -> Iterator[Portion]:
    while some := tuple(islice(entries, run.settings.ingest.shard)):
        yield Portion(run.root, run.settings, second_look, some)


@task(name="take in portion", cache_policy=NO_CACHE, **RETRIES)
def take_portion(sealed: Sealed[Portion]) -> Taken:
    """Take in some entries on whichever machine this runs; the same again changes nothing."""
    portion = sealed.content
    own = portion.settings.ingest.workers or max(1, round(portion.settings.run.ray_cpus))
    # The cores that were asked for: the node's others belong to other portions.
    ingest = portion.settings.ingest.model_copy(update={"workers": own})
    settings = portion.settings.model_copy(update={"ingest": ingest})
    run = Run(portion.root, Warehouse.open(portion.root), settings)
    totals = Totals()
    with track("portion", len(portion.entries)) as tracker:
        for shard in shards(run, job_of(run), portion.second_look, iter(portion.entries), totals, tracker):
            totals.add(shard.write())
    return Taken(totals.files, totals.bytes, totals.written)

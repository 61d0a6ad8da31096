"""Dedupe: every pair within the radius, a second look at each, and compact groups with one representative."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.context import Run, open_run
from flows.deduplication.candidates import (
    Candidate,
    candidates,
    mark_compared,
    read_photos,
)
from flows.deduplication.grouping import (
    duplicates_of,
    groups_of,
    read_knowledge,
    store_bursts,
)
from flows.deduplication.neighbours import neighbour_candidates
from flows.deduplication.second_look import LookShelf, look_at, shelf_of
from flows.deduplication.semantic import Alike, alike_among, find_pairs, left_out
from flows.engine import cluster_of
from flows.outcome import Outcome
from flows.progress import track
from flows.reports.duplicates import write_report
from flows.runtime import RETRIES, Sealed, publish_counts
from flows.settled import unless_settled
from schemas.codes import Relation, SemanticPolicy
from schemas.photos import DUPLICATE_PAIRS, DUPLICATES, PHOTOS, Duplicate
from schemas.settings import Settings
from warehouse.store import Warehouse

MOST_ROUNDS = 8
"""Times that a run starts over because photos arrived while it worked."""


@dataclass
class Totals:
    """What a run has done."""

    photos: int = 0
    new: int = 0
    looked: int = 0
    verified: int = 0
    bursts: int = 0
    pairs_alike: int = 0
    alike: Alike = field(default_factory=Alike.none)
    rows: list[Duplicate] = field(default_factory=list)


@flow(name="dedupe", flow_run_name="dedupe {root}")
def dedupe(root: str, report: bool = False) -> Outcome:
    """Find copies and near copies, and choose who stands for each group.

    Parameters
    ----------
    root : str
        The warehouse.
    report : bool
        Write a page to look at as well.
    """
    run = open_run(root)
    if not report and run.settings.dedupe.semantic is SemanticPolicy.OFF:
        return publish_counts(unless_settled(run, "dedupe", {}, lambda: _outcome(run, work(run))))
    # A page needs what was found, also where nothing is new; what is alike depends on vectors, which embed makes.
    totals = work(run)
    files = {"report": str(write_report(run, totals.alike))} if report else {}
    return publish_counts(replace(_outcome(run, totals), files=files))


def work(run: Run) -> Totals:
    """Join, look and group until no photo has arrived meanwhile."""
    totals = Totals()
    for _ in range(MOST_ROUNDS):
        version = run.warehouse.table(PHOTOS).version
        _once(run, totals)
        # Whoever writes the groups last has seen all photos: two runs at once end with the same tables.
        if run.warehouse.table(PHOTOS).version == version:
            break
    return totals


def _once(run: Run, totals: Totals) -> None:
    _join(run, totals)
    totals.pairs_alike += find_pairs(run)
    totals.rows = regroup(run, totals)
    totals.bursts = store_bursts(run)


def _join(run: Run, totals: Totals) -> None:
    """Look at what the join proposes; the words of all photos, gigabytes of them, go when it is done."""
    photos = read_photos(run)
    totals.photos, totals.new = len(photos.ids), totals.new + int(photos.new.sum())
    if photos.new.any():
        look_at_pairs(run, candidates(run, photos), totals)
        mark_compared(run, photos)


# -- the second look -----------------------------------------------------------------------------------
def look_at_pairs(run: Run, pairs: Sequence[Candidate], totals: Totals) -> None:
    """Look at pairs and store what was seen, a shard of pairs in each commit."""
    if not pairs:
        return
    size = run.settings.dedupe.shard
    shards = [pairs[start : start + size] for start in range(0, len(pairs), size)]
    with cluster_of(run) as cluster, track("second look", len(pairs)) as progress:
        orders = (Order(run.root, run.settings, tuple(shard)) for shard in shards)
        for looked, verified in _here(run, shards) if cluster is None else cluster.map(carry_out, orders):
            totals.looked += looked
            totals.verified += verified
            progress.advance(looked, same=verified)


def _here(run: Run, shards: Sequence[Sequence[Candidate]]) -> Iterator[tuple[int, int]]:
    """The shards one after the other, from pictures that are read once for all of them."""
    with shelf_of(run, _shown(shards)) as shelf:

        @task(name="second look", cache_policy=NO_CACHE, **RETRIES)
        def work(sealed: Sealed[Sequence[Candidate]]) -> tuple[int, int]:
            return insert_looks(run, shelf, sealed.content)

        for shard in shards:
            yield work(Sealed(shard))


def _shown(shards: Iterable[Sequence[Candidate]]) -> list[str]:
    return sorted({photo for shard in shards for pair in shard for photo in (pair.photo_a, pair.photo_b)})


@dataclass(frozen=True)
class Order:
    """Pairs for another machine, with all that it needs to know."""

    root: str
    settings: Settings
    pairs: tuple[Candidate, ...]


@task(name="second look", cache_policy=NO_CACHE, **RETRIES)
def carry_out(sealed: Sealed[Order]) -> tuple[int, int]:
    """Look at some pairs on whichever machine this runs; the same again adds nothing."""
    order = sealed.content
    run = Run(order.root, Warehouse.open(order.root), order.settings)
    with shelf_of(run, _shown([order.pairs])) as shelf:
        return insert_looks(run, shelf, order.pairs)


def insert_looks(run: Run, shelf: LookShelf, pairs: Sequence[Candidate]) -> tuple[int, int]:
    """Look at some pairs and insert them; returns how many there were and how many are the same photo."""
    rows = look_at(shelf, pairs, run.settings.dedupe)
    run.warehouse.table(DUPLICATE_PAIRS).insert(rows)
    return len(rows), sum(row.verified for row in rows)


# -- groups --------------------------------------------------------------------------------------------
def regroup(run: Run, totals: Totals) -> list[Duplicate]:
    """Work all groups out from all pairs, looking at pairs that no fingerprint proposed where a group needs it."""
    known = read_knowledge(run)
    groups, wanted = groups_of(known)
    while wanted:
        look_at_pairs(run, neighbour_candidates(known, wanted, run.settings.dedupe), totals)
        known = read_knowledge(run)
        groups, wanted = groups_of(known)
    rows = duplicates_of(known, groups)
    totals.alike = alike_among(run, rows)
    if run.settings.dedupe.semantic is SemanticPolicy.LEAVE_OUT:
        rows = left_out(run, rows, totals.alike)
    run.warehouse.table(DUPLICATES).replace(rows)
    return rows


def _outcome(run: Run, totals: Totals) -> Outcome:
    relations = Counter(row.relation for row in totals.rows)
    groups = relations.pop(str(Relation.REPRESENTATIVE), 0)
    counts: dict[str, int | float | str] = {
        "photos": totals.photos,
        "new photos": totals.new,
        "pairs looked at": totals.looked,
        "verified": totals.verified,
        "groups": groups,
    }
    counts |= {f"{relation} copies": count for relation, count in sorted(relations.items())}
    if run.settings.dedupe.semantic is not SemanticPolicy.OFF:
        counts |= {"new pairs alike": totals.pairs_alike, "groups alike": len(totals.alike.groups)}
    counts |= {"representatives": totals.photos - sum(relations.values()), "bursts": totals.bursts}
    return Outcome(stage="dedupe", counts=counts, again={"new photos": 0, "pairs looked at": 0, "verified": 0})

"""Ingest: what a source lists and the warehouse does not have is read once, decoded once, and committed in shards."""

from __future__ import annotations

from functools import partial

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.context import open_run
from flows.engine import cluster_of
from flows.ingest_cluster import take_in_on
from flows.ingest_listing import Choice, Written, checked_reasons, sources_of
from flows.ingest_run import take_in
from flows.ingest_shards import Shard
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, Sealed, publish_counts
from warehouse.sources.opening import SourceKind


@flow(name="ingest", flow_run_name="ingest {root}")
def ingest(
    root: str,
    sources: list[str],
    recheck: bool = False,
    retry: list[str] | None = None,
    source_kind: str | None = None,
) -> Outcome:
    """Take in the photos of sources.

    Parameters
    ----------
    root : str
        The warehouse.
    sources : list of str
        Folders, files, globs, fsspec addresses, lists of addresses, tar files, tables with pictures.
    recheck : bool
        Read again what is known already.
    retry : list of str, optional
        Reasons of the quarantine; files that lie there for one of them are tried again.
    source_kind : str, optional
        A code of SourceKind, where the names of the sources do not tell.
    """
    run = open_run(root)
    choice = Choice(recheck, checked_reasons(retry or []))
    opened = sources_of(run, sources, SourceKind(source_kind) if source_kind else None)
    with cluster_of(run) as cluster, track("ingest", None) as tracker:
        elsewhere = partial(take_in_on, cluster) if cluster else None
        totals = take_in(run, opened, choice, lambda shard: commit(Sealed(shard)), tracker, elsewhere=elsewhere)
    return publish_counts(totals.outcome(opened))


@task(name="commit shard", cache_policy=NO_CACHE, **RETRIES)
def commit(sealed: Sealed[Shard]) -> Written:
    """Commit a shard's rows; the same again changes nothing."""
    return sealed.content.write()

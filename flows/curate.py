"""The curation half as one flow: ingest, dedupe, embed, filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from prefect import flow

from flows.context import open_run
from flows.dedupe import dedupe
from flows.embed import embed
from flows.filter import filter_photos
from flows.ingest import ingest
from flows.outcome import Outcome, together
from flows.runtime import publish_counts
from schemas.codes import SemanticPolicy


@flow(name="curate", flow_run_name="curate {root}")
def curate(root: str, sources: list[str]) -> Outcome:
    """Take photos in and decide which of them people may rate.

    Parameters
    ----------
    root : str
        The warehouse.
    sources : list of str
        Folders, globs, addresses, archives or tables of photos.
    """
    looked_for = open_run(root).settings.dedupe.semantic is not SemanticPolicy.OFF
    stages: tuple[Callable[[], Outcome], ...] = (
        lambda: ingest(root, sources),
        lambda: dedupe(root),
        lambda: embed(root),
        # What is alike can be told only now that the new photos have vectors.
        *((lambda: replace(dedupe(root), stage="dedupe by embedding"),) if looked_for else ()),
        lambda: filter_photos(root),
    )
    return publish_counts(together("curate", (stage() for stage in stages)))

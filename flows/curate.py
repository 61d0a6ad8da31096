"""The curation half as one flow: ingest, dedupe, embed, filter."""

from __future__ import annotations

from collections.abc import Callable

from prefect import flow

from flows.dedupe import dedupe
from flows.embed import embed
from flows.filter import filter_photos
from flows.ingest import ingest
from flows.outcome import Outcome
from flows.runtime import publish_counts


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
    stages: tuple[Callable[[], Outcome], ...] = (
        lambda: ingest(root, sources),
        lambda: dedupe(root),
        lambda: embed(root),
        lambda: filter_photos(root),
    )
    counts: dict[str, int | float | str] = {}
    notes: list[str] = []
    files: dict[str, str] = {}
    for stage in stages:
        outcome = stage()
        counts |= {f"{outcome.stage}: {name}": value for name, value in outcome.counts.items()}
        notes += outcome.notes
        files |= outcome.files
    return publish_counts(Outcome(stage="curate", counts=counts, notes=tuple(notes), files=files))

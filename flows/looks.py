"""Whether a person's command has anything to do, seen before Prefect is started.

A run that Prefect schedules looks for itself, inside its flow, and ends green in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flows.context import open_run
from flows.outcome import Outcome, together
from flows.settled import settled
from warehouse.sources.opening import SourceKind

Look = Callable[[], Outcome | None]


def look(root: str, stage: str, parameters: Mapping[str, Any]) -> Look:
    """A look at a stage over the tables."""
    return lambda: settled(open_run(root), stage, parameters)


def look_for_embed(root: str, embedder: str | None) -> Look:
    """A look at embed, with the settings' model where none is named."""
    return lambda: _embed(root, embedder)


def look_for_ingest(root: str, sources: Sequence[str], kind: str | None) -> Look:
    """A look at what the sources list."""
    return partial(_ingest, root, sources, kind)


def look_for_curate(root: str, sources: Sequence[str]) -> Look:
    """A look at all four stages."""
    looks: tuple[Look, ...] = (
        look_for_ingest(root, sources, None),
        look(root, "dedupe", {}),
        look_for_embed(root, None),
        look(root, "filter", {}),
    )

    def all_four() -> Outcome | None:
        outcomes = []
        for one in looks:
            found = one()
            if found is None:
                return None
            outcomes.append(found)
        return together("curate", outcomes)

    return all_four


def _embed(root: str, embedder: str | None) -> Outcome | None:
    run = open_run(root)
    return settled(run, "embed", {"embedder": embedder or run.settings.embed.embedder})


def _ingest(root: str, sources: Sequence[str], kind: str | None) -> Outcome | None:
    from flows.ingest_listing import nothing_new

    return nothing_new(open_run(root), sources, SourceKind(kind) if kind else None)

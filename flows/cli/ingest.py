"""`salon ingest`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def ingest(
    sources: Annotated[list[str], typer.Argument(help="Folders, files or globs.", show_default=False)],
    recheck: Annotated[bool, typer.Option("--recheck", help="Read known files again, by content.")] = False,
    retry: Annotated[
        list[str] | None,
        typer.Option("--retry", help="Try refused files again that were refused for these reasons: timeout,crashed"),
    ] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Take in photos: read once, decode once, measure, fingerprint; what cannot be a photo is quarantined.

    What the warehouse knows already (same place, size and time) is not read. Running it again adds nothing.
    """
    from flows.ingest import ingest as stage
    from flows.runtime import run_flow

    outcome = run_flow(stage, root=resolve_root(root), sources=sources, recheck=recheck, retry=retry or [])
    show_outcome(outcome, wants_json(as_json))

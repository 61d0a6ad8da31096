"""`salon curate`: the curation half in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, need, resolve_root, show_outcome, wants_json


def curate(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Folders, globs, addresses, archives or tables of photos.")
    ] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Ingest, deduplicate, embed and filter: from raw photos to those that people may rate."""
    need(sources, "curate needs at least one source: a folder, a glob, an address, an archive or a table of photos.")
    from flows.looks import look_for_curate
    from flows.runtime import run_flow

    address = resolve_root(root)
    seen = look_for_curate(address, sources or [])
    show_outcome(run_flow("flows.curate:curate", seen, root=address, sources=sources), wants_json(as_json))

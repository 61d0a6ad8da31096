"""`salon ingest`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, need, resolve_root, show_outcome, wants_json


def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Folders, files, globs; s3://, gs://, https:// and other addresses; lists of addresses (CSV, TSV, "
            "TXT, Parquet); tar files (WebDataset); Parquet files with an image column.",
            show_default=False,
        ),
    ],
    recheck: Annotated[bool, typer.Option("--recheck", help="Read known files again, by content.")] = False,
    retry: Annotated[
        list[str] | None,
        typer.Option("--retry", help="Try refused files again that were refused for these reasons: timeout,crashed"),
    ] = None,
    source_kind: Annotated[
        str | None,
        typer.Option("--source-kind", help="Where the name does not tell: files, tar, urls or images."),
    ] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Take in photos: read once, decode once, measure, fingerprint; what cannot be a photo is quarantined.

    What the warehouse knows already (same place, size and time) is not read. Running it again adds nothing.
    """
    from flows.looks import look_for_ingest
    from flows.runtime import run_flow
    from warehouse.sources.opening import SourceKind

    kinds = {str(kind) for kind in SourceKind}
    need(source_kind in {None, *kinds}, f"--source-kind {source_kind}: expected one of {', '.join(sorted(kinds))}.")
    address = resolve_root(root)
    outcome = run_flow(
        "flows.ingest:ingest",
        None if recheck or retry else look_for_ingest(address, sources, source_kind),
        root=address,
        sources=sources,
        recheck=recheck,
        retry=retry or [],
        source_kind=source_kind,
    )
    show_outcome(outcome, wants_json(as_json))

"""`salon embed`: vectors for every representative."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def embed(
    embedder: Annotated[
        str | None,
        typer.Option(
            "--embedder",
            help="descriptor, open_clip:MODEL/TAG, open_clip:MODEL@CHECKPOINT-FILE or open_clip:local-dir:FOLDER; "
            "else the one in salon.toml.",
        ),
    ] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Place photos in the space of a model; those that have a vector there already are left alone."""
    from flows.looks import look_for_embed
    from flows.runtime import run_flow

    address = resolve_root(root)
    seen = look_for_embed(address, embedder)
    show_outcome(run_flow("flows.embed:embed", seen, root=address, embedder=embedder), wants_json(as_json))

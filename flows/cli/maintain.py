"""`salon maintain`: upkeep."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def maintain(
    root: Root = None,
    as_json: Json = False,
    retention_hours: Annotated[
        int | None, typer.Option(min=0, help="Remove unneeded files older than this; else the setting.")
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Instead: read every data file, take those that are missing or damaged out of their tables, and say "
            "how their rows come back.",
        ),
    ] = False,
) -> None:
    """Compact tables and remove files that neither a release nor a reader at work needs."""
    from flows.runtime import run_flow

    if repair:
        show_outcome(run_flow("flows.maintain:repair", root=resolve_root(root)), wants_json(as_json))
        return
    outcome = run_flow("flows.maintain:maintain", root=resolve_root(root), retention_hours=retention_hours)
    show_outcome(outcome, wants_json(as_json))

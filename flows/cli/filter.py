"""`salon filter`: verdicts on every representative, what they would be, and what people say of them."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, need, resolve_root, show_outcome, wants_json


def filter_photos(
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what each rule would drop, on a page; write no verdict.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Compare what was dropped with what raters say of a random slice of it.")
    ] = False,
    precision: Annotated[
        float, typer.Option(min=0, max=1, help="With --audit: share rightly dropped that a limit should reach.")
    ] = 0.9,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Decide by the rules in salon.toml which photos people may rate; nothing is deleted."""
    need(not (preview and audit), "filter takes --preview or --audit, not both.")
    address = resolve_root(root)
    if preview:
        from flows.filter_preview import preview as show

        show_outcome(show(address), wants_json(as_json))
    elif audit:
        from flows.filter_audit import audit as compare

        show_outcome(compare(address, precision), wants_json(as_json))
    else:
        from flows.looks import look
        from flows.runtime import run_flow

        seen = look(address, "filter", {})
        show_outcome(run_flow("flows.filter:filter_photos", seen, root=address), wants_json(as_json))

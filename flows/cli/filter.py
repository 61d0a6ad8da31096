"""`salon filter`: verdicts on every representative."""

from __future__ import annotations

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def filter_photos(root: Root = None, as_json: Json = False) -> None:
    """Decide by the rules in salon.toml which photos people may rate; nothing is deleted."""
    from flows.filter import filter_photos as flow
    from flows.runtime import run_flow

    show_outcome(run_flow(flow, root=resolve_root(root)), wants_json(as_json))

"""`salon dedupe`."""

from __future__ import annotations

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def dedupe(root: Root = None, as_json: Json = False) -> None:
    """Find copies and near copies; one of each group, the best, goes on to be rated.

    Every pair of photos whose fingerprints are near is looked at again on its picture, so that plain skies and
    frames of a series stay apart. Nothing is deleted: the table `duplicates` says who stands for whom and why.
    """
    from flows.dedupe import dedupe as stage
    from flows.runtime import run_flow

    show_outcome(run_flow(stage, root=resolve_root(root)), wants_json(as_json))

"""`salon search`: photos by a sentence, or by a photo."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, print_json, resolve_root, show_outcome, wants_json


def search(
    text: Annotated[str | None, typer.Argument(help="A sentence; needs a model with a text half.")] = None,
    like: Annotated[
        str | None, typer.Option("--like", help="A photo: photo_id, URI, file name, or name without ending.")
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many photos to show.")] = 24,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Find the photos nearest to a sentence or to a photo, and put them on a contact sheet."""
    from flows.search import as_outcome
    from flows.search import search as find

    found = find(resolve_root(root), text, like, count)
    if wants_json(as_json):
        print_json(
            {
                "query": found.query,
                "model": found.space,
                "seconds": round(found.seconds, 4),
                "report": found.report,
                "photos": [
                    {"photo_id": hit.photo_id, "file_name": found.names.get(hit.photo_id), "score": hit.score}
                    for hit in found.hits
                ],
            }
        )
    else:
        show_outcome(as_outcome(found), as_json=False)

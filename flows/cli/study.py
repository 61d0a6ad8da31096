"""Commands that prepare a study: `select`, `plan`, `protocols`, `simulate`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def select(
    n: Annotated[int | None, typer.Option("--n", min=1, help="Photos to choose; else [study] batch_size.")] = None,
    from_list: Annotated[
        str | None,
        typer.Option(
            "--from-list",
            help="A file with a photo per line, or a CSV with a column photo_id: these are in; with --n, the rest "
            "is chosen by rule. Edit the list of a batch and hand it back with this.",
        ),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Write the report, but not the batch.")] = False,
    batch: Annotated[
        str | None, typer.Option("--batch", help="Name; else the batch that is not sent yet, or a new one.")
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", help="In place of [study] seed.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Photos of earlier batches may be chosen again.")] = False,
    simulated: Annotated[bool, typer.Option("--simulated", help="For simulated raters only; marked so.")] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Choose a batch of photos to be rated, and show it before anyone is paid; `salon send` sends exactly that."""
    from flows.runtime import run_flow
    from flows.select import select as flow

    outcome = run_flow(
        flow,
        root=resolve_root(root),
        n=n,
        from_list=from_list,
        preview=preview,
        batch=batch,
        seed=seed,
        again=again,
        simulated=simulated,
    )
    show_outcome(outcome, wants_json(as_json))

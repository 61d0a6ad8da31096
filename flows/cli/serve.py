"""`salon serve`: all flows as Prefect deployments."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import OUT, Root, resolve_root


def serve(
    root: Root = None,
    port: Annotated[
        int, typer.Option(help="Loopback port of the Prefect server that is started where none is set.")
    ] = 4200,
) -> None:
    """Serve all flows with the schedules of salon.toml until interrupted."""
    from flows.context import open_run
    from flows.prefect_server import ensure_server
    from flows.team import refuse_sqlite

    run = open_run(resolve_root(root))
    refuse_sqlite(run.root)
    address = ensure_server(scheduling=True, port=port)
    from flows.serve import plans, serve_all

    OUT.print(f"Prefect: {address.removesuffix('/api')}")
    for plan in plans(run):
        OUT.print(f"  {plan.flow.name}/{plan.name}: {plan.cron or 'on demand'}")
    OUT.print("Serving; Ctrl-C ends it, and loses nothing.")
    serve_all(run.root)

"""`salon status`: how a warehouse stands."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.console import OUT, Json, Root, print_json, resolve_root, wants_json

MOMENT = len("2026-01-01 00:00")


def status(
    root: Root = None,
    as_json: Json = False,
    prometheus: Annotated[
        Path | None, typer.Option(help="Also write the figures to this file in Prometheus' text format.")
    ] = None,
) -> None:
    """Show stages, counts, what waits for what, last writes, releases and disk use."""
    from flows.context import open_run
    from flows.status import prometheus as metrics
    from flows.status import status_of

    found = status_of(open_run(resolve_root(root)))
    if prometheus:
        part = prometheus.with_name(prometheus.name + ".part")
        part.write_text(metrics(found), encoding="utf-8")
        part.replace(prometheus)
    if wants_json(as_json):
        print_json(found.as_dict())
        return
    table = Table(title=found.root, title_justify="left")
    for name, justify in (("stage", "left"), ("done", "right"), ("waiting", "right"), ("what", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # the two words are rich's own
    for name in ("waits since (UTC)", "last written (UTC)"):
        table.add_column(name, min_width=MOMENT)  # a moment stays on one line on the narrowest terminal
    for stage in found.stages:
        waiting = f"{stage.waiting:,}" if stage.waiting else ""
        table.add_row(
            stage.name,
            f"{stage.done:,}",
            waiting,
            stage.what,
            _when(stage.waiting_since, ""),
            _when(stage.last_written),
        )
    OUT.print(table)
    if found.rows["quarantine"]:
        OUT.print(f'{found.rows["quarantine"]:,} files in quarantine: salon sql "SELECT uri, reason FROM quarantine"')
    if found.simulated_ratings:
        OUT.print(f"{found.simulated_ratings:,} ratings are simulated, not cast by people.")
    for release in found.releases:
        OUT.print(f"release {release['name']} {release['version']}: {release['state']}, {release['photos']:,} photos")
    if found.disk_bytes:
        parts = ", ".join(f"{name} {size / 1e6:,.1f} MB" for name, size in found.disk_bytes.items())
        OUT.print(f"disk: {parts}")


def _when(moment: datetime | None, otherwise: str = "never") -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else otherwise

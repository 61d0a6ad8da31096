"""`salon demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.style import Style
from rich.table import Table
from rich.text import Text

from flows.cli.console import OUT


def demo(
    folder: Annotated[Path, typer.Option(help="Where everything is put; emptied first.")] = Path(".demo"),
) -> None:
    """Go the whole way: photos, a real Label Studio, simulated raters, two releases, load_dataset, their diff."""
    from flows.demo.story import NAME, tell_story

    made = tell_story(folder.absolute(), OUT)
    first, second = made.releases
    OUT.rule("[bold]What was made, and how to look at it", align="left")
    things = {"warehouse": made.warehouse, "releases": f"{first}\n{second}", **made.pages}
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, place in things.items():
        table.add_row(name, Text("\n").join(_linked(path) for path in place.splitlines()))
    OUT.print(table)
    for line in (
        "",
        f"export SALON_ROOT={made.warehouse}",
        "salon status                                   # stages and counts",
        'salon sql "SELECT uri, reason FROM quarantine" # what was not taken, and why',
        f"salon verify {second}",
        "salon labelstudio up                           # the same Label Studio again",
        "",
        "With your own photos:",
        "salon init ~/my-salon && export SALON_ROOT=~/my-salon",
        "salon curate ~/Pictures && salon labelstudio up && salon raters add --n 3 && salon send",
        f"...people rate...  salon collect && salon score && salon publish {NAME.replace('demo', 'my')}",
    ):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)


def _linked(path: str) -> Text:
    """A path that terminals open at a click."""
    return Text(path, style=Style(link=Path(path).as_uri()))

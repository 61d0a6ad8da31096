"""`salon demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.style import Style
from rich.text import Text

from flows.cli.console import OUT


def demo(
    folder: Annotated[Path, typer.Option(help="Where everything is put; emptied first.")] = Path(".demo"),
) -> None:
    """Go the whole way: photos, a real Label Studio, simulated raters, two releases, load_dataset, their diff."""
    from flows.demo.story import NAME, tell_story

    made = tell_story(folder.absolute(), Console(highlight=False))
    first, second = made.releases
    OUT.rule(Text("What was made, and how to look at it", style="bold"), align="left")
    things = {"warehouse": [made.warehouse], "releases": [first, second]}
    things |= {name: [path] for name, path in made.pages.items()}
    for name, places in things.items():
        for number, place in enumerate(places):
            OUT.print(Text(f"{'' if number else name:<23}").append(_linked(place)), soft_wrap=True)
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
        OUT.print(line, soft_wrap=True)


def _linked(path: str) -> Text:
    """A path that terminals open at a click."""
    return Text(path, style=Style(link=Path(path).as_uri()))

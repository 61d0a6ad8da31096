"""`salon demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import OUT


def demo(
    folder: Annotated[Path, typer.Option(help="Where everything is put; emptied first.")] = Path(".demo"),
) -> None:
    """Go the whole way: photos, a real Label Studio, simulated raters, two releases, load_dataset, their diff."""
    from flows.demo.story import NAME, tell_story

    made = tell_story(folder.absolute(), OUT)
    root = made["warehouse"]
    OUT.rule("[bold]What was made, and how to look at it", align="left")
    for line in (
        f"warehouse        {root}",
        f"releases         {made['first']}",
        f"                 {made['second']}",
        f"card             {made['second']}/README.md",
        "",
        f"export SALON_ROOT={root}",
        "salon status                                   # stages and counts",
        'salon sql "SELECT uri, reason FROM quarantine" # what was not taken, and why',
        "salon dedupe --report                          # groups of near copies, to look at",
        f"salon verify {made['second']}",
        "salon labelstudio up                           # the same Label Studio again",
        "",
        "With your own photos:",
        "salon init ~/my-salon && export SALON_ROOT=~/my-salon",
        "salon curate ~/Pictures && salon labelstudio up && salon raters add --n 3 && salon send",
        f"...people rate...  salon collect && salon score && salon publish {NAME.replace('demo', 'my')}",
    ):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)

"""How commands speak: options that all share, tables for people, JSON for machines, one sentence for errors."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from labeling.scoring.measures import MEANING
from schemas.errors import WrongUse

if TYPE_CHECKING:
    from flows.outcome import Outcome

Root = Annotated[
    str | None,
    typer.Option("--root", help="The warehouse: a folder or an s3:// address. Else SALON_ROOT, else this folder."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

# Names of files and questions are shown as they are: "[copy]" is no style, and ":cat:" no picture.
OUT = Console(highlight=False, markup=False, emoji=False)
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def resolve_root(root: str | None) -> str:
    """The warehouse that a command works on: the option, SALON_ROOT, or the nearest folder upward that is one."""
    named = root or os.environ.get("SALON_ROOT")
    if named:
        return named
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "warehouse.json").exists():
            return str(folder)
    return str(Path.cwd())


def wants_json(as_json: bool) -> bool:
    """Whether to print JSON: `--json` behind the command, or before it."""
    return as_json or os.environ.get("SALON_JSON") == "1"


def show_outcome(outcome: Outcome, as_json: bool) -> None:
    """Print what a stage did."""
    if wants_json(as_json):
        print_json({"stage": outcome.stage, "counts": outcome.counts, "notes": outcome.notes, "files": outcome.files})
        return
    OUT.print(outcome_table(outcome))
    for name, path in outcome.files.items():
        OUT.print(f"{name}: {path}", soft_wrap=True)
    for note in outcome.notes:
        OUT.print(note, soft_wrap=True)


def outcome_table(outcome: Outcome) -> Table:
    """What a stage did: one row a count; counts of several stages or questions in a section each."""
    table = Table(title=outcome.stage, title_justify="left", show_header=False, box=box.SIMPLE_HEAD)
    table.add_column(style="dim")
    table.add_column()
    section = ""
    for name, value in outcome.counts.items():
        of, parted, what = name.rpartition(": ")
        if of != section and parted:
            table.add_section()
            table.add_row(Text(of, style="bold"), "")
        section = of
        told = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}" if isinstance(value, float) else str(value)
        table.add_row(Text(MEANING.get(what, what)), Text(told))
    return table


def run_and_show(flow: str, root: str | None, as_json: bool, **parameters: Any) -> None:
    """Run a flow, named as ``module:name``, on the warehouse that is meant, and print what it did."""
    from flows.runtime import run_flow

    show_outcome(run_flow(flow, root=resolve_root(root), **parameters), wants_json(as_json))


def print_json(data: Any) -> None:
    """JSON on standard output; dates become ISO text, bytes hex, and numbers that JSON does not know null."""
    json.dump(_finite(data), sys.stdout, ensure_ascii=False, default=_plain, allow_nan=False)
    sys.stdout.write("\n")


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    return str(value)


def need(condition: object, sentence: str) -> None:
    """Raise WrongUse with one sentence unless the condition holds."""
    if not condition:
        raise WrongUse(sentence)

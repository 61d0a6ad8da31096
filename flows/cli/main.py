"""The `salon` command: all commands in one explicit list, and errors as one sentence with an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from flows.cli import base, scores
from flows.cli.console import ERRORS
from schemas.errors import SalonError


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="salon",
        help="From a heap of raw photos to a dataset that aesthetic science can trust.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(everywhere)
    app.command()(base.init)
    app.command()(base.sql)
    app.command("import-ratings")(scores.import_ratings)
    return app


def everywhere(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    root: Annotated[str | None, typer.Option("--root", help="The warehouse.")] = None,
) -> None:
    """Options that may stand before the command."""
    if as_json:
        os.environ["SALON_JSON"] = "1"
    if root:
        os.environ["SALON_ROOT"] = root


def main() -> None:
    """Entry point: exit code 0 done, 1 the run failed, 2 wrong use, 3 a gate refused."""
    from flows.runtime import prepare_environment

    prepare_environment()
    try:
        build()()
    except SalonError as error:
        ERRORS.print(f"salon: {error}", markup=False, style="red")
        sys.exit(error.exit_code)

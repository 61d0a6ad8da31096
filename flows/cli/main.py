"""The `salon` command: all commands in one explicit list, and errors as one sentence with an exit code."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib.util
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from flows.cli import (
    base,
    curate,
    dedupe,
    demo,
    embed,
    ingest,
    labelstudio,
    learning,
    maintain,
    releases,
    scores,
    search,
    serve,
    status,
    study,
)
from flows.cli import filter as filtering
from flows.cli.console import ERRORS, OUT
from schemas.errors import SalonError, WrongUse

PANELS: Mapping[str, Mapping[str, Callable[..., None] | typer.Typer]] = {
    "Start": {"init": base.init, "demo": demo.demo},
    "Photos": {
        "curate": curate.curate,
        "ingest": ingest.ingest,
        "dedupe": dedupe.dedupe,
        "embed": embed.embed,
        "filter": filtering.filter_photos,
        "search": search.search,
    },
    "Rating study": {
        "plan": study.plan,
        "protocols": study.protocols_app(),
        "select": study.select,
        "labelstudio": labelstudio.server,
        "raters": labelstudio.raters,
        "gateway": labelstudio.gateway,
        "send": labelstudio.send,
        "collect": labelstudio.collect,
        "simulate": study.simulate,
        "import-ratings": scores.import_ratings,
    },
    "Scores": {"score": scores.score, "report": scores.report},
    "Releases": {
        "publish": releases.publish,
        "approve": releases.approve,
        "diff": releases.diff,
        "verify": releases.verify,
        "trace": releases.trace,
        "push": releases.push,
        "takedown": releases.takedown,
    },
    "What ratings teach": {"learn": learning.learn, "compare": learning.compare, "explain": learning.explain},
    "Operation": {"status": status.status, "serve": serve.serve, "maintain": maintain.maintain, "sql": base.sql},
}
"""All commands, in the order in which a person meets them."""


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
    for panel, commands in PANELS.items():
        for name, command in commands.items():
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, rich_help_panel=panel)
            else:
                app.command(name, rich_help_panel=panel)(command)
    return app


def show_version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        OUT.print(f"salon {metadata.version(DISTRIBUTION)}")
        raise typer.Exit


def everywhere(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    root: Annotated[str | None, typer.Option("--root", help="The warehouse.")] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=show_version)
    ] = False,
) -> None:
    """Options that may stand before the command."""
    if as_json:
        os.environ["SALON_JSON"] = "1"
    if root:
        os.environ["SALON_ROOT"] = root


DISTRIBUTION = "salon-curation"
PACKAGES = ("schemas", "curation", "labeling", "warehouse", "flows")


def refuse_strangers() -> None:
    """Our packages have plain names: another distribution may bring one of the same name."""
    home = Path(__file__).resolve().parents[2]
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        place = Path(found.origin).resolve().parents[1] if found and found.origin else None
        if place != home:
            raise WrongUse(
                f"the package '{name}' comes from {place}, Salon's own is in {home}: another distribution brings a "
                f"package of the same name; install Salon in an environment of its own."
            )


READER_GONE, INTERRUPTED = 141, 130
"""What a shell says of a program that SIGPIPE or SIGINT ended: 128 and the signal's number."""
QUERY_INTERRUPTED = "Query interrupted"
"""What DuckDB makes of Ctrl-C."""


def main() -> None:
    """Entry point: exit code 0 done, 1 the run failed, 2 wrong use, 3 a gate refused, 130 stopped, 141 no reader."""
    from flows.runtime import prepare_environment

    prepare_environment()
    atexit.register(_end_quietly)
    logging.raiseExceptions = False  # a log line that a server misses is no news to the person at the terminal
    try:
        code = _run()
        sys.stdout.flush()
    except (SystemExit, BrokenPipeError) as end:
        # rich and typer end the program themselves where a pipe is closed; Prefect's runner does where it is told to.
        if isinstance(end, SystemExit) and not isinstance(end.__context__, BrokenPipeError):
            raise
        _to_nowhere(1)
        code = READER_GONE
    sys.exit(code)


def _run() -> int:
    """Run the command that was typed; whatever ends it becomes an exit code and at most one sentence."""
    try:
        refuse_strangers()
        code = build()(standalone_mode=False) or 0
        return _stopped() if code == INTERRUPTED else code
    except typer.TyperException as error:
        if not error.format_message():  # the help was asked for by naming no command, and is printed
            return WrongUse.exit_code
        known = not error.format_message().startswith("No such command")
        command = " ".join(["salon", *(sys.argv[1:2] if known else [])])
        said = error.format_message().rstrip(".").replace("Input should be", "expected")
        return _ends_with(f"{said}. See `{command} --help`.", WrongUse.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except SalonError as error:
        return _ends_with(str(error), error.exit_code)
    except OSError as error:
        return _ends_with(_of_the_system(error))
    except Exception as error:
        if QUERY_INTERRUPTED in str(error):
            return _stopped()
        sentence = _of_prefect(error)
        if not sentence:
            raise
        return _ends_with(sentence)


def _stopped() -> int:
    return _ends_with("stopped; what was committed stays, the same command does the rest.", INTERRUPTED)


def _ends_with(sentence: str, code: int = 1) -> int:
    """Say why the command ended; returns the exit code."""
    ERRORS.print(f"salon: {sentence}", style="red")
    return code


def _end_quietly() -> None:
    """Keep the end of a command free of a list of what DuckDB's bindings still hold when the interpreter goes.

    Cycles are collected; whatever else keeps them (it shows after the demo) was not found. Nothing of ours is written
    to standard error after this; the exit code tells of a crash.
    """
    gc.collect()
    with contextlib.suppress(BrokenPipeError):  # its reader may be gone as well
        sys.stderr.flush()
    _to_nowhere(2)


def _to_nowhere(stream: int) -> None:
    """Let what is still written to standard output (1) or error (2) go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream)
    os.close(nowhere)


def _of_prefect(error: Exception) -> str:
    """A sentence for a Prefect server that was lost; empty for any other error."""
    import httpx

    # Its client raises what httpx raises: which server was meant can be told from where it came alone.
    frames = traceback.extract_tb(error.__traceback__)
    of_prefect = any("prefect/client/" in Path(frame.filename).as_posix() for frame in frames)
    if not (of_prefect and isinstance(error, httpx.HTTPError)) and "Failed to reach API" not in str(error):
        return ""
    place = os.environ.get("PREFECT_API_URL", "the address that Prefect is set to")
    first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return f"Prefect's server at {place} fails ({first}); what was committed stays, run the same again when it is back."


def _of_the_system(error: OSError) -> str:
    """A sentence for a full disk, a read-only folder, and whatever else the system refuses."""
    from flows.cli.console import resolve_root
    from warehouse.faults import spoken

    fault = spoken(error, str(error.filename or resolve_root(None)))
    place = f"{error.filename}: " if error.filename else ""
    return str(fault) if fault else f"{place}{error.strerror or error}."

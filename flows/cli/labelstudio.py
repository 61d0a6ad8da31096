"""Commands around Label Studio: its server, `send`, `collect`, `raters`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from flows.cli.console import OUT, Json, Root, need, print_json, resolve_root, run_and_show, show_outcome, wants_json
from flows.cli.profiles import import_file
from flows.outcome import Outcome

server = typer.Typer(help="A Label Studio of this warehouse's own, on loopback.", no_args_is_help=True)
raters = typer.Typer(help="Annotator accounts, pseudonyms, and what raters told.", no_args_is_help=True)
raters.command("import")(import_file)


@server.command("install")
def install(as_json: Json = False) -> None:
    """Install Label Studio into its own environment; `up` does so as well where it is not there yet."""
    from flows.labelstudio.installation import Installation

    place = Installation.here()
    installed = place.complete()
    note = "It was installed." if installed else "It was installed already."
    show_outcome(Outcome("labelstudio", {}, (note,), {"installed in": str(place.home)}), wants_json(as_json))


@server.command("up")
def up(root: Root = None, as_json: Json = False) -> None:
    """Start the server, or find it running; the first time installs it, which takes some minutes."""
    from flows.context import open_run
    from flows.labelstudio.server import ServerFolder
    from warehouse.renditions import SHOWN

    run = open_run(resolve_root(root))
    need(
        not run.settings.labelstudio.url,
        f"[labelstudio] url names an existing server ({run.settings.labelstudio.url}); no other is started.",
    )
    folder = ServerFolder.of(run.root)
    location = run.warehouse.location
    documents = location.local(SHOWN) if location.is_local else folder.path / "no-files"
    settings = run.settings.labelstudio
    running = folder.up(documents, port=settings.port, local_calls=settings.local_hints)
    account = folder.credentials()
    show_outcome(
        Outcome(
            "labelstudio",
            {"process": running.pid, "login": account.email if account else ""},
            ("Next: salon send; for annotators: salon raters add --n 3",),
            {"address": running.url, "password in": str(folder.path / "credentials.json")},
        ),
        wants_json(as_json),
    )


@server.command("down")
def down(root: Root = None, as_json: Json = False) -> None:
    """End the server that `up` started; its data stay."""
    from flows.labelstudio.server import ServerFolder

    ended = ServerFolder.of(resolve_root(root)).down()
    note = "It was ended." if ended else "It was not running."
    show_outcome(Outcome("labelstudio", {"running": 0}, (note,)), wants_json(as_json))


@server.command("status")
def status(root: Root = None, as_json: Json = False) -> None:
    """Say whether the server runs, where, and what it holds."""
    from flows.context import open_run
    from flows.labelstudio.connection import connect
    from flows.labelstudio.studies import projects_of

    run = open_run(resolve_root(root))
    with connect(run) as link:
        counts: dict[str, int | float | str] = {"accounts": len(link.client.users())}
        mine = projects_of(run, link.namespace)
        found = [link.client.project(project.project_id) for project in mine]
        counts |= {
            "projects": len(mine),
            "tasks": sum(int(p["task_number"] or 0) for p in found),
            "annotations": sum(int(p["total_annotations_number"] or 0) for p in found),
        }
        files = {"address": link.client.url}
    show_outcome(Outcome("labelstudio", counts, (), files), wants_json(as_json))


def send(
    batch: Annotated[str | None, typer.Argument(help="The batch; else the one that waits, or the first one.")] = None,
    restore: Annotated[bool, typer.Option("--restore", help="Send tasks again that were deleted there.")] = False,
    suggestions: Annotated[
        str | None,
        typer.Option(
            "--suggestions",
            help="A prediction file (photo_id, score): raters are shown its scores as suggestions, if the protocol "
            "says allow_predictions; they bias raters, and are recorded.",
        ),
    ] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Send a batch to Label Studio: each task once, whatever breaks on the way."""
    run_and_show("flows.labelstudio.send:send", root, as_json, batch=batch, restore=restore, suggestions=suggestions)


def collect(
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Compare everything: finds deleted tasks and votes as well.")
    ] = False,
    until_ended: Annotated[
        bool, typer.Option("--listen", help="Go on: collect again whenever Label Studio's webhook gives a hint.")
    ] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Bring ratings home from Label Studio: new ones, corrections and withdrawals."""
    from flows.runtime import run_flow

    place, machine = resolve_root(root), wants_json(as_json)

    def once() -> None:
        outcome = run_flow("flows.labelstudio.collect:collect", root=place, reconcile=reconcile)
        if not until_ended or any(outcome.counts.values()):
            show_outcome(outcome, machine)

    if not until_ended:
        once()
        return
    from flows.labelstudio.listen import listen

    listen(place, once)


def gateway(
    host: Annotated[str | None, typer.Option(help="Address to listen on; else the settings'.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; else the settings'.")] = None,
    root: Root = None,
) -> None:
    """Be the raters' only way in: own tasks only, times by a clock of our own; runs until it is ended."""
    from flows.context import open_run
    from flows.labelstudio.serve_gateway import serve_gateway

    run = open_run(resolve_root(root))
    settings = run.settings.labelstudio
    serve_gateway(run, host or settings.gateway_host, settings.gateway_port if port is None else port)


@raters.command("add")
def add(
    logins: Annotated[list[str] | None, typer.Argument(help="Logins, written like e-mail addresses.")] = None,
    n: Annotated[int, typer.Option("--n", min=0, help="So many accounts more, named rater-1, rater-2, ...")] = 0,
    panel: Annotated[str | None, typer.Option("--panel", help="Where they come from; kept in their profile.")] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Make annotator accounts in Label Studio; passwords are shown and kept for the owner alone."""
    from flows.labelstudio.raters import add_raters

    need(logins or n, "name at least one login, or say how many with --n.")
    outcome, accounts = add_raters(resolve_root(root), logins or [], n, panel)
    if wants_json(as_json):
        print_json({"accounts": [{"login": a.email, "password": a.password} for a in accounts], **outcome.counts})
        return
    table = Table("login", "password")
    for account in accounts:
        table.add_row(account.email, account.password)
    OUT.print(table)
    show_outcome(outcome, False)


@raters.command("list")
def list_all(root: Root = None, as_json: Json = False) -> None:
    """List annotator accounts with pseudonyms and votes; logins never reach a table."""
    from flows.context import open_run
    from flows.labelstudio.connection import connect
    from flows.labelstudio.raters import list_raters

    run = open_run(resolve_root(root))
    with connect(run) as link:
        found = list_raters(run, link)
    votes = {
        row["rater_id"]: row["n"]
        for row in run.warehouse.query(
            "SELECT rater_id, count(DISTINCT (task_key, submitted_at)) AS n FROM current_ratings GROUP BY rater_id"
        ).to_pylist()
    }
    rows = [
        {"login": r.login, "rater_id": r.rater_id, "panel": r.panel or "", "answers": votes.get(r.rater_id, 0)}
        for r in found
    ]
    if wants_json(as_json):
        print_json(rows)
        return
    table = Table("login", "rater_id", "panel", "answers")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    OUT.print(table)


@raters.command("hours")
def hours_of_all(root: Root = None, as_json: Json = False) -> None:
    """Working minutes of every rater, for pay: pauses longer than [labelstudio] idle_s are left out."""
    from flows.context import open_run
    from flows.labelstudio.raters import hours

    found = hours(open_run(resolve_root(root)))
    if wants_json(as_json):
        print_json([{"rater_id": r, "answers": n, "minutes": minutes} for r, (n, minutes) in found.items()])
        return
    table = Table("rater_id", "answers", "minutes")
    for rater, (answers, minutes) in found.items():
        table.add_row(rater, str(answers), f"{minutes:.1f}")
    OUT.print(table)


@raters.command("remove")
def remove(
    rater: Annotated[str, typer.Argument(help="Login or pseudonym.")], root: Root = None, as_json: Json = False
) -> None:
    """Take a rater's account away; votes cast so far stay."""
    from flows.labelstudio.raters import remove_rater

    show_outcome(remove_rater(resolve_root(root), rater), wants_json(as_json))

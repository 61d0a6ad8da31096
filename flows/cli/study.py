"""Commands that prepare a study: `select`, `plan`, `protocols`, `simulate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from flows.cli.console import OUT, Json, Root, print_json, resolve_root, run_and_show, wants_json


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
    run_and_show(
        "flows.select:select",
        root,
        as_json,
        n=n,
        from_list=from_list,
        preview=preview,
        batch=batch,
        seed=seed,
        again=again,
        simulated=simulated,
    )


def plan(
    interval: Annotated[
        float | None, typer.Option("--interval", min=0, help="Wanted: ± this at 95 %, in units of the scale.")
    ] = None,
    icc: Annotated[float | None, typer.Option("--icc", help="Wanted reliability of scores, ICC(k), 0 to 1.")] = None,
    photos: Annotated[int | None, typer.Option("--photos", min=1, help="Photos; else [study] batch_size.")] = None,
    question: Annotated[str | None, typer.Option("--question", help="Whose ratings are the pilot.")] = None,
    sd: Annotated[float | None, typer.Option("--sd", min=0, help="Standard deviation, in place of a pilot's.")] = None,
    icc1: Annotated[float | None, typer.Option("--icc1", help="ICC(1), in place of a pilot's.")] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Work out votes per photo, hours and cost for a wanted precision, and which photos are settled."""
    run_and_show(
        "flows.plan:plan",
        root,
        as_json,
        interval=interval,
        icc=icc,
        photos=photos,
        question=question,
        sd=sd,
        icc1=icc1,
    )


def simulate(
    batch: Annotated[
        str | None, typer.Option("--batch", help="A batch that people have not seen; else one is chosen.")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", min=1, help="Photos of a new batch.")] = None,
    raters: Annotated[int | None, typer.Option("--raters", min=1, help="Size of the panel.")] = None,
    straight_liners: Annotated[int, typer.Option(min=0, help="Of these, give nearly always the same answer.")] = 0,
    spammers: Annotated[int, typer.Option(min=0, help="Of these, answer at random.")] = 0,
    duplicates: Annotated[int, typer.Option(min=0, help="Of these, are somebody's second account.")] = 0,
    seed: Annotated[str | None, typer.Option("--seed", help="In place of [study] seed.")] = None,
    from_ratings: Annotated[
        bool, typer.Option("--from-ratings", help="Rated photos are as good as people say, not as their properties.")
    ] = False,
    through: Annotated[
        str, typer.Option("--through", help="tables, or labelstudio: over the API of the server it was sent to.")
    ] = "tables",
    loop: Annotated[
        str | None,
        typer.Option("--loop", help="A release (NAME or NAME/VERSION): replay its votes under strategies of choosing."),
    ] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Let simulated raters answer a batch; every row says that it is simulated."""
    if loop:
        run_and_show("flows.simulate_loop:loop", root, as_json, release=loop)
        return
    run_and_show(
        "flows.simulate:simulate",
        root,
        as_json,
        batch=batch,
        n=n,
        raters=raters,
        straight_liners=straight_liners,
        spammers=spammers,
        duplicates=duplicates,
        seed=seed,
        from_ratings=from_ratings,
        through=through,
    )


def protocols(root: Root = None, as_json: Json = False) -> None:
    """List the protocols that raters can be asked under; `salon protocols show NAME` shows one."""
    from flows.context import open_run
    from labeling.protocols.catalogue import catalogue

    run = open_run(resolve_root(root))
    found = catalogue(run.settings.study.protocols)
    rows = [
        {
            "protocol": name,
            "kind": protocol.kind.value,
            "question": protocol.question,
            "scale": "" if protocol.is_comparison else protocol.scale.id,
            "attributes": ", ".join(protocol.attributes),
            "version": protocol.version,
            "in use": name == run.settings.study.protocol,
        }
        for name, protocol in found.items()
    ]
    show_rows(rows, wants_json(as_json))


def show_protocol(
    name: Annotated[str, typer.Argument(help="Name of a protocol.")],
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Show one protocol: its fields, its questions, and the configuration that Label Studio is given."""
    from flows.context import open_run
    from labeling.protocols.catalogue import resolve
    from labeling.protocols.markup import label_config
    from labeling.protocols.texts import instructions, key_list

    protocol = resolve(open_run(resolve_root(root)).settings.study.protocols, name)
    facts = {"name": name, "version": protocol.version, "consent_version": protocol.consent_version}
    if wants_json(as_json):
        more = {"label_config": label_config(protocol), "instructions": instructions(protocol)}
        print_json(facts | protocol.model_dump(mode="json", exclude={"like"}) | more)
        return
    shown = {**facts, **protocol.model_dump(mode="json", exclude={"like"})}
    show_rows([{"field": key, "value": str(value)} for key, value in shown.items()], as_json=False)
    show_rows([{"key": key, "meaning": meaning} for key, meaning in key_list(protocol)], as_json=False)
    OUT.print(label_config(protocol), soft_wrap=True)


def show_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print records: a table for people, JSON for machines."""
    if as_json:
        print_json(rows)
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    OUT.print(table)


def protocols_app() -> typer.Typer:
    """`salon protocols` and `salon protocols show`."""
    app = typer.Typer(invoke_without_command=True, help="List protocols, or show one.")

    def listed(context: typer.Context, root: Root = None, as_json: Json = False) -> None:
        """List the protocols that raters can be asked under."""
        if context.invoked_subcommand is None:
            protocols(root, as_json)

    app.callback()(listed)
    app.command("show")(show_protocol)
    return app

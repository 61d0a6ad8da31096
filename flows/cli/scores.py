"""Commands from ratings to scores: `import-ratings`, `score`, `report`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def import_ratings(
    file: Annotated[str, typer.Argument(help="A CSV file with a header (UTF-8), or a Parquet file.")],
    scale: Annotated[
        str | None,
        typer.Option(
            help="The scale of the votes, lowest to highest: 1-7 takes whole steps, 0.0-100.0 any value between, "
            "-3..3 may begin below zero, acr-5 is 1 to 5."
        ),
    ] = None,
    photo: Annotated[
        str, typer.Option(help="Column that names the photo: photo_id, URI, file name, or file name without ending.")
    ] = "photo",
    rater: Annotated[str, typer.Option(help="Column that names the rater; a pseudonym is stored.")] = "rater",
    score: Annotated[
        list[str] | None,
        typer.Option(help="Column of the scores ('score'). Given several times, each column is a question."),
    ] = None,
    question: Annotated[
        str | None, typer.Option(help="Column that names the question, or the question itself. Else as in salon.toml.")
    ] = None,
    submitted_at: Annotated[
        str | None, typer.Option(help="Column of the time of the vote, ISO 8601; without a zone it is UTC.")
    ] = None,
    seconds: Annotated[str | None, typer.Option(help="Column of the response time in seconds.")] = None,
    position: Annotated[str | None, typer.Option(help="Column of the place in the rater's order.")] = None,
    session: Annotated[str | None, typer.Option(help="Column that names the rater's session.")] = None,
    finished: Annotated[
        str | None,
        typer.Option(help="Column that says whether the session was finished; votes of others are kept, uncounted."),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            help="Namespace of the raters' names: the same name in the same namespace is the same person. Give each "
            "study its own."
        ),
    ] = "import",
    simulated: Annotated[bool, typer.Option("--simulated", help="These votes were made by a program.")] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Take ratings from elsewhere.

    Rows that are no votes are named with line and field and kept in rejected_ratings; the other rows are taken.
    The same file again adds nothing; a corrected file corrects.
    """
    from flows.runtime import run_flow

    outcome = run_flow(
        "flows.import_ratings:import_ratings",
        root=resolve_root(root),
        file=file,
        photo=photo,
        rater=rater,
        scores=tuple(score or ("score",)),
        question=question,
        submitted_at=submitted_at,
        seconds=seconds,
        position=position,
        session=session,
        finished=finished,
        scale=scale,
        source=source,
        simulated=simulated,
    )
    show_outcome(outcome, wants_json(as_json))


def score(root: Root = None, as_json: Json = False) -> None:
    """Turn ratings into scores with intervals, rater models and reliability figures.

    Only questions whose votes or settings have changed are worked out again.
    """
    from flows.looks import look
    from flows.runtime import run_flow

    address = resolve_root(root)
    show_outcome(run_flow("flows.score:score", look(address, "score", {}), root=address), wants_json(as_json))


def report(
    question: Annotated[str | None, typer.Argument(help="One question; without it, all that have scores.")] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Write a page on scores, raters and reliability: one HTML file for each question, under reports/."""
    from flows.runtime import run_flow

    show_outcome(run_flow("flows.report:report", root=resolve_root(root), question=question), wants_json(as_json))

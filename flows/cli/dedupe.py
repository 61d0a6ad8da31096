"""`salon dedupe`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import OUT, Json, Root, print_json, resolve_root, show_outcome, wants_json

if TYPE_CHECKING:
    from rich.table import Table

    from curation.duplicates.evaluation import Score


def dedupe(
    report: Annotated[
        bool,
        typer.Option("--report", help="Write an HTML page as well: groups as contact sheets, doubtful pairs first."),
    ] = False,
    evaluate: Annotated[
        Path | None,
        typer.Option(
            help="Run nothing; print precision and recall on labelled pairs: a CSV with file_a, file_b and label "
            "(exact, near, policy, different)."
        ),
    ] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Find copies and near copies; one of each group, the best, goes on to be rated.

    Every pair of photos whose fingerprints are near is looked at again on its picture, so that plain skies and
    frames of a series stay apart. Nothing is deleted: the table `duplicates` says who stands for whom and why.
    """
    if evaluate is not None:
        show_evaluation(evaluate, resolve_root(root), wants_json(as_json))
        return
    from flows.looks import look
    from flows.runtime import run_flow

    address = resolve_root(root)
    seen = None if report else look(address, "dedupe", {})
    show_outcome(run_flow("flows.dedupe:dedupe", seen, root=address, report=report), wants_json(as_json))


def show_evaluation(pairs: Path, root: str, as_json: bool) -> None:
    """Print the methods, one line each, and then the kinds of pairs, one line each with a column for each method."""
    from flows.deduplication.evaluating import evaluate
    from flows.settings import read_settings

    scores = evaluate(pairs, read_settings(root).dedupe)
    if as_json:
        print_json([_plain(score) for score in scores])
        return
    OUT.print(_methods(pairs, scores))
    OUT.print(_kinds(scores))


def _methods(pairs: Path, scores: Sequence[Score]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    title = f"{pairs}: {scores[0].together} same, {scores[0].apart} different, {scores[0].policy} policy"
    table = Table(title=title, box=SIMPLE)
    for name in ("", "method", "precision", "recall", "F1", "merged wrongly", "policy pairs"):
        table.add_column(name)
    for number, one in enumerate(scores, 1):
        figures = ("-" if value is None else f"{value:.3f}" for value in (one.precision, one.recall, one.f1))
        table.add_row(str(number), one.method, *figures, str(one.merged), f"{one.policy_found} of {one.policy}")
    return table


def _kinds(scores: Sequence[Score]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title="percent taken for the same photo, by method as numbered above", box=SIMPLE)
    for name in ("label", "relation"):
        table.add_column(name)
    for name in ("pairs", *(str(number) for number, _ in enumerate(scores, 1))):
        table.add_column(name, justify="right")
    before = None
    for row in zip(*(one.kinds for one in scores), strict=True):
        kind = row[0]
        if before not in (None, kind.label):
            table.add_section()
        label = "" if kind.label == before else str(kind.label)
        table.add_row(label, kind.relation, str(kind.pairs), *(f"{100 * one.taken / one.pairs:.0f}" for one in row))
        before = kind.label
    return table


def _plain(score: Score) -> dict[str, object]:
    figures = {name: getattr(score, name) for name in ("precision", "recall", "f1")}
    counts = {name: getattr(score, name) for name in ("together", "found", "apart", "merged", "policy", "policy_found")}
    kinds = [asdict(kind) for kind in score.kinds]
    return {"method": score.method, **figures, **counts, "missed": score.missed, "kinds": kinds}

"""What ratings teach: `learn`, `compare`, `explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, need, resolve_root, show_outcome, wants_json

Name = Annotated[str, typer.Argument(help="Name of the dataset.")]
Version = Annotated[str, typer.Argument(help="Version of the release, such as 1.0.0.")]
Model = Annotated[str, typer.Option(help="Model whose vectors are used; else the one in salon.toml, or the commonest.")]


def learn(
    name: Name,
    version: Version,
    model: Model = "",
    export: Annotated[
        str, typer.Option(help="onnx: write tower and head as one ONNX file too, checked against Salon's prediction.")
    ] = "",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Train heads on the training split of a release, judge them on the others, and save them.

    A linear and a kernel head predict score, uncertainty and the whole histogram; the files stand under heads/ in
    the warehouse: the heads (.npz, usable as a filter rule), their predictions, and all figures.
    """
    need(export in ("", "onnx"), f"--export: expected onnx, got '{export}'.")
    from flows.runtime import run_flow

    outcome = run_flow(
        "flows.learn:learn", root=resolve_root(root), name=name, version=version, model=model, export=export
    )
    show_outcome(outcome, wants_json(as_json))


def compare(
    name: Name,
    version: Version,
    predictions: Annotated[
        list[str] | None, typer.Argument(help="Prediction files: CSV or Parquet with the columns photo_id and score.")
    ] = None,
    split: Annotated[str, typer.Option(help="Where they are judged: test, validation or train.")] = "test",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Rank prediction files on a release, with intervals over photos and raters, the ceiling, and slices."""
    need(predictions, "compare needs at least one prediction file: CSV or Parquet with photo_id and score.")
    need(split in ("test", "validation", "train"), f"--split: expected test, validation or train, got '{split}'.")
    from flows.runtime import run_flow

    outcome = run_flow(
        "flows.compare:compare_predictions",
        root=resolve_root(root),
        name=name,
        version=version,
        files=predictions,
        split=split,
    )
    show_outcome(outcome, wants_json(as_json))


def explain(
    photo: Annotated[str, typer.Argument(help="A photo: photo_id, URI, file name, or file name without ending.")],
    head: Annotated[
        str, typer.Option(help="A head's file that salon learn wrote; else the kernel head written last.")
    ] = "",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Show why a photo gets its predicted score.

    A page with a relevance map over the picture, the nearest rated photos as evidence, and what-if curves of
    exposure, contrast, saturation, warmth and crop.
    """
    from flows.runtime import run_flow

    show_outcome(
        run_flow("flows.explain:explain", root=resolve_root(root), photo=photo, head=head), wants_json(as_json)
    )

"""`salon learn`: heads on a release's own splits, saved with their figures, and personal taste on its episodes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.context import Run, open_run
from flows.learning.files import heads_folder, write_whole
from flows.learning.lessons import Lessons, few_shot, write_lessons
from flows.learning.model_card import model_card
from flows.learning.onnx_export import export_heads, exportable
from flows.learning.release import Published, Votes, open_version, read_version, read_votes
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, publish_counts
from labeling.learning.distribution import shares
from labeling.learning.fewshot import Method, Result
from labeling.learning.figures import Figure, figures_of
from labeling.learning.heads import Head, HeadKind, Prediction, fit_head
from labeling.learning.saving import from_bytes, to_bytes
from schemas.codes import Split
from schemas.errors import BadInput

LEAST_ROWS = 20
"""Photos of the training split below which nothing is learnt."""
LEAST_JUDGED = 5
"""Photos of a split below which no figure is worked out."""


@flow(name="learn", flow_run_name="learn {name} {version}")
def learn(root: str, name: str, version: str, model: str = "", export: str = "") -> Outcome:
    """Train heads on a version's training split and judge them on the others.

    Parameters
    ----------
    root : str
        The warehouse.
    name, version : str
        The release.
    model : str
        Whose vectors; else as in the settings.
    export : str
        'onnx': tower and head as one file as well.
    """
    run = open_run(root)
    published = read_version(open_version(run, name, version), model or run.settings.learn.model)
    train = published.rows_in(Split.TRAIN)
    if len(train) < LEAST_ROWS:
        raise BadInput(
            f"{published.name}: too few photos to learn from",
            expected=f"at least {LEAST_ROWS} in the training split with a score and a vector of {published.model}",
            got=str(len(train)),
            todo="Rate and publish more, or run salon embed and publish again.",
        )
    tower = exportable(run, published) if export == "onnx" else None
    folder = heads_folder(run, published)
    train_one = task(name="train head", cache_policy=NO_CACHE, **RETRIES)(train_and_save)
    found: dict[str, dict[str, list[Figure]]] = {}
    with track("learn", total=len(HeadKind)) as progress:
        for kind in HeadKind:
            found[kind.value] = train_one(run, published, kind, folder)
            progress.advance()
    exported = export_heads(run, published, tower, saved_heads(folder), folder) if tower else []
    votes = read_votes(published)
    taste = few_shot(run, published, votes)
    write_whole(folder / "README.md", model_card(published, found).encode())
    about = published.manifest
    report = run.warehouse.location.local("reports", f"learn-{about['name']}-{about['version']}.html")
    kernel = folder / f"predictions-{HeadKind.KERNEL}.parquet"
    lessons = write_lessons(run, published, votes, found, taste, kernel, report)
    write_figures(folder, published, votes, found, taste[0], lessons)
    outcome = _outcome(published, votes, folder, found, taste[0], lessons)
    outcome.files["report"] = str(report)
    for one in exported:
        outcome.counts[f"ONNX: {one.file.name}"] = str(one)
        outcome.files[one.file.name] = str(one.file)
    return publish_counts(outcome)


def train_and_save(run: Run, published: Published, kind: HeadKind, folder: Path) -> dict[str, list[Figure]]:
    """Train one head, save it with its predictions, and judge it on validation and test."""
    head = train_head(published, kind, run.settings.learn.seed)
    folder.mkdir(parents=True, exist_ok=True)
    if write_whole(folder / f"{kind}.npz", to_bytes(head)):
        (folder / f"{kind}.onnx").unlink(missing_ok=True)  # of the head that was here before
    prediction = head.predict(published.vectors)
    sink = pa.BufferOutputStream()
    pq.write_table(prediction_rows(published, prediction), sink)
    write_whole(folder / f"predictions-{kind}.parquet", sink.getvalue().to_pybytes())
    return {split.value: judge(published, prediction, published.rows_in(split), run) for split in Split}


def train_head(published: Published, kind: HeadKind, seed: int) -> Head:
    """A head trained on the training split."""
    train = published.rows_in(Split.TRAIN)
    head = fit_head(published.vectors[train], published.score[train], published.histogram[train], kind, seed)
    about = {
        "model": published.model,
        "release": published.manifest["name"],
        "version": published.manifest["version"],
        "question": str(published.manifest.get("question") or ""),
        "simulated": str(published.simulated).lower(),
    }
    return Head(head.kind, head.ridge, head.features, head.calibration, about)


def saved_heads(folder: Path) -> dict[str, Head]:
    """The heads as their files hold them."""
    files = {kind.value: folder / f"{kind}.npz" for kind in HeadKind}
    return {kind: from_bytes(file.read_bytes(), str(file)) for kind, file in files.items()}


def judge(published: Published, prediction: Prediction, rows: np.typing.NDArray[np.int64], run: Run) -> list[Figure]:
    """Figures over some rows; none where they are too few."""
    if len(rows) < LEAST_JUDGED:
        return []
    return figures_of(
        prediction.score[rows],
        prediction.sd[rows],
        prediction.histogram[rows],
        published.score[rows],
        shares(published.histogram[rows]),
        run.settings.learn.seed,
        run.settings.learn.draws,
    )


def prediction_rows(published: Published, prediction: Prediction) -> pa.Table:
    """A prediction file: what `salon compare` takes."""
    low, high = prediction.interval()
    return pa.table(
        {
            "photo_id": published.rows["photo_id"],
            "split": published.rows["split"],
            "score": prediction.score,
            "sd": prediction.sd,
            "ci_low": low,
            "ci_high": high,
            "histogram": pa.array(list(prediction.histogram), pa.list_(pa.float64())),
        }
    )


def write_figures(
    folder: Path, published: Published, votes: Votes, found: dict[str, Any], taste: list[Result], lessons: Lessons
) -> None:
    """`figures.json`: everything that was measured, for the card and for machines."""
    content = {
        "release": published.manifest["name"],
        "version": published.manifest["version"],
        "model": published.model,
        "question": published.manifest.get("question"),
        "simulated": published.simulated,
        "photos": {split.value: len(published.rows_in(split)) for split in Split},
        "without_vector": published.without,
        "raters": len(votes.rater_ids),
        "votes": len(votes.value),
        "heads": {
            kind: {split: {f.name: [f.value, f.low, f.high] for f in figures} for split, figures in parts.items()}
            for kind, parts in found.items()
        },
        "personal_taste": [
            {
                "method": r.method.value,
                "shots": r.shots,
                "raters": r.raters,
                "episodes": r.episodes,
                "srcc": [r.srcc.value, r.srcc.low, r.srcc.high],
                "rmse": [r.rmse.value, r.rmse.low, r.rmse.high],
            }
            for r in taste
        ],
        "effects": [asdict(effect) for effect in lessons.effects],
        "concepts": [asdict(effect) for effect in lessons.concepts],
        "shortcuts": [asdict(shortcut) | {"flagged": shortcut.flagged} for shortcut in lessons.shortcuts],
    }
    write_whole(folder / "figures.json", (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def _outcome(
    published: Published,
    votes: Votes,
    folder: Path,
    found: dict[str, dict[str, list[Figure]]],
    taste: list[Result],
    lessons: Lessons,
) -> Outcome:
    counts: dict[str, int | float | str] = {
        "release": published.name,
        "model": published.model,
        "photos to learn from": len(published.rows_in(Split.TRAIN)),
        "raters": len(votes.rater_ids),
    }
    notes = []
    for kind, parts in found.items():
        for split in (Split.VALIDATION.value, Split.TEST.value):
            if not parts[split]:
                notes.append(f"{split}: fewer than {LEAST_JUDGED} photos, so no figures.")
            for figure in parts[split]:
                counts[f"{kind} head on {split} photos: {figure.name}"] = str(figure)
    for result in taste:
        if result.method in (Method.GENERIC, Method.KINDRED, Method.OTHERS):
            raters = f"personal taste, mean SRCC of {result.raters} raters"
            counts[f"{raters}: {result.shots} votes known, {result.method}"] = str(result.srcc)
    for effect in [e for e in lessons.effects if e.real][:5] + [e for e in lessons.concepts if e.real][:5]:
        counts[f"goes with the score: {effect.name}"] = (
            f"{effect.effect:+.3f} ({effect.low:+.3f} to {effect.high:+.3f})"
        )
    for shortcut in lessons.shortcuts:
        if shortcut.flagged:
            counts[f"shortcut to look at: {shortcut.name}"] = f"{shortcut.strength:.3f} (p {shortcut.adjusted:.2g})"
    if lessons.why_no_concepts:
        notes.append(lessons.why_no_concepts)
    if published.without:
        notes.append(f"{published.without} scored photos have no vector of {published.model} and were left out.")
    if published.simulated:
        notes.append("Scores rest on simulated ratings: what was learnt is simulated too.")
    files = {f"head {kind}": str(folder / f"{kind}.npz") for kind in found}
    files["card"] = str(folder / "README.md")
    files["figures"] = str(folder / "figures.json")
    return Outcome("learn", counts, tuple(dict.fromkeys(notes)), files)

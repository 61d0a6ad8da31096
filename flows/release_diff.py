"""`salon diff`: what changed between two versions, for people and for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.context import open_run
from flows.outcome import Outcome
from flows.predictions import read_predictions
from flows.release.build import plain_rows, read_material
from flows.release.compare import compare, difference_lines
from flows.release.predictions import agreement
from flows.release.register import shelf_of
from schemas.errors import WrongUse
from warehouse.releases.folder import DRAFTS
from warehouse.releases.manifest import read_manifest
from warehouse.releases.shelf import Shelf


def diff(root: str, name: str, before: str, after: str, predictions: str = "") -> Outcome:
    """Compare two versions.

    Parameters
    ----------
    before, after : str
        Versions of the dataset; drafts count.
    predictions : str
        A file of predictions whose agreement with both versions is told.
    """
    with shelf_of(open_run(root), name) as shelf:
        old, new = (_version_folder(shelf, name, version) for version in (before, after))
        question = read_manifest(new)["question"]
        first, second = (read_material(path, read_manifest(path)) for path in (old, new))
    difference = compare(first, second)
    counts: dict[str, Any] = {
        "photos that came": len(difference.photos_added),
        "photos that went": len(difference.photos_removed),
        "ratings that came": difference.ratings_added,
        "ratings that went": difference.ratings_removed,
        "photos that changed their split": len(difference.split_moves),
        "asks for": difference.bump.name.lower(),
    }
    for axis in difference.axes:
        name_of = axis.axis or question
        counts[f"{name_of}: scores that left their interval"] = len(axis.moved)
        counts[f"{name_of}: rank correlation"] = _figure(axis.rank_correlation)
    notes = difference_lines(difference)
    for axis in difference.axes:
        notes += [
            f"{it.photo_id}: {it.before:.3f} ({it.ci_low:.3f} to {it.ci_high:.3f}) became {it.after:.3f}."
            for it in axis.moved[:20]
        ]
    if predictions:
        known = read_predictions(Path(predictions))
        (rows_before, _), (rows_after, _) = plain_rows(first), plain_rows(second)
        then, now = agreement(known, rows_before), agreement(known, rows_after)
        for split in now:
            for measure in ("srcc", "plcc"):
                counts[f"predictions, {split}: {measure} before"] = _figure(then.get(split, {}).get(measure))
                counts[f"predictions, {split}: {measure} after"] = _figure(now[split][measure])
    return Outcome(stage="diff", counts=counts, notes=tuple(notes))


def _figure(value: float | None) -> float | str:
    return "too few photos" if value is None else round(value, 6)


def _version_folder(shelf: Shelf, name: str, version: str) -> Path:
    if version in shelf.withdrawn():
        raise WrongUse(f"{name} {version}: this version was withdrawn, and its rows are gone.")
    if version in shelf.versions():
        return shelf.rows_of(version)
    if version in shelf.drafts():
        return shelf.rows_of(f"{DRAFTS}/{version}")
    raise WrongUse(f"{name} {version}: there is no such version; there are: {', '.join(shelf.versions()) or 'none'}.")

"""`salon compare`: prediction files of any origin, ranked on a release's test split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from prefect import flow

from flows.context import open_run
from flows.learning.release import Votes, config, open_version, read_axis_votes
from flows.outcome import Outcome
from flows.predictions import read_predictions
from flows.reports.learning import comparison_page
from flows.runtime import publish_counts
from labeling.learning.comparison import LEAST_OF_SLICE, Ballots, ceiling, compare
from schemas.codes import Split
from schemas.errors import BadInput
from warehouse.releases.manifest import read_manifest

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NIGHT = 0.25
"""Mean lightness (0 to 1) below which a photo counts as night."""
MONOCHROME = 0.05
"""Mean saturation (0 to 1) below which a photo counts as monochrome."""
LEAST_PHOTOS = 10


@flow(name="compare", flow_run_name="compare {name} {version}")
def compare_predictions(root: str, name: str, version: str, files: list[str], split: str = Split.TEST.value) -> Outcome:
    """Rank prediction files.

    Parameters
    ----------
    root : str
        The warehouse.
    name, version : str
        The release.
    files : list of str
        CSV or Parquet files with the columns photo_id and score (or prediction).
    split : str
        Where they are judged: test, validation, train.
    """
    run = open_run(root)
    folder = open_version(run, name, version)
    rows = _judged(folder, split)
    photo_ids = rows["photo_id"].to_pylist()
    score = rows["score"].to_numpy()
    predictions = {label: _in_order(Path(file), photo_ids) for label, file in labelled(files).items()}
    common = np.all([np.isfinite(p) for p in predictions.values()], axis=0)
    if common.sum() < LEAST_PHOTOS:
        raise BadInput(
            "too few photos are in all prediction files",
            expected=f"at least {LEAST_PHOTOS} of the {len(score)} photos of {name} {version}, split {split}",
            got=str(int(common.sum())),
        )
    kept = np.flatnonzero(common)
    votes = read_axis_votes(folder, read_manifest(folder), photo_ids)
    ballots = _ballots(votes, kept)
    slices = {label: flags[kept] for label, flags in slices_of(rows).items()}
    learn = run.settings.learn
    standings = compare(
        {label: p[kept] for label, p in predictions.items()}, score[kept], ballots, slices, learn.seed, learn.draws
    )
    top = ceiling(ballots, len(kept), learn.seed) if ballots else None
    simulated = bool(pc.any(rows["simulated"]).as_py())
    report = run.warehouse.location.local("reports", f"compare-{name}-{version}.html")
    small = {label: int(flags.sum()) for label, flags in slices.items() if 0 < flags.sum() < LEAST_OF_SLICE}
    comparison_page(f"{name} {version}, {split}", standings, top, len(kept), simulated, small).write(report)
    counts: dict[str, int | float | str] = {"photos": len(kept), "raters": len(votes.rater_ids)}
    for place, standing in enumerate(standings, start=1):
        counts[f"{place}. {standing.name}: SRCC"] = str(standing.srcc)
        counts[f"{place}. {standing.name}: PLCC"] = str(standing.plcc)
    if top:
        counts["ceiling: split-half SRCC of the scores"] = f"{top.split_half:.3f}"
    notes = [f"{int((~common).sum())} photos are not in all files and were left out."] if not common.all() else []
    if simulated:
        notes.append("Scores rest on simulated ratings.")
    return publish_counts(Outcome("compare", counts, tuple(notes), {"report": str(report)}))


def _judged(folder: Path, split: str) -> pa.Table:
    """Photos of a split that have a score, by photo_id."""
    source = "scores" if (folder / "scores").is_dir() else "data"
    rows = config(folder, source, without=("image",))
    kept = rows.filter(pc.and_(pc.equal(rows["split"], split), pc.is_valid(rows["score"])))
    if not kept.num_rows:
        raise BadInput("there are no scored photos here", where=str(folder), field="split", got=split)
    return kept.sort_by("photo_id")


def labelled(files: list[str]) -> dict[str, str]:
    """The shortest names that tell the files apart: without ending, with it, and with more and more folders."""
    different = list(dict.fromkeys(files))
    for parts in range(1 + max(len(Path(file).parts) for file in different)):
        names = ["/".join(Path(file).parts[-parts:]) if parts else Path(file).stem for file in different]
        if len(set(names)) == len(names):
            break
    return dict(zip(names, different, strict=True))


def _in_order(file: Path, photo_ids: list[str]) -> Floats:
    """One prediction per photo; NaN where the file has none."""
    known = read_predictions(file)
    return np.array([known.get(photo, np.nan) for photo in photo_ids])


def _ballots(votes: Votes, kept: npt.NDArray[np.int64]) -> Ballots | None:
    """Votes on the photos compared, renumbered."""
    if not len(votes.value):
        return None
    place = np.full(int(max(votes.photo.max(), kept.max())) + 1, -1)
    place[kept] = np.arange(len(kept))
    own = place[votes.photo] >= 0
    return Ballots(place[votes.photo[own]], votes.rater[own], votes.value[own])


def slices_of(rows: pa.Table) -> dict[str, Flags]:
    """Night, monochrome, resolution halves, and the cameras with most photos."""
    found: dict[str, Flags] = {}
    columns = set(rows.column_names)
    if "brightness" in columns:
        found["night"] = np.asarray(rows["brightness"].fill_null(1.0).to_numpy() < NIGHT)
    if "saturation" in columns:
        found["monochrome"] = np.asarray(rows["saturation"].fill_null(1.0).to_numpy() < MONOCHROME)
    if {"width", "height"} <= columns:
        pixels = rows["width"].to_numpy().astype(np.float64) * rows["height"].to_numpy()
        if np.ptp(pixels) > 0:
            found["low resolution"] = np.asarray(pixels < np.median(pixels))
            found["high resolution"] = ~found["low resolution"]
    if "camera_make" in columns:
        makes = np.array([make or "" for make in rows["camera_make"].to_pylist()])
        for make, _ in sorted(((m, int((makes == m).sum())) for m in set(makes) - {""}), key=lambda x: (-x[1], x[0]))[
            :5
        ]:
            found[f"device: {make}"] = makes == make
        found["device: unknown"] = makes == ""
    return found

"""A published version as arrays: vectors, scores, histograms, splits and votes, row by row of its photos."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.context import Run
from flows.release.register import releases_location
from schemas.codes import RatingStatus, TaskRole
from schemas.errors import WrongUse
from warehouse.releases.folder import TOMBSTONE, check_name, version_key
from warehouse.releases.manifest import read_manifest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Published:
    """The photos of a version that have a score and a vector.

    Attributes
    ----------
    folder : Path
    manifest : dict
    model : str
        The space of the vectors.
    rows : pyarrow.Table
        The configuration `scores` of these photos (default without pictures).
    vectors : ndarray of float32, shape (n, d)
    score : ndarray of float64, shape (n,)
    histogram : ndarray of float64, shape (n, k)
        Votes per step of the scale.
    without : int
        Scored photos that have no vector of this model.
    """

    folder: Path
    manifest: dict[str, Any]
    model: str
    rows: pa.Table
    vectors: npt.NDArray[np.float32]
    score: Floats
    histogram: Floats
    without: int

    def rows_in(self, split: str) -> Ints:
        """Row numbers of a split."""
        return np.flatnonzero(np.asarray(self.rows["split"].to_pylist()) == split)

    @property
    def photo_ids(self) -> list[str]:
        """Ids of the rows."""
        return list(self.rows["photo_id"].to_pylist())

    @property
    def simulated(self) -> bool:
        """At least one score rests on simulated ratings."""
        return bool(pc.any(self.rows["simulated"]).as_py())

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.manifest['name']} {self.manifest['version']}"


def open_version(run: Run, name: str, version: str) -> Path:
    """The folder of a published version; raises WrongUse where there is none or it was withdrawn."""
    version_key(version)
    found = releases_location(run).local(check_name(name))
    folder = found / version
    if (folder / TOMBSTONE).exists():
        raise WrongUse(f"{name} {version}: this version was withdrawn; use its successor.")
    if not (folder / "manifest.json").exists():
        there = sorted(p.parent.name for p in found.glob("*/manifest.json")) if found.is_dir() else []
        raise WrongUse(
            f"{name} {version}: there is no such release; versions: {', '.join(there) or 'none, run salon publish'}."
        )
    return folder


def read_version(folder: Path, wanted: str = "") -> Published:
    """Read a version with the vectors of one model.

    Parameters
    ----------
    folder : Path
    wanted : str
        The model; empty: the one with vectors of most photos.

    Raises
    ------
    WrongUse
        The version lacks the configurations `scores` or `embeddings`, or vectors of this model.
    """
    manifest = read_manifest(folder)
    columns = config(folder, "scores") if (folder / "scores").is_dir() else config(folder, "data", without=("image",))
    if not (folder / "embeddings").is_dir():
        raise WrongUse(f"{folder}: no configuration 'embeddings'; run `salon embed`, then publish with it.")
    embedded = config(folder, "embeddings")
    models = Counter(embedded["model"].to_pylist())
    model = wanted or min(models, key=lambda m: (-models[m], m), default="")
    if model not in models:
        raise WrongUse(f"{folder}: no vectors of model '{model}'; there are: {', '.join(sorted(models)) or 'none'}.")
    scored = columns.filter(pc.is_valid(columns["score"])).sort_by("photo_id")
    of_model = embedded.filter(pc.equal(embedded["model"], model))
    place = {photo: row for row, photo in enumerate(of_model["photo_id"].to_pylist())}
    found = [place.get(photo, -1) for photo in scored["photo_id"].to_pylist()]
    has = np.array([row >= 0 for row in found], dtype=bool)
    rows = scored.filter(pa.array(has))
    flat = pc.list_flatten(of_model["vector"]).to_numpy()
    vectors = flat.reshape(of_model.num_rows, -1)[[row for row in found if row >= 0]].astype(np.float32)
    return Published(
        folder=folder,
        manifest=manifest,
        model=model,
        rows=rows,
        vectors=vectors,
        score=rows["score"].to_numpy(),
        histogram=np.array(rows["histogram"].to_pylist(), dtype=np.float64),
        without=int(np.count_nonzero(~has)),
    )


def config(folder: Path, name: str, without: tuple[str, ...] = ()) -> pa.Table:
    """All rows of a configuration, in the order of its files' names."""
    parts = []
    for file in sorted((folder / name).glob("*.parquet")):
        names = [n for n in pq.read_schema(file).names if n not in without]
        parts.append(pq.read_table(file, columns=names).replace_schema_metadata(None))
    if not parts:
        raise WrongUse(f"{folder}: no configuration '{name}'; name it under configs in [publish] and publish again.")
    return pa.concat_tables(parts)


@dataclass(frozen=True)
class Votes:
    """Counted votes on a version's photos, once per rater and photo (the first).

    Attributes
    ----------
    photo, rater : ndarray of int64, shape (n,)
        Row of the photo in `Published.rows`, and number of the rater.
    value : ndarray of float64, shape (n,)
    position : ndarray of float64, shape (n,)
        Place in the rater's order; NaN where it is not known.
    rater_ids : list of str
    low, high : float
        Ends of the scale.
    """

    photo: Ints
    rater: Ints
    value: Floats
    position: Floats
    rater_ids: list[str]
    low: float
    high: float


def read_votes(published: Published) -> Votes:
    """The votes behind the scores of a version; raises WrongUse where it has no configuration `ratings`."""
    return read_axis_votes(published.folder, published.manifest, published.photo_ids)


def read_axis_votes(folder: Path, manifest: dict[str, Any], photo_ids: list[str]) -> Votes:
    """Counted votes on some photos, on the question and scale of the release's plain columns."""
    table = config(folder, "ratings")
    question = manifest.get("question")
    counted = pc.and_(
        pc.equal(table["status"], RatingStatus.COUNTED.value), pc.not_equal(table["role"], TaskRole.TRAINING.value)
    )
    table = table.filter(pc.and_(counted, pc.is_valid(table["value"])))
    axes = Counter(zip(table["question"].to_pylist(), table["scale"].to_pylist(), strict=True))
    if not axes:
        raise WrongUse(f"{folder}: no counted ratings to learn from.")
    axis = min((a for a in axes if question in (None, a[0])), key=lambda a: (-axes[a], a))
    table = table.filter(pc.and_(pc.equal(table["question"], axis[0]), pc.equal(table["scale"], axis[1])))
    place = {photo: row for row, photo in enumerate(photo_ids)}
    photo = np.array([place.get(p, -1) for p in table["released_photo_id"].to_pylist()], dtype=np.int64)
    ids = sorted(set(table["rater_id"].to_pylist()))
    number = {rater: k for k, rater in enumerate(ids)}
    rater = np.array([number[r] for r in table["rater_id"].to_pylist()], dtype=np.int64)
    trial = table["trial"].fill_null(0).to_numpy()
    order = np.lexsort((np.asarray(table["rating_id"].to_pylist()), trial, photo, rater))
    order = order[photo[order] >= 0]
    pairs = rater[order] * (len(place) + 1) + photo[order]
    first = order[np.concatenate([[True], pairs[1:] != pairs[:-1]])] if len(order) else order
    return Votes(
        photo=photo[first],
        rater=rater[first],
        value=table["value"].to_numpy()[first],
        position=table["position"].cast(pa.float64()).fill_null(np.nan).to_numpy()[first],
        rater_ids=ids,
        low=float(table["scale_low"][0].as_py()),
        high=float(table["scale_high"][0].as_py()),
    )

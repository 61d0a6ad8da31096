"""Vectors of one model as a memory-mapped matrix: derived from `embeddings`, grown file by file, never the truth.

Delta keeps vectors as lists; reading a million takes seconds. The matrix beside it is read by the operating
system page by page, so that a search over a million vectors takes a fraction of a second and no memory of ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from schemas.errors import IntegrityFault
from schemas.photos import EMBEDDINGS
from warehouse.filesystem import Location
from warehouse.locks import exclusive
from warehouse.store import Warehouse

ID_BYTES = 32
KEY = f"V{ID_BYTES}"
BLOCK = 1 << 16
"""Vectors that a search looks at in one product."""
LOCK_PATIENCE_S = 600.0
ROUNDING = 1e-5
"""A product of unit vectors in float32 is this near to the exact one."""

COLUMNS = pa.schema([EMBEDDINGS.schema.field(name) for name in ("photo_id", "model", "vector")])

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class VectorMatrix:
    """All vectors of one model.

    Attributes
    ----------
    ids : ndarray of uint8, shape (n, 32)
        photo_id as bytes.
    vectors : ndarray of float32, shape (n, dimensions)
        Memory-mapped; rows as in `ids`, in no particular order.
    """

    ids: npt.NDArray[np.uint8]
    vectors: Vectors

    def photo_ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """photo_ids of some rows."""
        return [self.ids[row].tobytes().hex() for row in rows]

    def rows_of(self, photo_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Row of each photo; -1 where it has no vector."""
        wanted = np.frombuffer(bytes.fromhex("".join(photo_ids)), dtype=KEY)
        if not len(self.ids) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        keys = np.ascontiguousarray(self.ids).view(KEY).ravel()
        # Eight bytes of a hash nearly always tell photos apart, and are sorted in a third of the time.
        heads = np.ascontiguousarray(self.ids[:, :8]).view(np.uint64).ravel()
        order = np.argsort(heads)
        ordered = heads[order]
        if (ordered[1:] == ordered[:-1]).any():
            order = np.argsort(keys)
            places = np.searchsorted(keys, wanted, sorter=order)
        else:
            places = np.searchsorted(ordered, wanted.view(np.uint64)[:: ID_BYTES // 8])
        rows = order[np.minimum(places, len(keys) - 1)]
        return np.where(keys[rows] == wanted, rows, -1)


def open_vectors(warehouse: Warehouse, model: str, cache: Path | None = None) -> VectorMatrix:
    """The matrix of a model, brought up to date with the table.

    Parameters
    ----------
    warehouse : Warehouse
    model : str
    cache : Path, optional
        Where the matrix lies; else ``derived/vectors`` in the warehouse, which must then be a local folder.
    """
    base = cache or warehouse.location.local("derived", "vectors")
    slug = re.sub(r"[^A-Za-z0-9.-]+", "_", model)
    folder = base / f"{slug}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(Location.of(folder), "vectors", LOCK_PATIENCE_S):
        return _refreshed(warehouse, model, folder)


@dataclass(frozen=True)
class _State:
    """What a matrix on disk holds."""

    files: frozenset[str]
    rows: int
    dimensions: int

    @classmethod
    def read(cls, path: Path) -> _State:
        if not path.exists():
            return cls(frozenset(), 0, 0)
        known = json.loads(path.read_text(encoding="utf-8"))
        return cls(frozenset(known["files"]), int(known["rows"]), int(known["dimensions"]))

    def write(self, path: Path) -> None:
        content = {"files": sorted(self.files), "rows": self.rows, "dimensions": self.dimensions}
        part = path.with_suffix(".part")
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(path)


def _refreshed(warehouse: Warehouse, model: str, folder: Path) -> VectorMatrix:
    """Append what new data files hold; begin again where files went (compaction, takedown)."""
    state = _State.read(folder / "state.json")
    fragments = {fragment.path: fragment for fragment in warehouse.table(EMBEDDINGS).dataset().get_fragments()}
    if state.files - set(fragments):
        state = _State(frozenset(), 0, 0)
        # Other processes may have the old files mapped: they keep them, new ones take their place.
        for name in ("ids.bin", "vectors.bin"):
            (folder / name).unlink(missing_ok=True)
    fresh = sorted(set(fragments) - state.files)
    if fresh:
        rows, dimensions = _append(folder, state, model, [fragments[name] for name in fresh])
        state = _State(frozenset(fragments), rows, dimensions)
        state.write(folder / "state.json")
    return _mapped(folder, state)


def _append(folder: Path, state: _State, model: str, fragments: Sequence[pads.Fragment]) -> tuple[int, int]:
    """Write the model's rows of some data files behind those that are there; what a kill left over is cut off."""
    rows, dimensions = state.rows, state.dimensions
    with (
        _opened(folder / "ids.bin", rows * ID_BYTES) as ids,
        _opened(folder / "vectors.bin", rows * dimensions * 4) as vectors,
    ):
        for fragment in fragments:
            for whole in fragment.to_batches(columns=COLUMNS.names, batch_size=8192):
                # Cast and filtered here: after one of Delta's own deletes files hold string views, which pyarrow's
                # datasets do not compare with strings.
                plain = whole.cast(COLUMNS)
                batch = plain.filter(pc.equal(plain["model"], model))
                if not batch.num_rows:
                    continue
                flat = batch["vector"].flatten()
                length = len(flat) // batch.num_rows
                if dimensions not in (0, length) or length * batch.num_rows != len(flat):
                    raise IntegrityFault(f"embeddings: vectors of '{model}' have {dimensions} and {length} numbers.")
                dimensions = length
                ids.write(bytes.fromhex("".join(batch["photo_id"].to_pylist())))
                vectors.write(np.ascontiguousarray(flat.to_numpy(), dtype="<f4").tobytes())
                rows += batch.num_rows
        for stream in (ids, vectors):
            stream.flush()
            os.fsync(stream.fileno())
    return rows, dimensions


def _opened(path: Path, size: int):  # type: ignore[no-untyped-def]  # the type of open() in this mode
    path.touch()
    stream = path.open("r+b")
    stream.truncate(size)
    stream.seek(size)
    return stream


def _mapped(folder: Path, state: _State) -> VectorMatrix:
    if not state.rows:
        return VectorMatrix(np.empty((0, ID_BYTES), np.uint8), np.empty((0, state.dimensions), np.float32))
    return VectorMatrix(
        np.memmap(folder / "ids.bin", np.uint8, "r", shape=(state.rows, ID_BYTES)),
        np.memmap(folder / "vectors.bin", "<f4", "r", shape=(state.rows, state.dimensions)),
    )


@dataclass(frozen=True)
class Hit:
    """A photo that a search found."""

    photo_id: str
    score: float


def nearest(matrix: VectorMatrix, query: Vectors, count: int) -> list[Hit]:
    """The photos whose vectors have the largest products with a query: exact, ties by photo_id.

    Parameters
    ----------
    matrix : VectorMatrix
    query : ndarray of float32, shape (dimensions,)
        L2-normalised.
    count : int
    """
    rows = len(matrix.vectors)
    count = min(count, rows)
    if not count:
        return []
    scores = np.empty(rows, np.float32)
    for start in range(0, rows, BLOCK):
        np.dot(matrix.vectors[start : start + BLOCK], query, out=scores[start : start + BLOCK])
    # Products in float32 pick the candidates; all that could belong to the best are measured in float64.
    limit = np.partition(scores, rows - count)[rows - count] - ROUNDING
    candidates = np.flatnonzero(scores >= limit)
    exact = matrix.vectors[candidates].astype(np.float64) @ query.astype(np.float64)
    found = zip(matrix.photo_ids(candidates), exact.tolist(), strict=True)
    return [Hit(photo_id, score) for photo_id, score in sorted(found, key=lambda pair: (-pair[1], pair[0]))[:count]]


def vectors_of(matrix: VectorMatrix, photo_ids: Sequence[str]) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    """Vectors of some photos, in their order, and which of them have one (the others' rows are zeros)."""
    rows = matrix.rows_of(photo_ids)
    there = rows >= 0
    found = np.zeros((len(rows), matrix.vectors.shape[1]), np.float32)
    found[there] = matrix.vectors[rows[there]]
    return found, there

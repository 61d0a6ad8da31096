"""A curated warehouse for tests of studies, made of rows alone, and what is asked of it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from flows.context import Run
from flows.outcome import Outcome
from flows.selection.plan import Chosen, plan_batch
from flows.simulate import simulate
from schemas.columns import TableSpec
from schemas.photos import (
    BURSTS,
    DUPLICATES,
    EMBEDDINGS,
    PHOTOS,
    PICTURES,
    SIGHTINGS,
    VERDICTS,
    Burst,
    Duplicate,
    Embedding,
    Photo,
    Picture,
    Sighting,
    Verdict,
)
from schemas.properties import PROPERTIES, Properties
from schemas.ratings import BATCHES, Batch, Task
from schemas.settings import Settings, StudySettings
from tests.labeling.test_selection import photo_ids
from warehouse.store import Warehouse

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PHOTO_COUNT = 120
BURST_SIZE = 4


def defaults(row: type, **given: object) -> dict[str, object]:
    """Values for the columns of a record that a test does not care about."""
    plain = {"string": "", "int64": 1, "double": 0.5, "bool": False, "timestamp[us, tz=UTC]": NOW}
    spec = TableSpec("any", row, ("x",), "")
    lists: dict[str, object] = {c.name: [] for c in spec.columns if str(c.type).startswith("list")}
    return {c.name: plain.get(str(c.type)) for c in spec.columns if not c.nullable} | lists | given


def photo(photo_id: str, **changes: object) -> Photo:
    return Photo(**defaults(Photo, photo_id=photo_id, photographer=None) | changes)  # type: ignore[arg-type]  # as given


def verdict(photo_id: str, **changes: object) -> Verdict:
    return Verdict(**defaults(Verdict, photo_id=photo_id, rule="dark", kept=True) | changes)  # type: ignore[arg-type]  # as given


def jpeg(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 100, 200 - shade)).save(out, "JPEG")
    return out.getvalue()


def fill(root: Path, count: int = PHOTO_COUNT) -> Warehouse:
    """A curated warehouse: bursts of four, some near copies, some rejected photos, vectors and properties."""
    warehouse = Warehouse.create(root)
    ids = photo_ids(count)
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(count, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rejected = {photo_id for n, photo_id in enumerate(ids) if n % 10 == 9}
    tables: dict[TableSpec, Iterable[object]] = {
        PHOTOS: [photo(i, photographer=f"person {n % 5}" if n % 2 else None) for n, i in enumerate(ids)],
        SIGHTINGS: [
            Sighting(**defaults(Sighting, uri=f"/p/{n}.jpg", photo_id=i, file_name=f"{n}.jpg"))  # type: ignore[arg-type]  # as given
            for n, i in enumerate(ids)
        ],
        PICTURES: [
            Picture(photo_id=i, version="canonical@1", width=32, height=24, bytes=jpeg(n)) for n, i in enumerate(ids)
        ],
        PROPERTIES: [
            Properties(
                **defaults(  # type: ignore[arg-type]  # as given
                    Properties, photo_id=i, version="default@1", brightness=float(rng.normal(0.5, 0.1)),
                    colorfulness=float(rng.lognormal(3, 0.4)), sharpness=float(rng.lognormal(6, 1)),
                )
            )
            for i in ids
        ],
        EMBEDDINGS: [
            Embedding(**defaults(Embedding, photo_id=i, model="descriptor@1", vector=vectors[n].tolist()))  # type: ignore[arg-type]  # as given
            for n, i in enumerate(ids)
        ],
        VERDICTS: [
            verdict(i, kept=i not in rejected, rule="nudity" if n % 20 == 19 else "dark") for n, i in enumerate(ids)
        ],
        BURSTS: [
            Burst(photo_id=i, burst_id=f"burst {n // BURST_SIZE}", position=n % BURST_SIZE)
            for n, i in enumerate(ids[:40])
        ],
        DUPLICATES: [
            Duplicate(**defaults(Duplicate, photo_id=i, group_id="g", representative_id=ids[50], relation="near"))  # type: ignore[arg-type]  # as given
            for i in ids[50:52]
        ],
    }  # fmt: skip
    for spec, rows in tables.items():
        warehouse.table(spec).insert(rows)
    return warehouse


def run_on(root: Path, **study: object) -> Run:
    return Run(str(root), Warehouse.open(root), Settings(study=StudySettings.model_validate(study)))


def settings_of(run: Run, text: str) -> None:
    Path(run.root, "salon.toml").write_text(text, encoding="utf-8")


def planned(run: Run, n: int | None = None, name: str | None = None, again: bool = False) -> Chosen:
    chosen = plan_batch(run, n, name=name, again=again)
    assert chosen is not None
    return chosen


def tasks_of(run: Run, batch_id: str) -> list[Task]:
    rows = run.warehouse.query("SELECT * FROM tasks WHERE batch_id = $1 ORDER BY task_key", [batch_id])
    return [Task(**row) for row in rows.to_pylist()]


def as_sent(run: Run, batch_id: str) -> None:
    rows = run.warehouse.query("SELECT * FROM batches WHERE batch_id = $1", [batch_id]).to_pylist()
    run.warehouse.table(BATCHES).replace([Batch(**rows[0] | {"state": "sent"})], where=f"batch_id = '{batch_id}'")


def simulated(run: Run, **how: object) -> Outcome:
    return simulate(run.root, **how)  # type: ignore[call-overload,no-any-return]  # parameters as given

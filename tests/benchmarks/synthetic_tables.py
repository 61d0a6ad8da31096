"""Tables without pictures: as many photos, fingerprints, properties, verdicts and ratings as one asks for.

Every stage that reads tables alone can be run at ten million rows with them. Everything is marked as simulated.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from schemas.columns import TableSpec
from schemas.photos import FINGERPRINTS, PHOTOS, SIGHTINGS, VERDICTS
from schemas.properties import PROPERTIES
from schemas.ratings import RATINGS
from warehouse.store import Warehouse

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
SHARD = 500_000
RATINGS_PER_PHOTO = 10
FILLINGS = {
    pa.string(): "",
    pa.int64(): 0,
    pa.float64(): 0.5,
    pa.bool_(): False,
    pa.binary(): b"",
    pa.timestamp("us", tz="UTC"): MOMENT,
}


def photo_ids(first: int, count: int) -> pa.Array:
    """Ids that look like checksums, the same each time."""
    rng = np.random.default_rng(first)
    digits = rng.bytes(count * 32).hex()
    return pa.array([digits[k * 64 : (k + 1) * 64] for k in range(count)])


def filled(spec: TableSpec, count: int, **columns: object) -> pa.Table:
    """Rows of a table: given columns as given, optional ones null, the rest filled with a plain value."""
    made = {}
    for column in spec.columns:
        if column.name in columns:
            given = columns[column.name]
            made[column.name] = given if isinstance(given, pa.Array) else pa.array([given] * count, column.type)
        elif column.nullable:
            made[column.name] = pa.nulls(count, column.type)
        elif pa.types.is_list(column.type):
            made[column.name] = pa.array([[]] * count, column.type)
        else:
            made[column.name] = pa.repeat(pa.scalar(FILLINGS[column.type], column.type), count)
    return pa.table(made, schema=spec.schema)


def write_tables(root: str, photos: int) -> Warehouse:
    """A warehouse with so many photos, with everything that table-only stages read."""
    warehouse = Warehouse.create(root)
    for first in range(0, photos, SHARD):
        count = min(SHARD, photos - first)
        rng = np.random.default_rng([first, 1])
        ids = photo_ids(first, count)
        uris = pa.array([f"/photos/{first + k}.jpg" for k in range(count)])
        bits = pa.array([row.tobytes() for row in rng.integers(0, 256, (count, 8), dtype=np.uint8)])
        measured = {
            f.name: pa.array(rng.normal(0.5, 0.2, count))
            for f in dataclasses.fields(PROPERTIES.row)
            if f.type in ("float", float)
        }
        warehouse.table(SIGHTINGS).insert(filled(SIGHTINGS, count, photo_id=ids, uri=uris, file_name=uris))
        warehouse.table(FINGERPRINTS).insert(filled(FINGERPRINTS, count, photo_id=ids, method="phash64@1", bits=bits))
        warehouse.table(PROPERTIES).insert(filled(PROPERTIES, count, photo_id=ids, version="default@1", **measured))
        warehouse.table(PHOTOS).insert(
            filled(PHOTOS, count, photo_id=ids, uri=uris, width=4000, height=3000, orientation=1, simulated=True)
        )
    return warehouse


def write_verdicts(warehouse: Warehouse) -> None:
    """Every photo passes one rule."""
    ids = warehouse.table(PHOTOS).read(["photo_id"])["photo_id"].combine_chunks()
    warehouse.table(VERDICTS).replace(
        filled(VERDICTS, len(ids), photo_id=ids, rule="resolution@1", rules_version="1", kept=True)
    )


def write_ratings(warehouse: Warehouse, rated: int, raters: int) -> None:
    """Ten votes on each of so many photos, by raters with a bias each."""
    ids = warehouse.table(PHOTOS).read(["photo_id"])["photo_id"].combine_chunks().slice(0, rated)
    rng = np.random.default_rng(2)
    quality, bias = rng.normal(3, 0.7, rated), rng.normal(0, 0.3, raters)
    for first in range(0, rated, SHARD // RATINGS_PER_PHOTO):
        chosen = np.arange(first, min(rated, first + SHARD // RATINGS_PER_PHOTO)).repeat(RATINGS_PER_PHOTO)
        who = rng.integers(0, raters, len(chosen))
        votes = np.clip(np.round(quality[chosen] + bias[who] + rng.normal(0, 0.6, len(chosen))), 1, 5)
        keys = pa.array([f"{first * RATINGS_PER_PHOTO + k:032x}" for k in range(len(chosen))])
        warehouse.table(RATINGS).insert(
            filled(
                RATINGS, len(chosen), rating_id=keys, identity=keys, photo_id=ids.take(pa.array(chosen)),
                rater_id=pa.array([f"r{k:020x}" for k in who]), question="beauty", scale="acr-5", scale_low=1.0,
                scale_high=5.0, value=pa.array(votes), role="rate", source="synthetic", status="counted",
                simulated=True,
            )
        )  # fmt: skip

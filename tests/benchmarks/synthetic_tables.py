"""Tables without pictures: as many photos, fingerprints, properties, verdicts and ratings as one asks for.

Every stage that reads tables alone can be run at ten million rows with them. Everything is marked as simulated.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from curation.duplicates.comparison import LOOK
from schemas.columns import TableSpec
from schemas.photos import DUPLICATE_PAIRS, FINGERPRINTS, PHOTOS, SIGHTINGS
from schemas.properties import PROPERTIES
from schemas.ratings import RATINGS
from tests.benchmarks.synthetic_words import Words, code_words, scattered
from warehouse.store import Warehouse

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
SHARD = 500_000
RATINGS_PER_PHOTO = 10
FORMS = 8
EVERY = 50
"""One photo in so many is a near copy of the one before it."""
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


def fingerprint_words(first: int, count: int) -> Words:
    """Words of photos in their eight forms, shape (count, 8): a copy has one bit other than the photo before it."""
    numbers = np.arange(first * FORMS, (first + count) * FORMS, dtype=np.uint64).reshape(count, FORMS)
    words = code_words(scattered(numbers))
    copies = np.arange(EVERY - 1, count, EVERY)
    words[copies, 0] = words[copies - 1, 0] ^ np.uint64(1)
    return words


def big_endian(words: Words) -> pa.Array:
    """Rows of words as binary values."""
    flat = np.ascontiguousarray(words, dtype=">u8")
    size = flat.shape[1] * 8
    offsets = pa.array(np.arange(0, flat.nbytes + 1, size, dtype=np.int32))
    return pa.Array.from_buffers(pa.binary(), len(flat), [None, offsets.buffers()[1], pa.py_buffer(flat)])


def pairs_looked_at(ids: pa.Array) -> pa.Table:
    """Every planted copy and its original, as an earlier second look would have left them: without pictures there
    is none."""
    copies = np.arange(EVERY - 1, len(ids), EVERY)
    names = np.sort(np.array([ids.take(pa.array(copies - 1)).to_pylist(), ids.take(pa.array(copies)).to_pylist()]), 0)
    return filled(
        DUPLICATE_PAIRS, len(copies), photo_a=pa.array(names[0].tolist(), pa.string()),
        photo_b=pa.array(names[1].tolist(), pa.string()), method="phash64@1", distance=1.0, verified=True, measure=0.95,
        relation="near", agreeing=0.95, look=LOOK,
    )  # fmt: skip


def exposed_at(first: int, count: int) -> pa.Array:
    """One photo an hour, and now and then one a second after the photo before it."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    seconds = np.where(numbers % 20 == 10, (numbers - 1) * 3600 + 1, numbers * 3600)
    return pa.array(int(MOMENT.timestamp()) * 1_000_000 + seconds * 1_000_000, pa.timestamp("us", tz="UTC"))


def write_tables(root: str, photos: int) -> Warehouse:
    """A warehouse with so many photos, with everything that table-only stages read."""
    warehouse = Warehouse.create(root)
    for first in range(0, photos, SHARD):
        count = min(SHARD, photos - first)
        rng = np.random.default_rng([first, 1])
        ids = photo_ids(first, count)
        uris = pa.array([f"/photos/{first + k}.jpg" for k in range(count)])
        words = fingerprint_words(first, count)
        measured = {
            f.name: pa.array(rng.normal(0.5, 0.2, count))
            for f in dataclasses.fields(PROPERTIES.row)
            if f.type in ("float", float)
        }
        warehouse.table(SIGHTINGS).insert(filled(SIGHTINGS, count, photo_id=ids, uri=uris, file_name=uris))
        for method, bits in (("phash64@1", words[:, :1]), ("phash64_forms@1", words)):
            warehouse.table(FINGERPRINTS).insert(
                filled(FINGERPRINTS, count, photo_id=ids, method=method, bits=big_endian(bits))
            )
        warehouse.table(DUPLICATE_PAIRS).insert(pairs_looked_at(ids))
        warehouse.table(PROPERTIES).insert(filled(PROPERTIES, count, photo_id=ids, version="default@1", **measured))
        warehouse.table(PHOTOS).insert(
            filled(
                PHOTOS, count, photo_id=ids, uri=uris, width=4000, height=3000, orientation=1, simulated=True,
                camera_make="Made", camera_model="Up", captured_at=exposed_at(first, count),
            )
        )  # fmt: skip
    return warehouse


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

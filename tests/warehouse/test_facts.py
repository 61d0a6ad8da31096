"""What is known of photos: numbers by the newest definition, and words, at the places of the photos."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas.columns import TableSpec
from schemas.photos import PHOTOS, SIGHTINGS
from schemas.properties import PROPERTIES
from tests.benchmarks.synthetic_tables import filled, photo_ids
from warehouse.facts import NOTHING_KNOWN, measures_of, numbers_of, texts_of
from warehouse.places import Places, id_texts
from warehouse.store import Warehouse

MEASURES = ("blur", "complexity", "balance")


def insert(warehouse: Warehouse, spec: TableSpec, count: int, **columns: object) -> None:
    warehouse.table(spec).insert(filled(spec, count, **columns))


def measured(warehouse: Warehouse, ids: pa.Array) -> None:
    """Some photos by one definition, some by several, in any order, with values missing here and there."""
    rng, draw = np.random.default_rng(3), random.Random(3)
    for version in draw.sample(["default@1", "default@2", "full@1", "full@10", "full", "default@x"], 6):
        some = ids.take(pa.array(np.flatnonzero(rng.random(len(ids)) < 0.5)))
        values = {name: pa.array(rng.normal(size=len(some)), mask=rng.random(len(some)) < 0.3) for name in MEASURES}
        insert(warehouse, PROPERTIES, len(some), photo_id=some, version=version, **values)


def test_each_number_is_by_the_newest_definition_that_measured_it(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    ids = pa.array(sorted(photo_ids(0, 400).to_pylist()))
    insert(warehouse, PHOTOS, 400, photo_id=ids, uri=ids, width=400, height=300)
    measured(warehouse, ids)
    age = "TRY_CAST(split_part(version, '@', 2) AS INTEGER)"
    columns = ", ".join(f'arg_max("{name}", {age}) AS "{name}"' for name in MEASURES)
    by_sql = warehouse.query(
        f"SELECT p.photo_id, {', '.join(MEASURES)} FROM photos p LEFT JOIN "
        f"(SELECT photo_id, {columns} FROM properties GROUP BY photo_id) m USING (photo_id) ORDER BY p.photo_id"
    ).to_pandas()
    names, numbers = numbers_of(warehouse, (*MEASURES, "megapixels", "height"))
    assert [name.decode() for name in names.tolist()] == by_sql["photo_id"].tolist()
    # Two sets of the same number measure the same: which of them SQL takes is not told.
    tied = warehouse.query(f"SELECT photo_id FROM properties GROUP BY photo_id, {age} HAVING count(*) > 1").to_pandas()[
        "photo_id"
    ]
    clear = ~by_sql["photo_id"].isin(tied).to_numpy()
    assert clear.sum() > 100
    for name in MEASURES:
        np.testing.assert_array_equal(numbers[name][clear], by_sql[name].to_numpy()[clear])
    assert np.isnan(numbers["blur"]).any()
    assert set(numbers["megapixels"]) == {0.12}
    assert set(numbers["height"]) == {300.0}


def test_only_the_asked_photos_have_places(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    ids = photo_ids(0, 50)
    measured(warehouse, ids)
    few = pa.array(sorted(ids.to_pylist())[:5])
    some, every = (
        measures_of(warehouse, Places(id_texts(pa.array(sorted(of.to_pylist())))), ["balance"]) for of in (few, ids)
    )
    np.testing.assert_array_equal(some["balance"], every["balance"][:5])
    assert measures_of(warehouse, Places(id_texts(few)), []) == {}


def test_words_are_those_of_the_photo_and_of_its_sightings(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    ids = pa.array(sorted(photo_ids(0, 4).to_pylist()))
    insert(warehouse, PHOTOS, 4, photo_id=ids, uri=ids, license=pa.array(["CC0", None, "", "CC-BY"]))
    uris = pa.array([f"/{k}" for k in range(4)])
    seen = pa.array([ids[0].as_py(), ids[3].as_py(), ids[3].as_py(), ids[1].as_py()])
    licenses = pa.array(["CC0", "CC-BY", "all rights reserved", None])
    insert(warehouse, SIGHTINGS, 4, photo_id=seen, uri=uris, file_name=uris, license=licenses)
    sets, place = texts_of(warehouse, "license", Places(id_texts(ids)))
    assert [sets[k] for k in place.tolist()] == [("CC0",), (), (), ("CC-BY", "all rights reserved")]
    assert sets[NOTHING_KNOWN] == ()

"""What is known of every representative, column by column, for rules and strata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.photos import PHOTOS
from schemas.properties import PROPERTIES
from warehouse.contents import ROWS
from warehouse.places import Gathered, Ids, Places, id_texts
from warehouse.store import Warehouse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

SORTED = "1GB"
"""What DuckDB may take to put photos in order: what it does not need, those who ask keep their rows in."""
BESIDE = "500MB"
"""What it may take where millions of photos are held already."""
NOTHING_KNOWN = 0

DERIVED = {
    "short_side": "least(width, height)",
    "long_side": "greatest(width, height)",
    "megapixels": "width * height / 1e6",
    "elongation": "greatest(width, height) / least(width, height)",
}
"""Measures that follow from columns of photos."""


def numeric_measures() -> tuple[str, ...]:
    """Names that `numbers_of` knows: derived ones, columns of properties, columns of photos."""
    return (
        *DERIVED,
        *_columns(PROPERTIES.schema, pa.float64(), pa.int64()),
        *_columns(PHOTOS.schema, pa.float64(), pa.int64()),
    )


def text_columns() -> tuple[str, ...]:
    """Names that `texts_of` knows."""
    return _columns(PHOTOS.schema, pa.string())


def _columns(schema: pa.Schema, *types: pa.DataType) -> tuple[str, ...]:
    return tuple(field.name for field in schema if field.type in types and field.name != "photo_id")


def numbers_of(warehouse: Warehouse, measures: Sequence[str]) -> tuple[Ids, dict[str, Floats]]:
    """Numbers known of every representative.

    Memory: 88 bytes for each photo, and 10 for each of its numbers. Properties stream by and go to their photo's
    place: a join of ten million texts would take gigabytes.

    Parameters
    ----------
    warehouse : Warehouse
    measures : sequence of str
        Names out of `numeric_measures`.

    Returns
    -------
    photo_ids : ndarray of bytes, shape (n,)
        Ascending.
    numbers : dict of str to ndarray of float64, shape (n,)
        By measure; NaN where a number is not known.
    """
    names = list(dict.fromkeys(measures))
    measured = [name for name in names if name not in DERIVED and name in PROPERTIES.schema.names]
    own = [name for name in names if name not in measured]
    columns = "".join(f', CAST({DERIVED.get(name, name)} AS DOUBLE) AS "{name}"' for name in own)
    gathered = Gathered(warehouse.table(PHOTOS).count())
    parts: dict[str, list[Floats]] = {name: [] for name in own}
    text = f"SELECT photo_id{columns} FROM representatives ORDER BY photo_id"
    for batch in warehouse.query_batches(text, memory=SORTED):
        gathered.add(id_texts(batch["photo_id"]))
        for name, part in parts.items():
            part.append(np.asarray(batch[name].fill_null(np.nan), np.float64))
    found = {name: np.concatenate([np.empty(0), *part]) for name, part in parts.items()}
    return gathered.ids, found | measures_of(warehouse, Places(gathered.ids), measured)


def measures_of(warehouse: Warehouse, places: Places, names: Sequence[str]) -> dict[str, Floats]:
    """Image properties of some photos, each by the newest definition that measured it.

    A photo may have been measured with the default and with the full set, and by older definitions of both.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        By name, in the order of the places' ids; NaN where a photo was not measured.
    """
    found: dict[str, Floats] = {name: np.full(len(places.ids), np.nan) for name in names}
    age = {name: np.full(len(places.ids), -1, np.int16) for name in names}
    if not names:
        return found
    for batch in warehouse.table(PROPERTIES).batches(["photo_id", "version", *names], rows=ROWS):
        versions = batch["version"].dictionary_encode()
        ages = np.array([_age(version) for version in versions.dictionary.to_pylist()], np.int16)
        of_row = ages[np.asarray(versions.indices)] if len(ages) else np.empty(0, np.int16)
        order = np.argsort(of_row, kind="stable")  # of two rows of one photo the newer comes last, and stays
        at, of_row = places.of(id_texts(batch["photo_id"]))[order], of_row[order]
        for name in names:
            values = np.asarray(batch[name].cast(pa.float64()).fill_null(np.nan), np.float64)[order]
            known = np.flatnonzero((at >= 0) & ~np.isnan(values))
            known = known[of_row[known] > age[name][at[known]]]
            found[name][at[known]], age[name][at[known]] = values[known], of_row[known]
    return found


def _age(version: str) -> int:
    """The number of a set's definition, as in ``full@2``; -1 where there is none."""
    number = version.rpartition("@")[2]
    return min(int(number), np.iinfo(np.int16).max) if number.isdecimal() else -1


def texts_of(warehouse: Warehouse, column: str, places: Places) -> tuple[list[tuple[str, ...]], Ints]:
    """All texts known of photos in a column: its own, and those of its sightings.

    Returns
    -------
    sets : list of tuple of str
        The sets of texts that occur, each ascending; at `NOTHING_KNOWN` the empty one.
    codes : ndarray of int32, shape (n,)
        The set of each photo, in the order of the places' ids.
    """
    seen = (
        f'SELECT photo_id, "{column}" AS value FROM sightings UNION ' if column in ("license", "photographer") else ""
    )
    text = f"""SELECT photo_id, list(DISTINCT value ORDER BY value) AS known
               FROM ({seen}SELECT photo_id, "{column}" AS value FROM photos)
               WHERE value IS NOT NULL AND value <> '' GROUP BY photo_id"""
    number: dict[tuple[str, ...], int] = {(): NOTHING_KNOWN}
    codes = np.full(len(places.ids), NOTHING_KNOWN, np.int32)
    for batch in warehouse.query_batches(text, memory=SORTED):
        at = places.of(id_texts(batch["photo_id"]))
        found = [number.setdefault(tuple(known), len(number)) for known in batch["known"].to_pylist()]
        codes[at[at >= 0]] = np.array(found, np.int32)[at >= 0]
    return list(number), codes


def find_photos(warehouse: Warehouse, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Representatives of the photos that names stand for.

    Parameters
    ----------
    warehouse : Warehouse
    names : sequence of str
        photo_ids, URIs, file names, or file names without their ending.

    Returns
    -------
    dict
        For each name the representatives found: none, one, or, where a name is ambiguous, several.
    """
    asked = pa.table({"name": pa.array(list(dict.fromkeys(names)), pa.string())})
    rows = warehouse.query(
        """WITH places AS (
               SELECT photo_id, photo_id AS name FROM photos
               UNION SELECT photo_id, uri FROM sightings
               UNION SELECT photo_id, file_name FROM sightings
               UNION SELECT photo_id, regexp_replace(file_name, '\\.[^.]*$', '') FROM sightings)
           SELECT DISTINCT a.name, coalesce(d.representative_id, p.photo_id) AS photo_id
           FROM asked a JOIN places p USING (name) LEFT JOIN duplicates d ON d.photo_id = p.photo_id
           ORDER BY ALL""",
        extra={"asked": asked},
    ).to_pylist()
    return {name: tuple(row["photo_id"] for row in rows if row["name"] == name) for name in names}


def groups_of(warehouse: Warehouse, per: str) -> list[str | None]:
    """Photographer, camera or burst of every representative, ordered by photo_id; None where there is none."""
    column = {
        "photographer": "r.photographer",
        "camera": "nullif(trim(concat_ws(' ', r.camera_make, r.camera_model)), '')",
        "burst": "b.burst_id",
    }[per]
    rows = warehouse.query(
        f"""SELECT {column} AS name FROM representatives r LEFT JOIN bursts b USING (photo_id) ORDER BY r.photo_id"""
    )
    return [None if name is None else str(name) for name in rows["name"].to_pylist()]

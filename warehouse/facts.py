"""What is known of every representative, column by column, for rules and strata."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from schemas.photos import PHOTOS
from schemas.properties import PROPERTIES
from warehouse.store import Warehouse

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


def numbers_of(warehouse: Warehouse, measures: Sequence[str]) -> pa.Table:
    """Numbers known of every representative, ordered by photo_id; null where a number is not known.

    Parameters
    ----------
    warehouse : Warehouse
    measures : sequence of str
        Names out of `numeric_measures`.

    Returns
    -------
    pyarrow.Table
        ``photo_id`` and one float64 column per measure.
    """
    measured = [name for name in measures if name not in DERIVED and name in PROPERTIES.schema.names]
    # A photo may have been measured with the default and with the full set, and by older definitions of both.
    age = "TRY_CAST(split_part(version, '@', 2) AS INTEGER)"
    properties = "".join(f', arg_max("{name}", {age}) AS "{name}"' for name in measured)
    wanted = ", ".join(
        f'CAST({DERIVED.get(name, _place(name, measured))} AS DOUBLE) AS "{name}"' for name in dict.fromkeys(measures)
    )
    return warehouse.query(
        f"""SELECT r.photo_id{"," if wanted else ""} {wanted} FROM representatives r
            LEFT JOIN (SELECT photo_id{properties} FROM properties GROUP BY photo_id) p USING (photo_id)
            ORDER BY r.photo_id"""
    )


def _place(name: str, measured: Sequence[str]) -> str:
    return f'p."{name}"' if name in measured else f'r."{name}"'


def texts_of(warehouse: Warehouse, column: str) -> pa.Table:
    """All texts known of every representative in a column: its own, and those of its sightings.

    Returns
    -------
    pyarrow.Table
        ``photo_id`` and ``known`` (list of str), ordered by photo_id.
    """
    seen = (
        f'SELECT photo_id, "{column}" AS value FROM sightings UNION ' if column in ("license", "photographer") else ""
    )
    return warehouse.query(
        f"""SELECT r.photo_id, coalesce(k.known, []) AS known FROM representatives r
            LEFT JOIN (SELECT photo_id, list(DISTINCT value ORDER BY value) AS known
                       FROM ({seen}SELECT photo_id, "{column}" AS value FROM photos)
                       WHERE value IS NOT NULL AND value <> '' GROUP BY photo_id) k USING (photo_id)
            ORDER BY r.photo_id"""
    )


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

"""What several stages ask for, said once in SQL: usable by name in every query."""

from __future__ import annotations

from warehouse.keys import hashes_of_text


def _newest(table: str, same: str, key: str, order: str) -> str:
    """The rows of a table without those that a newer row of the same thing has replaced.

    Few things have several rows. Hashes find these, so that only they are sorted and the others stream by: a window
    over ten million rows takes gigabytes.
    """
    return f"""SELECT * FROM {table} ANTI JOIN (
        SELECT {key} FROM {table}
        WHERE hash({same}) IN (SELECT hash({same}) FROM {table} GROUP BY hash({same}) HAVING count(*) > 1)
        QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY {order}) > 1) USING ({key})"""


def _told(column: str) -> str:
    """Two hashes of a text, which have nothing in common: see `warehouse.keys`."""
    first, second = hashes_of_text(column)
    return f"{first} AS h1, {second} AS h2"


def _same_photo(photos: str, judged: str) -> str:
    first, second = hashes_of_text(f"{photos}.photo_id")
    return f"{first} = {judged}.h1 AND {second} = {judged}.h2"


VIEWS: dict[str, tuple[tuple[str, ...], str]] = {
    # Photos that stand for themselves or for their group of near copies.
    "representatives": (
        ("photos", "duplicates"),
        """SELECT p.* FROM photos p
           ANTI JOIN (SELECT photo_id FROM duplicates WHERE photo_id <> representative_id) d USING (photo_id)""",
    ),
    # One row for each photo that the filter has looked at, told by 128 bits of hash: a photo has a verdict for each
    # rule, and texts of eighty million verdicts would not fit.
    "judged": (
        ("verdicts",),
        f"SELECT {_told('photo_id')}, bool_and(kept) AS kept FROM verdicts GROUP BY ALL",
    ),
    # Representatives that every rule lets pass, once the filter has looked at them.
    "kept": (
        ("photos", "duplicates", "verdicts"),
        f"""SELECT p.* FROM representatives p
            SEMI JOIN (SELECT h1, h2 FROM judged WHERE kept) v ON {_same_photo("p", "v")}""",
    ),
    # Representatives that the filter has yet to look at.
    "unjudged": (
        ("photos", "duplicates", "verdicts"),
        f"SELECT p.* FROM representatives p ANTI JOIN judged v ON {_same_photo('p', 'v')}",
    ),
    # One row per photo: by the newest definitions, and the full set where both were measured.
    "current_properties": (
        ("properties",),
        _newest(
            "properties",
            same="photo_id",
            key="photo_id, version",
            order="TRY_CAST(split_part(version, '@', 2) AS INTEGER) DESC, version DESC",
        ),
    ),
    # The newest row of each rating's identity: what stands now.
    "current_ratings": (("ratings",), _newest("ratings", "identity", "rating_id", "recorded_at DESC, rating_id")),
    "current_comparisons": (
        ("comparisons",),
        _newest("comparisons", "identity", "comparison_id", "recorded_at DESC, comparison_id"),
    ),
    # Votes that count towards scores: cast on the photo, not withdrawn, no training item.
    "counted_ratings": (
        ("ratings",),
        "SELECT * FROM current_ratings WHERE status = 'counted' AND role <> 'training' AND value IS NOT NULL",
    ),
    "counted_comparisons": (
        ("comparisons",),
        "SELECT * FROM current_comparisons WHERE status = 'counted' AND role <> 'training' AND outcome IS NOT NULL",
    ),
}
"""Name of a view: the tables that it reads, and its text. Earlier views may be used by later ones."""

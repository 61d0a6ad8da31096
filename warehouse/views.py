"""What several stages ask for, said once in SQL: usable by name in every query."""

from __future__ import annotations


def _newest(table: str, same: str, key: str, order: str) -> str:
    """The rows of a table without those that a newer row of the same thing has replaced.

    Few things have several rows. Hashes find these, so that only they are sorted and the others stream by: a window
    over ten million rows takes gigabytes.
    """
    return f"""SELECT * FROM {table} ANTI JOIN (
        SELECT {key} FROM {table}
        WHERE hash({same}) IN (SELECT hash({same}) FROM {table} GROUP BY hash({same}) HAVING count(*) > 1)
        QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY {order}) > 1) USING ({key})"""


VIEWS: dict[str, tuple[tuple[str, ...], str]] = {
    # Photos that stand for themselves or for their group of near copies.
    "representatives": (
        ("photos", "duplicates"),
        """SELECT p.* FROM photos p
           ANTI JOIN (SELECT photo_id FROM duplicates WHERE photo_id <> representative_id) d USING (photo_id)""",
    ),
    # Representatives that every rule lets pass, once the filter has looked at them. One join of many keys, not two in
    # a row: DuckDB 2.0 ran out of memory at ten million photos where a semi join and an anti join followed each other.
    "kept": (
        ("photos", "duplicates", "verdicts"),
        """SELECT p.* FROM representatives p
           SEMI JOIN (SELECT photo_id FROM verdicts GROUP BY photo_id HAVING bool_and(kept)) v USING (photo_id)""",
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

"""Rows of a coming release, read from the tables: whole, ordered by content, without clocks or paths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from schemas.properties import PROPERTIES
from schemas.ratings import SELECTED_BY_MODEL
from warehouse.store import Warehouse

CHOSEN = """
    -- One member of every kept photo's group: released before, else the representative, else with most votes.
    WITH voted AS (
        SELECT photo_id, count(*) AS votes FROM counted_ratings GROUP BY photo_id
    ), compared AS (
        SELECT left_id AS photo_id FROM counted_comparisons UNION SELECT right_id FROM counted_comparisons
    ), scored AS (
        SELECT DISTINCT photo_id FROM scores WHERE screening = 'none'
    ), candidates AS (
        SELECT k.photo_id AS representative_id, coalesce(m.photo_id, k.photo_id) AS photo_id, m.group_id,
               m.relation
        FROM kept k LEFT JOIN duplicates m ON m.representative_id = k.photo_id
    )
    SELECT * EXCLUDE (place) FROM (
        SELECT c.photo_id, c.representative_id, c.group_id, p.opt_out IS NOT NULL AS opted_out,
               coalesce(v.votes, 0) AS votes, s.photo_id IS NOT NULL AS scored,
               row_number() OVER (
                   PARTITION BY c.representative_id
                   ORDER BY s.photo_id IS NULL, r.photo_id IS NULL, c.photo_id <> c.representative_id,
                            coalesce(v.votes, 0) DESC, c.photo_id) AS place
        FROM candidates c
        JOIN photos p ON p.photo_id = c.photo_id
        LEFT JOIN scored s ON s.photo_id = c.photo_id
        LEFT JOIN voted v ON v.photo_id = c.photo_id
        LEFT JOIN (SELECT photo_id FROM members WHERE release = $1) r ON r.photo_id = c.photo_id)
    WHERE place = 1 AND scored
    ORDER BY photo_id
"""

LINKS = """
    SELECT p.photo_id, d.group_id, b.burst_id, p.photographer, p.captured_at,
           concat_ws(' ', p.camera_make, p.camera_model) AS camera
    FROM photos p
    SEMI JOIN wanted w ON w.photo_id = p.photo_id
    LEFT JOIN duplicates d ON d.photo_id = p.photo_id
    LEFT JOIN bursts b ON b.photo_id = p.photo_id
    ORDER BY p.photo_id
"""

PHOTOS = """
    WITH chance AS (
        SELECT photo_id, max(inclusion_probability) AS inclusion_probability,
               min(selected_by) AS selected_by, min(stratum) AS stratum
        FROM tasks WHERE role NOT IN ('training', 'anchor') GROUP BY photo_id
    ), sizes AS (
        SELECT group_id, count(*) AS near_copies FROM duplicates GROUP BY group_id
    ), said AS (
        SELECT photo_id, list_sort(list_distinct(list(license) FILTER (license IS NOT NULL))) AS licenses,
               min(photographer) AS photographer
        FROM sightings GROUP BY photo_id
    )
    SELECT w.ordinal, w.first_version, w.photo_id, w.split, w.group_id,
           p.format AS source_format, p.bytes AS source_bytes, p.orientation AS source_orientation,
           p.width, p.height, p.icc_profile, p.license AS photo_license, s.licenses,
           coalesce(p.photographer, s.photographer) AS photographer, p.copyright,
           p.camera_make, p.camera_model, p.lens, p.focal_length_mm, p.f_number, p.exposure_s, p.iso,
           CAST(year(p.captured_at) AS BIGINT) AS captured_year, p.digital_source_type, p.has_gain_map,
           p.simulated AS made_from_another_photo,
           b.burst_id, b.position AS burst_position, coalesce(z.near_copies, 1) AS near_copies,
           c.inclusion_probability, c.selected_by, c.stratum
    FROM placed w
    JOIN photos p ON p.photo_id = w.photo_id
    LEFT JOIN duplicates d ON d.photo_id = w.photo_id
    LEFT JOIN sizes z ON z.group_id = d.group_id
    LEFT JOIN bursts b ON b.photo_id = w.photo_id
    LEFT JOIN chance c ON c.photo_id = w.photo_id
    LEFT JOIN said s ON s.photo_id = w.photo_id
    ORDER BY w.ordinal
"""

SCORES = """
    SELECT s.photo_id, s.question, s.scale, s.method, s.score, s.ci_low, s.ci_high, s.n, s.sd, s.histogram,
           s.simulated
    FROM scores s JOIN placed w ON w.photo_id = s.photo_id
    WHERE s.screening = 'none'
    ORDER BY w.ordinal, s.question, s.scale, s.method
"""

GROUP_OF = """
    -- Every photo whose votes a release holds, with the photo that is released for it.
    SELECT w.photo_id, w.photo_id AS released_id, w.split, w.group_id, w.ordinal FROM placed w
    UNION ALL
    SELECT d.photo_id, w.photo_id, w.split, w.group_id, w.ordinal
    FROM placed w JOIN duplicates o ON o.photo_id = w.photo_id
    JOIN duplicates d ON d.group_id = o.group_id AND d.photo_id <> w.photo_id
    ANTI JOIN placed x ON x.photo_id = d.photo_id
"""

RATINGS = f"""
    WITH members_of AS ({GROUP_OF}), starts AS (
        SELECT rater_id, session_id, min(coalesce(presented_at, submitted_at)) AS started
        FROM current_ratings WHERE session_id IS NOT NULL GROUP BY rater_id, session_id
    )
    SELECT r.rating_id, r.photo_id, m.released_id AS released_photo_id, m.split, m.group_id, r.rater_id,
           r.question, r.scale, r.scale_low, r.scale_high, r.value, r.status, r.session_id,
           row_number() OVER (
               PARTITION BY r.rater_id, r.photo_id, r.question, r.scale
               ORDER BY r.submitted_at NULLS FIRST, r.position NULLS FIRST, r.rating_id) AS trial,
           r.position, r.role, t.rating_id AS repeat_of, r.protocol_version, r.seconds,
           CAST(date_diff('millisecond', s.started, coalesce(r.submitted_at, r.presented_at)) AS DOUBLE) / 1000
               AS session_seconds,
           r.device, r.simulated, m.ordinal
    FROM current_ratings r
    JOIN members_of m ON m.photo_id = r.photo_id
    LEFT JOIN starts s ON s.rater_id = r.rater_id AND s.session_id = r.session_id
    LEFT JOIN (SELECT task_key, rater_id, question, min(rating_id) AS rating_id FROM current_ratings
               WHERE task_key IS NOT NULL GROUP BY task_key, rater_id, question) t
           ON t.task_key = r.repeat_of AND t.rater_id = r.rater_id AND t.question = r.question
    WHERE r.status <> 'withdrawn'
    ORDER BY m.ordinal, r.photo_id, r.question, r.rater_id, r.rating_id
"""

PAIRS = f"""
    WITH members_of AS ({GROUP_OF})
    SELECT c.comparison_id, c.left_id, c.right_id, l.split, c.outcome, c.rater_id, c.question, c.status,
           c.session_id, c.position, c.role, c.protocol_version, c.seconds, c.device, c.simulated, l.ordinal
    FROM current_comparisons c
    JOIN members_of l ON l.photo_id = c.left_id
    JOIN members_of r ON r.photo_id = c.right_id
    WHERE c.status <> 'withdrawn' AND l.split = r.split
    ORDER BY l.ordinal, c.left_id, c.right_id, c.question, c.rater_id, c.comparison_id
"""

RATERS = """
    -- A row per rater and question, by the release's own method; with whether the screening would leave them out.
    WITH screened AS (
        SELECT rater_id, question, scale, bool_or(screened_out) AS screened_out FROM raters
        WHERE screening <> 'none' GROUP BY rater_id, question, scale
    )
    SELECT r.rater_id, r.question, r.scale, r.method, r.screening, r.n, r.bias, r.bias_low, r.bias_high,
           r.inconsistency, r.inconsistency_low, r.inconsistency_high, r.agreement,
           coalesce(s.screened_out, r.screened_out) AS screened_out, p.age_band, p.gender, p.region, p.experience,
           p.vision, p.panel, p.consent_version
    FROM raters r LEFT JOIN rater_profiles p ON p.rater_id = r.rater_id
    LEFT JOIN screened s ON s.rater_id = r.rater_id AND s.question = r.question AND s.scale = r.scale
    SEMI JOIN voters v ON v.rater_id = r.rater_id
    WHERE r.screening = 'none' AND r.method = $1
    ORDER BY r.rater_id, r.question, r.scale
"""

SCREENING = """
    SELECT question, scale, screening, count(DISTINCT rater_id) AS before,
           count(DISTINCT rater_id) FILTER (screened_out) AS left_out
    FROM raters WHERE screening <> 'none' GROUP BY ALL ORDER BY ALL
"""

SCORING_NOTES = "SELECT question, scale, notes FROM scorings ORDER BY question, scale"

DESIGNS = """
    SELECT b.batch_id, b.protocol, b.protocol_version, b.selection, b.design, b.photos
    FROM batches b WHERE b.state = 'sent' ORDER BY b.batch_id
"""

SENT_PROTOCOLS = "SELECT DISTINCT protocol FROM projects ORDER BY protocol"

RELIABILITY = """
    SELECT question, scale, screening, stratum, measure, round(value, 6) AS value, round(low, 6) AS low,
           round(high, 6) AS high, about, photos, raters, votes
    FROM reliability ORDER BY question, scale, screening, stratum, measure
"""

EMBEDDINGS = """
    SELECT e.photo_id, w.split, e.model, e.vector, e.weights_sha256, w.ordinal
    FROM embeddings e JOIN placed w ON w.photo_id = e.photo_id ORDER BY w.ordinal, e.model
"""

FUNNEL = {
    "files quarantined, by reason": "SELECT reason AS what, count(*) AS n FROM quarantine "
    "GROUP BY reason ORDER BY reason",
    "photos taken in": "SELECT 'all' AS what, count(*) AS n FROM photos",
    "near copies set aside, by relation": "SELECT relation AS what, count(*) AS n FROM duplicates "
    "WHERE photo_id <> representative_id GROUP BY relation ORDER BY relation",
    "photos filtered out, by rule": "SELECT rule AS what, count(*) AS n FROM verdicts WHERE NOT kept "
    "GROUP BY rule ORDER BY rule",
    "photos that passed the filter": "SELECT 'all' AS what, count(*) AS n FROM kept",
    "ratings, by status": "SELECT status AS what, count(*) AS n FROM current_ratings GROUP BY status ORDER BY status",
    "rejected rows of ratings, by reason": "SELECT reason AS what, count(*) AS n FROM rejected_ratings "
    "GROUP BY reason ORDER BY reason",
}
"""What became of everything that came in: heading and query."""


def chosen(warehouse: Warehouse, name: str) -> pa.Table:
    """The photos that a release of this name would hold, one per group, those with an opt-out marked."""
    return warehouse.query(CHOSEN, [name])


def chosen_by_model(warehouse: Warehouse) -> frozenset[str]:
    """Photos that a head asked for when they were chosen to be rated."""
    rows = warehouse.query("SELECT DISTINCT photo_id FROM tasks WHERE selected_by = $1", [SELECTED_BY_MODEL])
    return frozenset(rows["photo_id"].to_pylist())


def count_kept(warehouse: Warehouse) -> int:
    """Photos that the filter kept, one per group of near copies."""
    return int(warehouse.query("SELECT count(*) AS n FROM kept").to_pylist()[0]["n"])


def links(warehouse: Warehouse, photo_ids: list[str]) -> pa.Table:
    """What ties photos together: near copies, bursts, photographer, camera and time."""
    return warehouse.query(LINKS, extra={"wanted": pa.table({"photo_id": pa.array(photo_ids, pa.string())})})


def known_members(warehouse: Warehouse, name: str) -> pa.Table:
    """The memory of earlier versions, in the order of first release."""
    return warehouse.query("SELECT * FROM members WHERE release = $1 ORDER BY ordinal", [name])


def photos(warehouse: Warehouse, placed: pa.Table) -> pa.Table:
    """The placed photos with what is known about them, in the order of first release."""
    return warehouse.query(PHOTOS, extra={"placed": placed})


def properties(warehouse: Warehouse, placed: pa.Table) -> pa.Table:
    """Measured properties of the placed photos: the newest and richest set of each."""
    names = [c.name for c in PROPERTIES.columns if c.name not in ("photo_id", "version")]
    columns = ", ".join(f'q."{name}"' for name in names)
    return warehouse.query(
        f"""SELECT w.photo_id, {columns} FROM placed w LEFT JOIN current_properties q USING (photo_id)
            ORDER BY w.ordinal""",
        extra={"placed": placed},
    )


def rows_of(
    warehouse: Warehouse, text: str, placed: pa.Table, parameters: Sequence[Any] = (), **extra: pa.Table
) -> pa.Table:
    """One of this module's queries over the placed photos."""
    return warehouse.query(text, parameters, extra={"placed": placed, **extra})


def screening(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Raters before each screening that is configured, and those that it leaves out."""
    return list(warehouse.query(SCREENING).to_pylist())


def scoring_notes(warehouse: Warehouse) -> list[dict[str, Any]]:
    """What scoring said of each question: parts that no rater connects, what BT.500 would reject, ..."""
    return list(warehouse.query(SCORING_NOTES).to_pylist())


def designs(warehouse: Warehouse) -> list[dict[str, Any]]:
    """How the batches that were sent were chosen and designed, from their JSON."""
    rows = warehouse.query(DESIGNS).to_pylist()
    return [{**row, "selection": json.loads(row["selection"]), "design": json.loads(row["design"])} for row in rows]


def sent_protocols(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Definitions of the protocols under which tasks were sent, as they were sent."""
    return [dict(json.loads(row["protocol"])) for row in warehouse.query(SENT_PROTOCOLS).to_pylist()]


def funnel(warehouse: Warehouse) -> dict[str, dict[str, int]]:
    """What became of everything that came in: heading to reason to number."""
    found: dict[str, dict[str, int]] = {}
    for heading, text in FUNNEL.items():
        rows = warehouse.query(text).to_pylist()
        found[heading] = {str(row["what"]): int(row["n"]) for row in rows}
    return found


def reliability(warehouse: Warehouse) -> list[dict[str, Any]]:
    """How far the scores can be trusted, as it was last worked out."""
    return list(warehouse.query(RELIABILITY).to_pylist())


def fingerprints(warehouse: Warehouse, photo_ids: list[str], method: str) -> pa.Table:
    """Fingerprints of one method, in the order of photo_id."""
    return warehouse.query(
        "SELECT f.photo_id, f.bits FROM fingerprints f SEMI JOIN wanted w ON w.photo_id = f.photo_id "
        "WHERE f.method = $1 ORDER BY f.photo_id",
        [method],
        extra={"wanted": pa.table({"photo_id": pa.array(photo_ids, pa.string())})},
    )


def fingerprint_methods(warehouse: Warehouse) -> list[str]:
    """Names of the fingerprint methods there are."""
    rows = warehouse.query("SELECT DISTINCT method FROM fingerprints ORDER BY method").to_pylist()
    return [str(row["method"]) for row in rows]


def whereabouts(warehouse: Warehouse, photo_ids: list[str]) -> dict[str, list[str]]:
    """Every place where each photo was seen, in order."""
    rows = warehouse.query(
        "SELECT s.photo_id, list(DISTINCT s.uri ORDER BY s.uri) AS uris FROM ("
        " SELECT photo_id, uri FROM sightings UNION SELECT photo_id, uri FROM photos) s"
        " SEMI JOIN wanted w ON w.photo_id = s.photo_id GROUP BY s.photo_id",
        extra={"wanted": pa.table({"photo_id": pa.array(photo_ids, pa.string())})},
    ).to_pylist()
    return {str(row["photo_id"]): list(row["uris"]) for row in rows}

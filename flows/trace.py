"""`salon trace`: one photo from the raw file to every release, with each decision on the way."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.reports.page import Page, Tile
from flows.reports.thumbnails import thumbnails
from schemas.errors import WrongUse

STEPS: dict[str, str] = {
    "file": "SELECT uri, file_name, source, size, modified_at, license, photographer, seen_at FROM sightings "
    "WHERE photo_id = $1 ORDER BY uri",
    "photo": "SELECT photo_id, format, bytes, width, height, mode, orientation, icc_profile, has_gps, captured_at, "
    "camera_make, camera_model, lens, photographer, license, opt_out, warnings, simulated, ingested_at "
    "FROM photos WHERE photo_id = $1",
    "quarantine": "SELECT uri, reason, detail, seen_at FROM quarantine WHERE photo_id = $1 ORDER BY uri, reason",
    "near copies": "SELECT d.photo_id, d.relation, d.distance, d.method, d.reason, d.representative_id "
    "FROM duplicates d WHERE d.group_id IN (SELECT group_id FROM duplicates WHERE photo_id = $1) ORDER BY 2, 1",
    "burst": "SELECT burst_id, position FROM bursts WHERE photo_id = $1",
    "decisions": "SELECT rule, kept, score, threshold, reason, rules_version FROM verdicts WHERE photo_id = $1 "
    "ORDER BY rule",
    "batches": "SELECT batch_id, role, selected_by, stratum, inclusion_probability, count(*) AS tasks FROM tasks "
    "WHERE photo_id = $1 OR right_photo_id = $1 GROUP BY ALL ORDER BY 1, 2",
    "ratings": "SELECT question, scale, status, role, count(*) AS ratings, min(value) AS lowest, "
    "max(value) AS highest, "
    "count(DISTINCT rater_id) AS raters FROM current_ratings WHERE photo_id = $1 GROUP BY ALL ORDER BY ALL",
    "scores": "SELECT question, scale, method, screening, score, ci_low, ci_high, n, sd FROM scores "
    "WHERE photo_id = $1 ORDER BY 1, 2, 3, 4",
    "releases": "SELECT m.release, m.first_version, r.version, r.state, m.split, m.group_id FROM members m "
    "JOIN releases r ON r.name = m.release WHERE m.photo_id = $1 ORDER BY 1, 3",
}
"""What is told of a photo, in the order in which it happened; $1 is the photo_id."""
WHOLE = 800
"""Longest side of the picture on the page, pixels."""


def find_photo(run: Run, name: str) -> str:
    """The one photo that a photo_id (or its beginning), a URI, a file name or a released path names.

    Raises
    ------
    WrongUse
        None or several have the name.
    """
    plain = name.removesuffix(".jpg").removesuffix(".png").removesuffix(".webp")
    rows = run.warehouse.query(
        "SELECT photo_id FROM photos WHERE photo_id IN ($1, $2) OR (length($1) >= 8 AND starts_with(photo_id, $1)) "
        "UNION SELECT photo_id FROM sightings WHERE uri = $1 OR file_name = $1 "
        "UNION SELECT photo_id FROM quarantine WHERE photo_id = $1 OR uri = $1 ORDER BY 1",
        [name, plain],
    ).to_pylist()
    found = [row["photo_id"] for row in rows if row["photo_id"]]
    if len(found) != 1:
        what = "no photo has" if not found else f"{len(found)} photos have"
        raise WrongUse(f"{name}: {what} this name; expected a photo_id, a URI, or a file name that is there once.")
    return str(found[0])


def trace(root: str, name: str) -> dict[str, Any]:
    """Everything that is known of one photo: step to rows."""
    run = open_run(root)
    photo_id = find_photo(run, name)
    found: dict[str, Any] = {"photo_id": photo_id}
    for step, text in STEPS.items():
        found[step] = run.warehouse.query(text, [photo_id]).to_pylist()
    for row in found["releases"]:
        row["in this version"] = _in_version(run, row["release"], row["version"], photo_id)
    return found


def _in_version(run: Run, name: str, version: str, photo_id: str) -> bool:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from flows.release.register import shelf_of

    with shelf_of(run, name) as shelf:
        path = shelf.rows_of(version) / "inputs" / "photos.parquet"
        if not path.exists():
            return False
        return bool(pc.any(pc.equal(pq.read_table(path, columns=["photo_id"])["photo_id"], photo_id)).as_py())


def page(root: str, found: dict[str, Any]) -> Outcome:
    """The trace as a page, with the canonical picture."""
    run = open_run(root)
    photo_id = found["photo_id"]
    report = Page(title=f"Photo {photo_id[:12]}", lead="From the raw file to every release.")
    for picture in thumbnails(run, [photo_id], WHOLE).values():
        report.sheet("The picture", [Tile(picture, photo_id[:12])], size="large")
    for step in STEPS:
        if found[step]:
            report.heading(step.capitalize())
            _tell(report, found[step])
    if nothing := [step for step in STEPS if not found[step]]:
        report.text(f"Nothing is on record of: {', '.join(nothing)}.")
    path = report.write(Path(run.warehouse.location.local("reports", f"trace-{photo_id[:16]}.html")))
    return Outcome(stage="trace", counts={step: len(found[step]) for step in STEPS}, files={"page": str(path)})


def _tell(report: Page, rows: list[dict[str, Any]]) -> None:
    """One row as a list of what is known, several as a table of the columns that any of them fills."""
    names = [name for name in rows[0] if any(readable(row[name]) not in ("", None) for row in rows)]
    titles = [name.replace("_", " ") for name in names]
    if len(rows) == 1:
        report.table(["", ""], [[title, _told(rows[0][name])] for title, name in zip(titles, names, strict=True)])
    else:
        report.table(titles, [[readable(row[name]) for name in names] for row in rows])


def _told(value: Any) -> str:
    value = readable(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def readable(value: Any) -> str | int | float | None:
    """A value as people read it: times to the second, figures to six digits, yes and no, lists by commas."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, int | float | str) or value is None else json.dumps(value, default=str)

"""`salon import-ratings`: votes from a CSV or Parquet file into the table `ratings`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
from prefect import flow, task

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.runtime import RETRIES, publish_counts
from flows.secret_keys import pseudonym_key
from labeling.identity import pseudonym
from labeling.importing.columns import Scale, Wanted, find_columns
from labeling.importing.corrections import Standing, only_new
from labeling.importing.faults import rejected
from labeling.importing.files import RawRows, read_rows
from labeling.importing.votes import Import, Photos, Votes, votes_of
from schemas.errors import BadInput, WrongUse
from schemas.ratings import RATINGS, REJECTED_RATINGS

SHOWN_FAULTS = 20

FIND_PHOTOS = """
    WITH named AS (SELECT DISTINCT name FROM names WHERE name IS NOT NULL),
    hits AS (
        SELECT name, photo_id, 1 AS kind FROM named JOIN photos
            ON photo_id = lower(regexp_replace(name, '^sha256:', ''))
        UNION SELECT name, photo_id, 2 FROM named JOIN sightings ON uri = name
        UNION SELECT name, photo_id, 3 FROM named JOIN sightings ON file_name = name
        UNION SELECT name, photo_id, 4 FROM named JOIN sightings ON regexp_replace(file_name, '[.][^.]*$', '') = name
        UNION SELECT name, photo_id, 5 FROM (SELECT name, regexp_extract(name, '[^/]+$') AS last FROM named
                                             WHERE contains(name, '/')) JOIN sightings
            ON file_name = last AND ends_with(uri, '/' || name)
        UNION SELECT name, photo_id, 6 FROM (SELECT name, regexp_extract(name, '[^/]+$') AS last FROM named
                                             WHERE contains(name, '/')) JOIN sightings
            ON regexp_replace(file_name, '[.][^.]*$', '') = last
            AND ends_with(regexp_replace(uri, '[.][^./]*$', ''), '/' || name)),
    nearest AS (SELECT name, min(kind) AS kind FROM hits GROUP BY name)
    SELECT name, count(DISTINCT photo_id) AS photos, min(photo_id) AS photo_id
    FROM hits JOIN nearest USING (name, kind) GROUP BY name ORDER BY name
"""
"""A name means what it says most exactly: photo_id, URI, file name, file name without ending, end of a path,
end of a path without ending."""

STANDING = """
    SELECT identity, value, status, scale, recorded_at, versions FROM current_ratings
    JOIN (SELECT identity, count(*) AS versions FROM ratings SEMI JOIN incoming USING (identity) GROUP BY identity)
    USING (identity)
"""


@flow(name="import-ratings", flow_run_name="import-ratings {file}")
def import_ratings(
    root: str,
    file: str,
    photo: str = "photo",
    rater: str = "rater",
    scores: tuple[str, ...] = ("score",),
    question: str | None = None,
    submitted_at: str | None = None,
    seconds: str | None = None,
    position: str | None = None,
    session: str | None = None,
    finished: str | None = None,
    scale: str | None = None,
    source: str = "import",
    simulated: bool = False,
) -> Outcome:
    """Take the votes of a file in; good rows of a file with bad rows are taken.

    Raises
    ------
    WrongUse
        No scale is given, or it cannot be read.
    BadInput
        The file cannot be read, a column is missing, or no row of it is a vote.
    """
    wanted = Wanted(photo, rater, tuple(scores), question, submitted_at, seconds, position, session, finished)
    request = Request(file=file, wanted=wanted, scale=scale, source=source, simulated=simulated)
    return publish_counts(task(**RETRIES)(take_file)(root, request))


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    Parameters
    ----------
    file : str
        A local CSV or Parquet file.
    wanted : Wanted
        Its columns.
    scale : str or None
        The scale as typed.
    source : str
        The namespace of its raters' names.
    simulated : bool
        The votes were made by a program.
    """

    file: str
    wanted: Wanted = field(default_factory=Wanted)
    scale: str | None = None
    source: str = "import"
    simulated: bool = False


def take_file(root: str, request: Request) -> Outcome:
    """Take the votes of a file in; the same again changes nothing. Raises as `import_ratings` does."""
    if not request.scale:
        raise WrongUse("--scale: the scale of the votes must be given, such as --scale 1-7.")
    scale = Scale.parse(request.scale)
    run = open_run(root)
    key, made_key = pseudonym_key(run.root)
    path = Path(request.file)
    if not path.is_file():
        raise WrongUse(f"{request.file}: there is no such file.")
    rows = read_rows(path.read_bytes(), path.name)
    columns = find_columns(request.wanted, rows.columns.column_names, path.name, run.settings.score.question)
    blind = cache(lambda name: pseudonym(key, request.source, name))
    how = Import(columns, scale, request.source, request.simulated, blind, datetime.now(UTC))
    votes = votes_of(rows, find_photos(run, rows.columns[columns.photo]), how)
    inserted, standing = store_votes(run, votes.rows)
    run.warehouse.table(REJECTED_RATINGS).insert(
        rejected(votes.faults, rows, request.source, columns.rater, blind, how.at)
    )
    if not votes.rows.num_rows:
        raise BadInput(_nothing(rows, votes), where=path.name)
    return _outcome(rows, votes, inserted, standing, made_key)


def find_photos(run: Run, names: pa.ChunkedArray) -> Photos:
    """The photos that the names of a file mean."""
    found = run.warehouse.query(FIND_PHOTOS, extra={"names": pa.table({"name": names})}).to_pylist()
    return Photos(
        {row["name"]: row["photo_id"] for row in found if row["photos"] == 1},
        {row["name"]: row["photos"] for row in found if row["photos"] > 1},
    )


def store_votes(run: Run, rows: pa.Table) -> tuple[int, int]:
    """Insert the votes that are new or correct an earlier one; returns those, and those that stood already."""
    standing = run.warehouse.query(STANDING, extra={"incoming": rows.select(["identity"])})
    fresh = only_new(rows, Standing.of(standing))
    return run.warehouse.table(RATINGS).insert(fresh), rows.num_rows - fresh.num_rows


def _nothing(rows: RawRows, votes: Votes) -> str:
    if not votes.faults:
        return "the file has a header and no rows"
    first = " ".join(fault.sentence(rows) for fault in votes.faults[:3])
    return f"none of its {len(votes.faults):,} rows is a vote, all are in rejected_ratings: {first}"


def _outcome(rows: RawRows, votes: Votes, inserted: int, standing: int, made_key: str) -> Outcome:
    statuses = Counter(votes.rows["status"].to_pylist())
    questions = Counter(votes.rows["question"].to_pylist())
    reasons = Counter(fault.reason.value for fault in votes.faults)
    counts: dict[str, int | float | str] = {
        "rows": rows.columns.num_rows + len(rows.ragged),
        "ratings": votes.rows.num_rows,
        "new in the table": inserted,
        "there already": standing,
        "raters": len(votes.rows["rater_id"].unique()),
        "photos": len(votes.rows["photo_id"].unique()),
        "questions": ", ".join(f"{name} ({count:,})" for name, count in sorted(questions.items())),
    }
    counts |= {f"status {name}": count for name, count in sorted(statuses.items()) if name != "counted"}
    counts |= {f"rejected: {name}": count for name, count in sorted(reasons.items())}
    notes = [fault.sentence(rows) for fault in votes.faults[:SHOWN_FAULTS]]
    if len(votes.faults) > SHOWN_FAULTS:
        notes.append(f"{len(votes.faults) - SHOWN_FAULTS:,} more rows were no votes: table rejected_ratings has all.")
    return Outcome("import-ratings", counts, (*notes, *([made_key] if made_key else [])))

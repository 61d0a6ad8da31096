"""`salon raters import`: what raters told of themselves, from a CSV or Parquet file into `rater_profiles`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, partial
from pathlib import Path

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.secret_keys import pseudonym_key
from labeling.identity import pseudonym
from labeling.importing.files import read_rows
from labeling.importing.profiles import Profiles, find_profile_columns, merged, profiles_of
from schemas.errors import BadInput, WrongUse
from schemas.ratings import RATER_PROFILES, RaterProfile

LABEL_STUDIO = "labelstudio"
"""The source whose raters are named by the logins of their accounts."""

SHOWN_FAULTS = 20


@dataclass(frozen=True)
class ProfileFile:
    """What a person asked for.

    Parameters
    ----------
    file : str
        A local CSV or Parquet file.
    rater : str
        The column that names the rater.
    source : str
        The namespace of the raters' names, as of `import-ratings`; 'labelstudio' for logins there.
    columns : mapping of str to str
        From fields of `RaterProfile` to columns that have other names.
    age : str or None
        A column of ages in years.
    """

    file: str
    rater: str = "rater"
    source: str = "import"
    columns: Mapping[str, str] = field(default_factory=dict)
    age: str | None = None


def import_profiles(root: str, request: ProfileFile) -> Outcome:
    """Take the profiles of a file in; the same file again changes nothing, and a field it leaves empty stays.

    Raises
    ------
    WrongUse
        There is no such file.
    BadInput
        The file cannot be read, a column is missing, or no row of it is a profile.
    """
    path = Path(request.file)
    if not path.is_file():
        raise WrongUse(f"{request.file}: there is no such file.")
    run = open_run(root)
    rows = read_rows(path.read_bytes(), path.name)
    columns = find_profile_columns(request.rater, request.columns, request.age, rows.columns.column_names, path.name)
    blind, made_key = _pseudonyms(run, request.source)
    read = profiles_of(rows, columns, blind)
    if not read.rows:
        first = " ".join(read.faults[:3]) or "the file has a header and no rows."
        raise BadInput(f"nothing was taken: {first}".rstrip("."), where=path.name)
    new, changed = _store(run, read)
    voters = run.warehouse.query("SELECT DISTINCT rater_id FROM current_ratings")["rater_id"].to_pylist()
    counts: dict[str, int | float | str] = {
        "rows": rows.columns.num_rows + len(rows.ragged),
        "new profiles": new,
        "changed": changed,
        "there already": len(read.rows) - new - changed,
        "of raters with votes": len({row.rater_id for row in read.rows} & set(voters)),
        "rows refused": len(read.faults),
    }
    notes = [*read.faults[:SHOWN_FAULTS]]
    if len(read.faults) > SHOWN_FAULTS:
        notes.append(f"{len(read.faults) - SHOWN_FAULTS:,} more rows were refused.")
    if not counts["of raters with votes"]:
        notes.append(f"None of them has a vote here: is --source {request.source} the one their votes came with?")
    return Outcome("raters", counts, (*notes, *([made_key] if made_key else [])))


def _pseudonyms(run: Run, source: str) -> tuple[Callable[[str], str | None], str]:
    """From names to pseudonyms, and a note where the key was made only now."""
    key, made_key = pseudonym_key(run.root)
    if source != LABEL_STUDIO:
        return cache(partial(pseudonym, key, source)), made_key
    from flows.labelstudio.connection import connect
    from flows.labelstudio.raters import list_raters

    with connect(run) as link:
        return {rater.login: rater.rater_id for rater in list_raters(run, link)}.get, made_key


def _store(run: Run, read: Profiles) -> tuple[int, int]:
    """Merge with what stands; returns how many are new and how many changed."""
    table = run.warehouse.table(RATER_PROFILES)
    names = [part.name for part in fields(RaterProfile)]
    standing = {row["rater_id"]: RaterProfile(**row) for row in table.read(names).to_pylist()}
    rows = [merged(standing.get(row.rater_id), row) for row in read.rows]
    fresh = [row for row in rows if standing.get(row.rater_id) != row]
    if fresh:
        listed = ", ".join(f"'{row.rater_id}'" for row in fresh)
        table.replace(fresh, where=f"rater_id IN ({listed})")
    new = sum(1 for row in fresh if row.rater_id not in standing)
    return new, len(fresh) - new

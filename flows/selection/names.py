"""Names of batches, and lists of photos that people wrote."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.context import Run
from flows.import_ratings import FIND_PHOTOS
from schemas.errors import BadInput, WrongUse
from schemas.protocols import NAME_PATTERN
from schemas.ratings import BATCHES, BatchState


def waiting(run: Run, simulated: bool | None = None) -> str | None:
    """The batch that was chosen last and is not sent yet: of people, of simulated raters, or of either."""
    rows = run.warehouse.query(
        """SELECT batch_id FROM batches WHERE state = $1 AND ($2 IS NULL OR simulated = $2)
           ORDER BY created_at DESC, batch_id DESC LIMIT 1""",
        [BatchState.CHOSEN.value, simulated],
    )
    return str(rows["batch_id"][0].as_py()) if rows.num_rows else None


def next_name(run: Run) -> str:
    """batch-1, batch-2, and so on."""
    names = run.warehouse.table(BATCHES).read(["batch_id"])["batch_id"].to_pylist()
    numbers = [int(match[1]) for name in names if (match := re.fullmatch(r"batch-(\d+)", name))]
    return f"batch-{max(numbers, default=0) + 1}"


def refuse_sent(run: Run, batch_id: str) -> None:
    """Raise WrongUse where the name is none, or names a batch that raters may have seen."""
    if not re.fullmatch(NAME_PATTERN, batch_id):
        raise WrongUse(f"'{batch_id}' is no name of a batch: lower-case letters, digits, '-', '_' and '.', please.")
    rows = run.warehouse.query("SELECT state FROM batches WHERE batch_id = $1", [batch_id])
    if rows.num_rows and rows["state"][0].as_py() != BatchState.CHOSEN.value:
        raise WrongUse(f"batch '{batch_id}' was sent already and stays as it is; name a new one with --batch.")


def refuse_uncurated(run: Run) -> None:
    """Raise WrongUse where the filter has kept nothing yet."""
    if run.warehouse.query("SELECT count(*) AS n FROM kept")["n"][0].as_py():
        return
    dropped = run.warehouse.query("SELECT count(DISTINCT photo_id) AS n FROM verdicts WHERE NOT kept")["n"][0].as_py()
    if dropped:
        raise WrongUse(
            f"no photo is there to be rated: the filter dropped all {dropped:,}; `salon filter` counts them by rule, "
            "and `salon filter --preview` shows them: change [filter.rules] in salon.toml and run `salon filter` again."
        )
    raise WrongUse("no photo is there to be rated: run `salon curate PHOTOS` (or ingest, dedupe, filter) first.")


def photos_in_file(run: Run, from_list: str | None) -> list[str]:
    """The photos of a list: a line each, or a CSV file with a column photo_id; raises BadInput by line."""
    if from_list is None:
        return []
    path = Path(from_list)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the list cannot be read", where=from_list, got=str(error)) from error
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    header = next(csv.reader([lines[0][1]])) if lines else []
    if "photo_id" in header:
        place, reader = header.index("photo_id"), csv.reader(line for _, line in lines[1:])
        named = [(lines[reader.line_num][0], row[place].strip() if place < len(row) else "") for row in reader]
    else:
        named = [(number, line.strip()) for number, line in lines]
    if not named:
        raise BadInput("the list is empty", where=from_list, expected="a photo per line")
    return photos_named(run, [name for _, name in named], from_list, [number for number, _ in named])


def photos_named(run: Run, names: Sequence[str], where: str, lines: Sequence[int | None] = ()) -> list[str]:
    """The photos that a list names by photo_id, URI, file name, or file name without ending; in its order.

    Parameters
    ----------
    where : str
        The list, for messages.
    lines : sequence of int, optional
        The line of each name, where the list is a file.

    Raises
    ------
    BadInput
        A name fits no photo, or several.
    """
    if not names:
        return []
    extra = {"names": pa.table({"name": pa.array(names, pa.string())})}
    rows = run.warehouse.query(FIND_PHOTOS, extra=extra).to_pylist()
    found = {row["name"]: row for row in rows}
    for line, name in zip(lines or [None] * len(names), names, strict=True):
        if name not in found:
            raise BadInput(
                "there is no such photo", where=where, line=line, got=repr(name), todo="`salon sql` lists `sightings`."
            )
        if found[name]["photos"] > 1:
            raise BadInput(
                f"the name fits {found[name]['photos']} photos", where=where, line=line, got=repr(name),
                todo="Name it by its photo_id or URI.",
            )  # fmt: skip
    return list(dict.fromkeys(str(found[name]["photo_id"]) for name in names))


def earlier_rows(run: Run, batch_id: str) -> dict[str, dict[str, Any]]:
    """What a batch says of its photos now: a batch that a person edits keeps it for photos that stay."""
    rows = run.warehouse.query(
        """SELECT photo_id, role, selected_by, inclusion_probability, stratum FROM tasks
           WHERE batch_id = $1 AND role IN ('rate', 'audit') AND right_photo_id IS NULL AND frame_ids IS NULL""",
        [batch_id],
    ).to_pylist()
    return {row["photo_id"]: row for row in rows}

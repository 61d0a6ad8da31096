"""From columns of text to rows of `ratings`: every row becomes a vote or a fault, none is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labeling.importing.columns import Columns, Scale
from labeling.importing.faults import Fault
from labeling.importing.files import RawRows
from labeling.importing.identities import hash_rows, spelled
from labeling.importing.parsing import flags, numbers, times, whole_numbers
from schemas.codes import RatingStatus, RejectedReason, TaskRole
from schemas.ratings import RATINGS

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Photos:
    """The photos that a file names, as the warehouse knows them.

    Parameters
    ----------
    found : mapping of str to str
        Name in the file to photo_id.
    ambiguous : mapping of str to int
        Names that several photos share, with the number of photos.
    """

    found: Mapping[str, str]
    ambiguous: Mapping[str, int]


@dataclass(frozen=True)
class Import:
    """How the votes of a file are to be read.

    Parameters
    ----------
    columns : Columns
        Which column says what.
    scale : Scale
        The scale of all its scores.
    source : str
        The namespace in which its raters have their names.
    simulated : bool
        The votes were made by a program.
    pseudonym : callable
        From a rater's name to the pseudonym.
    at : datetime
        The clock, for `recorded_at`.
    """

    columns: Columns
    scale: Scale
    source: str
    simulated: bool
    pseudonym: Callable[[str], str]
    at: datetime


@dataclass(frozen=True)
class Votes:
    """What became of a file: rows of `ratings`, and one fault for each row that is none."""

    rows: pa.Table
    faults: tuple[Fault, ...]


def votes_of(file: RawRows, photos: Photos, how: Import) -> Votes:
    """Every vote of a file.

    A row that repeats an earlier one in rater, photo, question, time, position and score is taken once. A
    second score by the same rater for the same photo and question, which no time and no position tells apart
    from the first, becomes a rating of status `duplicate`.
    """
    parts, faults = [], [_ragged_fault(file, *row) for row in file.ragged]
    for score in how.columns.scores:
        rows, found = _votes_of_column(file, score, photos, how)
        parts.append(rows)
        # A row without a photo or rater is one fault, however many questions it answers.
        known = {(fault.place, fault.field, fault.reason) for fault in faults}
        faults += [fault for fault in found if (fault.place, fault.field, fault.reason) not in known]
    return Votes(pa.concat_tables(parts), tuple(sorted(faults, key=lambda fault: fault.place)))


def _votes_of_column(file: RawRows, score: str, photos: Photos, how: Import) -> tuple[pa.Table, list[Fault]]:
    names = how.columns
    check = _Check(file)
    photo = check.column(names.photo)
    photo_id = pc.index_in(photo, pa.array(list(photos.found), pa.string()))
    photo_id = pa.array(list(photos.found.values()), pa.string()).take(photo_id)
    check.absent(names.photo, RejectedReason.MISSING_PHOTO, "there is no photo")
    shared = np.asarray(pc.is_in(photo, pa.array(list(photos.ambiguous), pa.string())))
    check.wrong(shared, names.photo, RejectedReason.AMBIGUOUS_PHOTO, "several photos have this name", "one photo")
    check.wrong(
        np.asarray(pc.is_null(photo_id)),
        names.photo,
        RejectedReason.UNKNOWN_PHOTO,
        "no such photo in the warehouse",
        "a photo_id, URI or file name of an ingested photo",
    )
    check.absent(names.rater, RejectedReason.MISSING_RATER, "there is no rater")
    value = _scores(check, score, how.scale)
    if names.question_in_column:
        check.absent(names.question, RejectedReason.BAD_FIELD, "there is no question")
        question = check.column(names.question)
    else:
        question = pa.array([names.question_of(score)], pa.string()).take(pa.nulls(len(photo), pa.int64()).fill_null(0))
    submitted, seconds, position, session, finished = _circumstances(check, names)
    good = ~check.bad
    rows = pa.table(
        {
            "place": file.places,
            "photo_id": photo_id,
            "rater": check.column(names.rater),
            "question": question,
            "value": value,
            "submitted_at": submitted,
            "seconds": seconds,
            "position": position,
            "session": session,
            "finished": finished,
        }
    ).filter(pa.array(good))
    told, repeats = _tell_apart(rows)
    faults = check.faults() + [_repeat_fault(file, place, first, score) for place, first in repeats]
    return _ratings(told, how), faults


def _scores(check: _Check, name: str, scale: Scale) -> pa.Array:
    """The scores as float64; faults where there is none, or none on the scale."""
    check.absent(name, RejectedReason.MISSING_SCORE, "there is no score")
    value, readable = numbers(check.column(name))
    check.wrong(~readable, name, RejectedReason.NOT_A_NUMBER, "the score is not a number", f"{scale}")
    plain = np.nan_to_num(value, nan=scale.low)
    off = (plain < scale.low) | (plain > scale.high)
    if scale.whole:
        off |= plain != np.round(plain)
    check.wrong(off, name, RejectedReason.OFF_SCALE, "the score is off the scale", f"{scale}")
    return pa.array(value, pa.float64(), from_pandas=True)


def _circumstances(check: _Check, names: Columns) -> tuple[pa.Array, ...]:
    """Time, seconds, position, session and whether the session was finished; nulls where a file has none."""
    submitted = pa.nulls(check.rows, pa.timestamp("us", tz="UTC"))
    if names.submitted_at:
        submitted, good = times(check.column(names.submitted_at))
        text = "the time cannot be read"
        check.wrong(~good, names.submitted_at, RejectedReason.BAD_TIME, text, "ISO 8601, such as 2024-05-01T12:30:00Z")
    seconds = pa.nulls(check.rows, pa.float64())
    if names.seconds:
        plain, good = numbers(check.column(names.seconds))
        good &= ~(np.nan_to_num(plain) < 0)
        check.wrong(~good, names.seconds, RejectedReason.BAD_FIELD, "this is no duration", "seconds, 0 or more")
        seconds = pa.array(plain, pa.float64(), from_pandas=True)
    position = pa.nulls(check.rows, pa.int64())
    if names.position:
        position, good = whole_numbers(check.column(names.position))
        check.wrong(~good, names.position, RejectedReason.BAD_FIELD, "this is no position", "a whole number, 0 or more")
    session = check.column(names.session) if names.session else pa.nulls(check.rows, pa.string())
    finished = pa.nulls(check.rows, pa.bool_())
    if names.finished:
        finished, good = flags(check.column(names.finished))
        check.wrong(~good, names.finished, RejectedReason.BAD_FIELD, "this is no yes or no", "true or false")
    return submitted, seconds, position, session, finished


class _Check:
    """The rows of a file that are still good, and the first fault of each of the others."""

    def __init__(self, file: RawRows) -> None:
        self._file = file
        self.rows = file.columns.num_rows
        self.bad: Mask = np.zeros(self.rows, bool)
        self._found: list[tuple[npt.NDArray[np.int64], str, RejectedReason, str, str]] = []

    def column(self, name: str) -> pa.Array:
        """A column of text as one array."""
        return _one_array(self._file.columns[name])

    def absent(self, name: str, reason: RejectedReason, what: str) -> None:
        """Rows in which the column is empty are at fault."""
        self.wrong(np.asarray(pc.is_null(self.column(name))), name, reason, what, "a value")

    def wrong(self, mask: Mask, name: str, reason: RejectedReason, what: str, expected: str) -> None:
        """The rows of the mask are at fault, where nothing was found before."""
        fresh = mask & ~self.bad
        if fresh.any():
            self._found.append((np.flatnonzero(fresh), name, reason, what, expected))
            self.bad |= fresh

    def faults(self) -> list[Fault]:
        """One fault for each bad row."""
        return [
            Fault(int(self._file.places[row]), name, reason, what, expected, _shown(raw[name]), raw)
            for rows, name, reason, what, expected in self._found
            for row, raw in zip(rows.tolist(), self._file.columns.take(pa.array(rows)).to_pylist(), strict=True)
        ]


def _shown(text: str | None) -> str:
    if text is None:
        return "nothing"
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _tell_apart(rows: pa.Table) -> tuple[pa.Table, list[tuple[int, int]]]:
    """Add each vote's moment and whether it is a duplicate; take repeated rows out.

    Returns
    -------
    table : pyarrow.Table
        The rows with the columns `moment` (text) and `duplicate` (bool).
    repeats : list of (int, int)
        Places of the rows that were taken out, and of the rows that they repeat.
    """
    position = rows["position"].cast(pa.string())
    base = pc.coalesce(_iso_times(rows["submitted_at"]), pc.binary_join_element_wise("position", position, " "), "")
    vote = _codes(rows["rater"], rows["photo_id"], rows["question"], base)
    same = _codes(pa.array(vote), rows["value"], rows["submitted_at"], rows["position"])
    _, first, back = np.unique(same, return_index=True, return_inverse=True)
    places = np.asarray(rows["place"])
    original = first[back] == np.arange(rows.num_rows)
    repeats = list(zip(places[~original].tolist(), places[first[back]][~original].tolist(), strict=True))
    kept = rows.append_column("base", base).filter(pa.array(original))
    occurrence = _occurrences(vote[original])
    apart = _codes(pa.array(vote[original]), kept["submitted_at"], kept["position"])
    number = pc.binary_join_element_wise("occurrence", pa.array(occurrence).cast(pa.string()), " ")
    base = _one_array(kept["base"])
    later = pc.binary_join_element_wise(base, number, " ")
    moment = pc.if_else(pc.equal(base, ""), number, pc.if_else(pa.array(occurrence == 1), base, later))
    return kept.append_column("moment", moment).append_column("duplicate", pa.array(_occurrences(apart) > 1)), repeats


def _iso_times(times_: pa.ChunkedArray) -> pa.Array:
    """Times as `labeling.identity.moment` writes them: ``at `` and Python's ISO format."""
    unique = pc.unique(times_)
    spelled_out = pa.array([None if at is None else f"at {at.isoformat()}" for at in unique.to_pylist()], pa.string())
    return spelled_out.take(pc.index_in(_one_array(times_), unique))


def _occurrences(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """1 for the first row of each code, 2 for its second, and so on, in the order of the rows."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(codes) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[begins, len(codes)])
    numbers_ = np.empty(len(codes), np.int64)
    numbers_[order] = np.arange(len(codes)) - np.repeat(begins, sizes) + 1
    return numbers_


def _codes(*columns: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.int64]:
    """One whole number for each row, equal where all columns are equal (nulls equal nulls)."""
    total: npt.NDArray[np.int64] = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        coded = _one_array(column).dictionary_encode(null_encoding="encode")
        total = total * max(len(coded.dictionary), 1) + np.asarray(coded.indices, np.int64)
        total = np.asarray(np.unique(total, return_inverse=True)[1], np.int64)
    return total


def _one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column


def _ratings(rows: pa.Table, how: Import) -> pa.Table:
    """Rows of `ratings` in the record's schema."""
    raters = _one_array(rows["rater"]).dictionary_encode()
    pseudonyms = pa.array([how.pseudonym(name) for name in raters.dictionary.to_pylist()], pa.string())
    rater_id = pseudonyms.take(raters.indices)
    duplicate, finished = _one_array(rows["duplicate"]), pc.fill_null(_one_array(rows["finished"]), True)
    status = pc.if_else(
        duplicate,
        RatingStatus.DUPLICATE.value,
        pc.if_else(finished, RatingStatus.COUNTED.value, RatingStatus.UNFINISHED.value),
    )
    photo_id, question = _one_array(rows["photo_id"]), _one_array(rows["question"])
    identity = pa.array(
        hash_rows(pa.array([how.source]).take(_zeros(rows)), rater_id, photo_id, question, _one_array(rows["moment"])),
        pa.string(),
    )
    constants = {
        "scale": how.scale.name,
        "scale_low": how.scale.low,
        "scale_high": how.scale.high,
        "role": TaskRole.RATE.value,
        "source": how.source,
        "simulated": how.simulated,
        "recorded_at": how.at,
    }
    columns: dict[str, pa.Array] = {
        "rating_id": rating_ids(identity, _one_array(rows["value"]), status, how.scale.name),
        "identity": identity,
        "photo_id": photo_id,
        "rater_id": rater_id,
        "question": question,
        "value": rows["value"],
        "session_id": rows["session"],
        "position": rows["position"],
        "submitted_at": rows["submitted_at"],
        "seconds": rows["seconds"],
        "status": status,
    }
    for field in RATINGS.schema:
        if field.name in constants:
            columns[field.name] = pa.array([constants[field.name]], field.type).take(_zeros(rows))
        elif field.name not in columns:
            columns[field.name] = pa.nulls(rows.num_rows, field.type)
    return pa.table([columns[field.name] for field in RATINGS.schema], schema=RATINGS.schema)


def rating_ids(
    identity: pa.Array, value: pa.Array, status: pa.Array, scale: str, revision: int | None = None
) -> pa.Array:
    """`labeling.identity.content_id(identity, value, status, scale)` for whole columns.

    A revision is added where the same content stood in an earlier row of the identity and came back.
    """
    values, states = value.dictionary_encode(), status.dictionary_encode()
    parts: list[pa.Array | str] = [
        identity,
        spelled(values.dictionary.to_pylist()).take(values.indices),
        spelled(states.dictionary.to_pylist()).take(states.indices),
        repr(scale),
    ]
    if revision is not None:
        parts.append(repr(revision))
    return pa.array(hash_rows(*parts), pa.string())


def _zeros(rows: pa.Table) -> pa.Array:
    return pa.array(np.zeros(rows.num_rows, np.int64))


def _ragged_fault(file: RawRows, place: int, found: int, fields: tuple[str, ...]) -> Fault:
    names = file.columns.column_names
    raw = {**dict(zip(names, fields, strict=False)), **{f"+{n}": text for n, text in enumerate(fields[len(names) :])}}
    what = "the row has another number of fields than the header"
    last = names[min(found, len(names)) - 1]
    return Fault(place, last, RejectedReason.BAD_FIELD, what, f"{len(names)} fields", f"{found}", raw)


def _repeat_fault(file: RawRows, place: int, first: int, score: str) -> Fault:
    raw = file.columns.slice(int(np.searchsorted(file.places, place)), 1).to_pylist()[0]
    what = f"a doubled row: it repeats {file.unit} {first} in rater, photo, question and score, and is taken once"
    return Fault(place, score, RejectedReason.DOUBLED_ROW, what, "", "", raw)

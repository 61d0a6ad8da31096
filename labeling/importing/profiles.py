"""What raters told of themselves, from a file: coarse, optional, and under their pseudonyms."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from labeling.importing.files import RawRows
from labeling.importing.parsing import times
from schemas.errors import BadInput
from schemas.ratings import RaterProfile

AGE_BANDS = ((18, "under 18"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64"))
"""The first age that is above the band, and the band; who is older is '65+'."""

OLDEST_BAND = "65+"
OLDEST = 120
BAND = re.compile(r"(?:under \d{1,3}|\d{1,3}\+|(\d{1,3})-(\d{1,3}))")
NARROWEST_BAND = 5
LONGEST_WORD = 60
RESERVED_PANEL = "simulated"

TEXTS = ("consent_version", "gender", "region", "experience", "vision", "panel", "completion_code")
TOLD = tuple(field.name for field in fields(RaterProfile) if field.name != "rater_id")


@dataclass(frozen=True)
class ProfileColumns:
    """Which columns of a file tell what; `told` goes from a field of `RaterProfile` to a column.

    Parameters
    ----------
    rater : str
        The column that names the rater.
    told : mapping of str to str
        From fields of the profile to columns.
    age : str, optional
        A column with ages in years, of which only the band is kept.
    """

    rater: str
    told: Mapping[str, str]
    age: str | None = None


@dataclass(frozen=True)
class Profiles:
    """The profiles of a file, one a rater, and the sentences on rows that are none."""

    rows: tuple[RaterProfile, ...]
    faults: tuple[str, ...]


def find_profile_columns(
    rater: str, asked: Mapping[str, str], age: str | None, there: Collection[str], name: str
) -> ProfileColumns:
    """Match what was asked for with the columns of a file; a field that nobody named is looked for by its own name.

    Raises
    ------
    BadInput
        A column that was named is missing, or the file tells nothing of anybody.
    """
    named = {"rater": rater, **asked, **({"age": age} if age else {})}
    for option, column in named.items():
        if column not in there:
            raise BadInput(
                f"there is no column for the {option.replace('_', ' ')}",
                where=name,
                field=column,
                expected=f"one of {', '.join(there)}",
                todo=f"Name the column with --{option.replace('_', '-')}.",
            )
    told = {field: asked.get(field, field) for field in TOLD if field in asked or field in there}
    age = age or ("age" if "age" in there and "age_band" not in told else None)
    if not told and not age:
        raise BadInput(
            "no column tells anything of a rater",
            where=name,
            expected=f"age or one of {', '.join(TOLD)}",
            got=", ".join(there),
            todo="Name a column, such as --gender COLUMN.",
        )
    return ProfileColumns(rater, told, age)


def profiles_of(rows: RawRows, columns: ProfileColumns, pseudonym: Callable[[str], str | None]) -> Profiles:
    """The profiles of a file.

    Parameters
    ----------
    rows : RawRows
        The file.
    columns : ProfileColumns
        What its columns tell.
    pseudonym : callable
        From a rater's name to the pseudonym; None where there is no such rater.

    Returns
    -------
    Profiles
        In the order of the file. A rater who stands there twice and tells different things is a fault, and so is
        a value that is not coarse: neither is kept.
    """
    faults = [
        str(BadInput("the row has another number of fields than the header", where=rows.name, line=place))
        for place, _, _ in rows.ragged
    ]
    found: dict[str, RaterProfile] = {}
    for place, row in zip(rows.places.tolist(), rows.columns.to_pylist(), strict=True):
        try:
            profile = _profile(row, columns, pseudonym)
            if found.setdefault(profile.rater_id, profile) != profile:
                raise BadInput("the rater stands in the file twice and tells different things", field=columns.rater)
        except BadInput as fault:
            faults.append(_placed(fault, rows, place))
    return Profiles(tuple(found.values()), tuple(faults))


def merged(standing: RaterProfile | None, new: RaterProfile) -> RaterProfile:
    """What a rater told before, and now: a field of which the file says nothing stays as it was."""
    if standing is None:
        return new
    return replace(standing, **{name: value for name in TOLD if (value := getattr(new, name)) is not None})


def age_band(age: int) -> str:
    """The band in which an age in years lies.

    Examples
    --------
    >>> age_band(34), age_band(65)
    ('25-34', '65+')
    """
    return next((band for above, band in AGE_BANDS if age < above), OLDEST_BAND)


def _profile(
    row: Mapping[str, str | None], columns: ProfileColumns, pseudonym: Callable[[str], str | None]
) -> RaterProfile:
    name = row[columns.rater]
    if name is None:
        raise BadInput("the row names no rater", field=columns.rater)
    rater_id = pseudonym(name)
    if rater_id is None:
        raise BadInput(
            "there is no such account", field=columns.rater, got=repr(name), todo="`salon raters list` shows all."
        )
    told: dict[str, Any] = {}
    for field, column in columns.told.items():
        value = row[column]
        if value is not None:
            told[field] = _READERS.get(field, _word)(value, column)
    if columns.age and (years := row[columns.age]) is not None:
        told["age_band"] = _age(years, columns.age)
    return RaterProfile(rater_id=rater_id, **told)


def _age(text: str, column: str) -> str:
    if not re.fullmatch(r"\d{1,3}(?:\.0*)?", text) or float(text) > OLDEST:
        raise BadInput("no age", field=column, expected=f"whole years from 0 to {OLDEST}", got=repr(text))
    return age_band(int(float(text)))


def _band(text: str, column: str) -> str:
    found = BAND.fullmatch(text)
    if not found or (found[1] and int(found[2]) - int(found[1]) + 1 < NARROWEST_BAND):
        raise BadInput(
            "no age band",
            field=column,
            expected=f"such as 25-34, 65+ or 'under 18', of at least {NARROWEST_BAND} years",
            got=repr(text),
            todo="Name a column of ages with --age: only their band is kept.",
        )
    return text


def _time(text: str, column: str) -> Any:
    import pyarrow as pa

    at, readable = times(pa.array([text]))
    if not readable[0]:
        raise BadInput("no time", field=column, expected="ISO 8601, such as 2026-03-01T09:30:00Z", got=repr(text))
    return at[0].as_py()


def _word(text: str, column: str) -> str:
    """A word that says little: long texts and addresses could name a person."""
    if len(text) > LONGEST_WORD or "@" in text or not text.isprintable():
        shown = text if len(text) <= LONGEST_WORD else f"{len(text)} characters"
        raise BadInput(
            "too much for a coarse answer",
            field=column,
            expected=f"at most {LONGEST_WORD} characters, no address",
            got=repr(shown),
        )
    return text


def _panel(text: str, column: str) -> str:
    if text.casefold() == RESERVED_PANEL:
        raise BadInput(
            f"'{RESERVED_PANEL}' is the panel of simulated raters",
            field=column,
            todo="Give people another panel; simulated votes come with `import-ratings --simulated`.",
        )
    return _word(text, column)


_READERS: Mapping[str, Callable[[str, str], Any]] = {"age_band": _band, "consented_at": _time, "panel": _panel}


def _placed(fault: BadInput, rows: RawRows, place: int) -> str:
    """The sentence with its place in the file."""
    by_line = rows.unit == "line"
    where = rows.name if by_line else f"{rows.name}, row {place}"
    line = place if by_line else None
    parts: dict[str, Any] = {name: getattr(fault, name) for name in ("field", "expected", "got", "todo")}
    return str(BadInput(fault.what, where=where, line=line, **parts))

"""Which columns of a file say what, and the scale on which its votes were cast."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from schemas.errors import BadInput, WrongUse

NUMBER = r"[+-]?\d+(?:\.\d+)?"


@dataclass(frozen=True)
class Scale:
    """A rating scale.

    Parameters
    ----------
    name : str
        Its id in the tables, such as '1-7' or 'acr-5'. Votes on scales of different names are never merged.
    low, high : float
        Lowest and highest value.
    whole : bool
        Only whole steps are votes on it.
    """

    name: str
    low: float
    high: float
    whole: bool

    @classmethod
    def parse(cls, text: str) -> Scale:
        """A scale from '1-7' (whole steps), '0.0-1.0' (any value between), '-3..3', or 'acr-5'.

        Raises
        ------
        WrongUse
            The text names no scale.
        """
        named = re.fullmatch(r"acr-?(\d+)", text.strip(), re.IGNORECASE)
        if named and int(named[1]) > 1:
            return cls(f"acr-{int(named[1])}", 1.0, float(named[1]), True)
        found = re.fullmatch(rf"({NUMBER})\s*(?:-|\.\.|:|,|to)\s*({NUMBER})", text.strip())
        if not found or float(found[1]) >= float(found[2]):
            raise WrongUse(f"--scale: expected the lowest and the highest value, such as 1-7, got {text!r}.")
        low, high = float(found[1]), float(found[2])
        whole = "." not in found[1] and "." not in found[2]
        separator = "-" if low >= 0 else ".."
        return cls(f"{found[1]}{separator}{found[2]}", low, high, whole)

    def __str__(self) -> str:
        return f"{'a whole number ' if self.whole else ''}from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Columns:
    """The columns of a file that an import reads; None where the file has none.

    `scores` holds one column for each question where a file has several of them; `question` is a column's
    name where `question_in_column`, else the question itself.
    """

    photo: str
    rater: str
    scores: tuple[str, ...]
    question: str
    question_in_column: bool = False
    submitted_at: str | None = None
    seconds: str | None = None
    position: str | None = None
    session: str | None = None
    finished: str | None = None

    def question_of(self, score: str) -> str:
        """The question that a score column answers, where no column says it."""
        return score if len(self.scores) > 1 else self.question


@dataclass(frozen=True)
class Wanted:
    """What a person asked for: column names, None where nothing was said and the word itself is tried."""

    photo: str = "photo"
    rater: str = "rater"
    scores: tuple[str, ...] = ("score",)
    question: str | None = None
    submitted_at: str | None = None
    seconds: str | None = None
    position: str | None = None
    session: str | None = None
    finished: str | None = None


def find_columns(wanted: Wanted, there: Collection[str], name: str, default_question: str) -> Columns:
    """Match what was asked for with the columns that a file has.

    Raises
    ------
    BadInput
        A column is missing; the message names it and the columns that are there.
    """
    required = {"photo": (wanted.photo,), "rater": (wanted.rater,), "score": wanted.scores}
    for option, columns in required.items():
        for column in columns:
            _demand(column, there, name, option)
    optional: dict[str, str | None] = {}
    for option in ("submitted_at", "seconds", "position", "session", "finished"):
        asked = getattr(wanted, option)
        if asked is not None:
            _demand(asked, there, name, option)
        optional[option] = asked or (option if option in there else None)
    asked = wanted.question
    # A file with a column for each question names the question by the column of its scores.
    in_column = (asked or "question") in there and asked not in wanted.scores
    question = (asked or "question") if in_column else (asked or default_question)
    return Columns(wanted.photo, wanted.rater, wanted.scores, question, in_column, **optional)


def _demand(column: str, there: Collection[str], name: str, option: str) -> None:
    if column not in there:
        flag = option.replace("_", "-")
        raise BadInput(
            f"there is no column for the {option}",
            where=name,
            field=column,
            expected=f"one of {', '.join(there)}",
            todo=f"Name the column with --{flag}.",
        )

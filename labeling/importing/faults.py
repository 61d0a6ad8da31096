"""What was wrong with rows of a file: one fault a row, with its place, field and reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from labeling.importing.files import RawRows
from schemas.codes import RejectedReason
from schemas.errors import BadInput
from schemas.ratings import RejectedRating


@dataclass(frozen=True)
class Fault:
    """One row that is no rating.

    Parameters
    ----------
    place : int
        The line of a CSV file, the row of a Parquet file.
    field : str
        The column at fault.
    reason : RejectedReason
        The code.
    what, expected, got : str
        Parts of the sentence for people.
    raw : mapping of str to str or None
        The row as it came.
    """

    place: int
    field: str
    reason: RejectedReason
    what: str
    expected: str
    got: str
    raw: Mapping[str, str | None]

    def sentence(self, file: RawRows) -> str:
        """File, line, field, what was expected and what stands there."""
        if file.unit == "line":
            return str(
                BadInput(
                    self.what,
                    where=file.name,
                    line=self.place,
                    field=self.field,
                    expected=self.expected,
                    got=self.got,
                )
            )
        where = f"{file.name}, row {self.place}"
        return str(BadInput(self.what, where=where, field=self.field, expected=self.expected, got=self.got))


def rejected(
    faults: Sequence[Fault], file: RawRows, source: str, rater: str, pseudonym: Callable[[str], str], at: datetime
) -> list[RejectedRating]:
    """Faults as rows of `rejected_ratings`; raters stand there under their pseudonyms.

    Parameters
    ----------
    faults : sequence of Fault
        What was found.
    file : RawRows
        The file in which it was found.
    source : str
        The namespace of the import; the file's name is added to it.
    rater : str
        The column that names raters.
    pseudonym : callable
        From a rater's name to the pseudonym.
    at : datetime
        The clock.
    """
    rows = []
    for fault in faults:
        name = fault.raw.get(rater)
        blind = {**fault.raw, rater: pseudonym(name)} if name else fault.raw
        raw = json.dumps(blind, ensure_ascii=False, sort_keys=True)
        rows.append(
            RejectedRating(
                source=f"{source}:{file.name}",
                place=str(fault.place),
                content_id=hashlib.sha256(raw.encode()).hexdigest()[:32],
                reason=fault.reason.value,
                detail=fault.sentence(file),
                raw=raw,
                rejected_at=at,
            )
        )
    return rows

"""Which votes of an import are new, which stand already, and which correct an earlier vote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labeling.importing.votes import rating_ids
from schemas.codes import RatingStatus

CONTENT = ("value", "status", "scale")
NEXT_MOMENT = pa.scalar(timedelta(microseconds=1), pa.duration("us"))


@dataclass(frozen=True)
class Standing:
    """What stands in the table for some identities.

    Parameters
    ----------
    rows : pyarrow.Table
        identity, value, status, scale and recorded_at as of now, and `versions`: rows of the identity so far.
    """

    rows: pa.Table

    @classmethod
    def of(cls, rows: pa.Table) -> Standing:
        """From a query's answer."""
        return cls(rows.combine_chunks())


def only_new(rows: pa.Table, standing: Standing) -> pa.Table:
    """The votes whose content is not what stands; they get a new rating_id where their content stood before.

    A vote that its rater withdrew stays withdrawn, however often the file is imported.

    Parameters
    ----------
    rows : pyarrow.Table
        Votes in the schema of `ratings`, one of each identity.
    standing : Standing
        What stands for their identities.
    """
    if not standing.rows.num_rows:
        return rows
    place = pc.index_in(rows["identity"], standing.rows["identity"].combine_chunks())
    place = place.combine_chunks() if isinstance(place, pa.ChunkedArray) else place
    unseen = np.asarray(pc.is_null(place))
    now = standing.rows.take(pc.fill_null(place, 0))
    equal = np.ones(rows.num_rows, bool)
    for name in CONTENT:
        # A missing value differs from every value.
        equal &= np.asarray(pc.fill_null(pc.equal(rows[name], now[name]), False))
    equal |= np.asarray(pc.equal(now["status"], RatingStatus.WITHDRAWN.value))
    changed = pa.array(~equal & ~unseen)
    corrected = _recorded_later(rows.filter(changed), now.filter(changed))
    return pa.concat_tables([rows.filter(pa.array(unseen)), _revised(corrected, now.filter(changed))])


def _recorded_later(rows: pa.Table, now: pa.Table) -> pa.Table:
    """Corrections recorded after what they correct: the row recorded last stands, also when the clock jumped back."""
    place = rows.schema.get_field_index("recorded_at")
    least = pc.add(now["recorded_at"].cast(rows.schema.field(place).type), NEXT_MOMENT)
    moments = pc.if_else(pc.greater(rows["recorded_at"], least), rows["recorded_at"], least)
    return rows.set_column(place, rows.schema.field(place), moments)


def _revised(rows: pa.Table, now: pa.Table) -> pa.Table:
    """Corrections under the number of the version that they are, so that a content may come back."""
    parts = [rows.slice(0, 0)]
    versions = np.asarray(now["versions"])
    for version in np.unique(versions):
        part = rows.filter(pa.array(versions == version)).combine_chunks()
        for scale in pc.unique(part["scale"]).to_pylist():
            same = part.filter(pc.equal(part["scale"], scale)).combine_chunks()
            identity, value, status = (same[name].chunk(0) for name in ("identity", "value", "status"))
            ids = rating_ids(identity, value, status, scale, revision=int(version))
            parts.append(same.set_column(0, same.schema.field("rating_id"), ids))
    return pa.concat_tables(parts)

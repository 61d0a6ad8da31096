"""The record type is the truth: Arrow schemas and documentation follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from schemas.columns import TableSpec, column, columns_of
from schemas.errors import BadInput, PassingFault, PermanentFault, SalonError
from schemas.tables import TABLES


@dataclass(frozen=True, kw_only=True)
class Example:
    """An example."""

    name: str = column("a name")
    vector: list[float] = column("numbers")
    at: datetime | None = column("a time", optional=True)


def test_the_arrow_schema_follows_from_the_annotations() -> None:
    spec = TableSpec("examples", Example, ("name",), "Examples.")
    assert spec.schema == pa.schema(
        [
            pa.field("name", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32()), nullable=False),
            pa.field("at", pa.timestamp("us", tz="UTC")),
        ]
    )
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert spec.to_arrow([Example(name="a", vector=[0.5], at=moment)]).to_pylist() == [
        {"name": "a", "vector": [0.5], "at": moment}
    ]


def test_an_annotation_without_an_arrow_type_is_refused_by_name() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Wrong:
        """Wrong."""

        what: complex = column("a number")

    with pytest.raises(TypeError, match="what"):
        columns_of(Wrong)


def test_keys_of_all_tables_are_columns_that_are_never_null() -> None:
    for spec in TABLES:
        for name in spec.key:
            assert not spec.schema.field(name).nullable, f"{spec.name}.{name}"


def test_bad_input_says_what_where_expected_got_and_what_to_do() -> None:
    error = BadInput(
        "the score is off the scale", where="votes.csv", line=37, field="score", expected="1 to 7", got="999",
        todo="Mend the row and import again.",
    )  # fmt: skip
    assert str(error) == (
        "votes.csv, line 37, field 'score': the score is off the scale; expected 1 to 7, got 999. "
        "Mend the row and import again."
    )


def test_every_error_is_either_passing_or_permanent() -> None:
    def leaves(kind: type[SalonError]) -> list[type[SalonError]]:
        children = kind.__subclasses__()
        return [leaf for child in children for leaf in leaves(child)] or [kind]

    for leaf in leaves(SalonError):
        assert issubclass(leaf, PassingFault) != issubclass(leaf, PermanentFault), leaf

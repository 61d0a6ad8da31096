"""What raters told: coarse answers get in under pseudonyms, others are refused with their line."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.import_profiles import ProfileFile, import_profiles
from flows.outcome import Outcome
from labeling.identity import pseudonym
from labeling.importing.profiles import AGE_BANDS, age_band
from schemas.errors import BadInput, WrongUse
from tests.conftest import real_data
from warehouse.store import Warehouse

KEY = "k" * 32


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty warehouse, made once: a copy of it is made much faster than another one."""
    folder = tmp_path_factory.mktemp("template") / "wh"
    Warehouse.create(folder)
    return folder


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", KEY)
    return str(shutil.copytree(template, tmp_path / "wh"))


def take(root: str, folder: Path, header: Sequence[str], *rows: Sequence[object], **more: Any) -> Outcome:
    path = folder / "told.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return import_profiles(root, ProfileFile(str(path), **more))


def stored(root: str) -> dict[str, dict[str, Any]]:
    rows = Warehouse.open(root).query("SELECT * FROM rater_profiles").to_pylist()
    return {row["rater_id"]: {k: v for k, v in row.items() if v is not None and k != "rater_id"} for row in rows}


def rater(name: str, source: str = "import") -> str:
    return pseudonym(KEY.encode(), source, name)


def test_answers_are_kept_under_the_pseudonym_of_the_votes(root: str, tmp_path: Path) -> None:
    header = ["rater", "age", "sex", "region", "consented_at"]
    take(root, tmp_path, header, ["ada", 36, "f", "EU", "2026-03-01T09:30:00+01:00"], columns={"gender": "sex"})
    kept = stored(root)[rater("ada")]
    assert kept.pop("consented_at").isoformat() == "2026-03-01T08:30:00+00:00"
    assert kept == {"age_band": "35-44", "gender": "f", "region": "EU"}


def test_the_same_file_again_changes_nothing_and_an_empty_cell_keeps_what_was_told(root: str, tmp_path: Path) -> None:
    told = (["rater", "gender", "vision"], ["ada", "f", "normal"], ["bob", "m", ""])
    assert take(root, tmp_path, *told).counts["new profiles"] == 2
    version = Warehouse.open(root).tables["rater_profiles"].version
    assert take(root, tmp_path, *told).counts["there already"] == 2
    assert Warehouse.open(root).tables["rater_profiles"].version == version
    changed = take(root, tmp_path, ["rater", "gender", "vision"], ["ada", "", "corrected"])
    assert (changed.counts["changed"], changed.counts["new profiles"]) == (1, 0)
    assert stored(root)[rater("ada")] == {"gender": "f", "vision": "corrected"}
    assert stored(root)[rater("bob")] == {"gender": "m"}


REFUSED = [
    ("age", "200", "whole years"),
    ("age", "thirty", "whole years"),
    ("age_band", "25-26", "at least 5 years"),
    ("age_band", "old", "such as 25-34"),
    ("region", "me@home.org", "no address"),
    ("experience", "x" * 61, "61 characters"),
    ("consented_at", "yesterday", "ISO 8601"),
    ("panel", "Simulated", "simulated raters"),
]


@pytest.mark.parametrize(("field", "value", "said"), REFUSED)
def test_what_is_no_coarse_answer_is_refused_with_its_line(
    field: str, value: str, said: str, root: str, tmp_path: Path
) -> None:
    outcome = take(root, tmp_path, ["rater", field, "gender"], ["ada", "", "f"], ["bob", value, "m"])
    assert outcome.counts["rows refused"] == 1
    assert f"told.csv, line 3, field '{field}'" in outcome.notes[0] and said in outcome.notes[0]
    assert set(stored(root)) == {rater("ada")}


def test_a_rater_who_tells_two_different_things_is_named(root: str, tmp_path: Path) -> None:
    outcome = take(root, tmp_path, ["rater", "gender"], ["ada", "f"], ["ada", "f"], ["ada", "m"])
    assert outcome.counts["rows refused"] == 1 and "line 4" in outcome.notes[0]
    assert stored(root) == {rater("ada"): {"gender": "f"}}


def test_files_that_tell_nothing_are_refused_with_what_to_do(root: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Name a column, such as --gender"):
        take(root, tmp_path, ["rater", "shoe_size"], ["ada", 41])
    with pytest.raises(BadInput, match="Name the column with --rater"):
        take(root, tmp_path, ["person", "gender"], ["ada", "f"])
    with pytest.raises(BadInput, match="a header and no rows"):
        take(root, tmp_path, ["rater", "gender"])
    with pytest.raises(WrongUse, match="no such file"):
        import_profiles(root, ProfileFile(str(tmp_path / "none.csv")))
    assert stored(root) == {}


@given(st.integers(0, 120))
def test_an_age_lies_in_the_band_that_names_it(age: int) -> None:
    band = age_band(age)
    if band == "under 18":
        assert age < 18
    elif band.endswith("+"):
        assert age >= AGE_BANDS[-1][0]
    else:
        low, high = map(int, band.split("-"))
        assert low <= age <= high


def test_the_raters_of_a_published_study_are_taken(root: str) -> None:
    file = real_data("oasis", "raters.csv")
    outcome = import_profiles(root, ProfileFile(str(file), rater="rater_id", columns={"gender": "gender_code"}))
    assert (outcome.counts["new profiles"], outcome.counts["rows refused"]) == (757, 0)
    assert all({"age_band", "gender"} >= set(told) for told in stored(root).values())

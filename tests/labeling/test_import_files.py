"""Files of votes before anything is known about their meaning, and the columns that are looked for in them."""

from __future__ import annotations

import pytest

from labeling.importing.columns import Scale, Wanted, find_columns
from labeling.importing.files import read_rows
from schemas.errors import BadInput, WrongUse


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b'photo,rater,score\n"cat.jpg,a,4\n', "CSV"),
        (b"photo,photo,rater\n", "twice"),
        (b"photo,rater\ncat,a\ncat,\xff\n", "line 3: not UTF-8"),
        (b"PAR1 and no more", "Parquet"),
    ],
)
def test_a_broken_file_is_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_rows(data, "votes.csv")


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    with pytest.raises(BadInput, match=r"votes.csv, field 'rater'.*photo, score.*--rater"):
        find_columns(Wanted(), ["photo", "score"], "votes.csv", "beauty")


def test_columns_of_the_same_words_are_found_without_being_named() -> None:
    found = find_columns(Wanted(), ["photo", "rater", "score", "question", "seconds"], "f", "beauty")
    assert (found.question, found.question_in_column, found.seconds, found.position) == (
        "question",
        True,
        "seconds",
        None,
    )


def test_a_question_is_a_column_a_name_or_the_default() -> None:
    there = ["photo", "rater", "score", "topic"]
    assert find_columns(Wanted(question="topic"), there, "f", "beauty").question_in_column
    assert find_columns(Wanted(question="appeal"), there, "f", "beauty").question == "appeal"
    assert find_columns(Wanted(), there, "f", "beauty").question == "beauty"
    wide = Wanted(scores=("appeal",), question="appeal")
    assert not find_columns(wide, ["photo", "rater", "appeal"], "f", "beauty").question_in_column


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("1-7", Scale("1-7", 1, 7, True)),
        ("1:7", Scale("1-7", 1, 7, True)),
        ("acr-5", Scale("acr-5", 1, 5, True)),
        ("0.0-100.0", Scale("0.0-100.0", 0, 100, False)),
        ("-3..3", Scale("-3..3", -3, 3, True)),
    ],
)
def test_scales_are_read(text: str, scale: Scale) -> None:
    assert Scale.parse(text) == scale


@pytest.mark.parametrize("text", ["", "7", "7-1", "1-1", "one to seven", "acr-1"])
def test_a_text_that_is_no_scale_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="--scale"):
        Scale.parse(text)

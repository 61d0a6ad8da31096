"""The audit's sample: a slice of every rule, each photo once, with the probability that it was drawn with."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labeling.selection.rejects import random_by_rule

GREEDY = [f"g{k}" for k in range(200)]
RARE = ["r0", "r1", "r2", "g5"]


def test_a_rare_rule_is_audited_beside_a_greedy_one() -> None:
    found = random_by_rule({"greedy": GREEDY, "rare": RARE, "idle": []}, 20, "seed")
    assert len(found) == 20
    assert set(RARE) <= set(found)
    assert found["r0"] == found["g5"] == 1
    others = {p for photo, p in found.items() if photo not in RARE}
    assert others <= {16 / 200, 17 / 200}  # whether g5 was among the first counts or not
    assert len(others) == 1


def test_every_photo_is_drawn_as_often_as_its_probability_says() -> None:
    rejected = {"a": [f"a{k}" for k in range(12)], "b": [f"b{k}" for k in range(30)]}
    drawn: Counter[str] = Counter()
    for seed in range(2000):
        drawn.update(random_by_rule(rejected, 12, str(seed)).keys())
    assert drawn["a3"] / 2000 == pytest.approx(6 / 12, abs=0.05)
    assert drawn["b3"] / 2000 == pytest.approx(6 / 30, abs=0.04)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(0, 40).map(str), unique=True)),
    st.integers(0, 30),
)
@example({"a": ["0", "1", "2", "3"], "b": ["0", "2", "3", "4"]}, 5)
@example({"a": ["0", "1", "2", "3"], "b": ["0", "1", "2", "4"]}, 5)
def test_no_more_than_wanted_and_all_where_there_are_few(rejected: dict[str, list[str]], wanted: int) -> None:
    found = random_by_rule(rejected, wanted, "s")
    everything = {photo for photos in rejected.values() for photo in photos}
    assert len(found) <= wanted
    assert set(found) <= everything
    assert list(found) == sorted(found)
    assert all(0 < p <= 1 for p in found.values())
    if wanted >= len(everything):
        assert set(found) == everything
        assert set(found.values()) <= {1.0}
    backwards = {name: photos[::-1] for name, photos in reversed(rejected.items())}
    assert random_by_rule(backwards, wanted, "s") == found

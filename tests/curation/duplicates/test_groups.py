"""Groups are compact, and the same in whatever order photos and pairs come."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from curation.duplicates.groups import Group, Pair, components, group, ordered

NAMES = [f"photo{n}" for n in range(12)]
alike = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda p: p[0] != p[1]), max_size=30)


def grouped(pairs: list[Pair], order: dict[str, int], verified: set[Pair]) -> set[Group]:
    members = components(pairs)
    result = group(members, order.__getitem__, lambda a, b: ordered(a, b) in verified)
    assert not result.wanted
    return set(result.groups)


@given(pairs=alike, seed=st.integers(0, 1000))
def test_groups_do_not_depend_on_the_order_of_pairs(pairs: set[Pair], seed: int) -> None:
    rng = random.Random(seed)
    order = {name: rng.random().__hash__() for name in NAMES}
    verified = {ordered(*pair) for pair in pairs}
    forward = sorted(verified)
    shuffled = [pair if rng.random() < 0.5 else (pair[1], pair[0]) for pair in forward]
    rng.shuffle(shuffled)
    assert grouped(forward, order, verified) == grouped(shuffled, order, verified)


@given(pairs=alike, seed=st.integers(0, 1000))
def test_every_member_is_verified_against_its_representative_which_comes_first(pairs: set[Pair], seed: int) -> None:
    order = {name: place for place, name in enumerate(random.Random(seed).sample(NAMES, len(NAMES)))}
    verified = {ordered(*pair) for pair in pairs}
    groups = grouped(sorted(verified), order, verified)
    for one in groups:
        assert all(ordered(one.representative, other) in verified for other in one.others)
        assert all(order[one.representative] < order[other] for other in one.others)
    everyone = [photo for one in groups for photo in (one.representative, *one.others)]
    assert len(everyone) == len(set(everyone))


def test_a_chain_is_no_group() -> None:
    chain = [("a", "b"), ("b", "c"), ("c", "d")]
    groups = grouped(chain, {"a": 0, "b": 1, "c": 2, "d": 3}, set(chain))
    assert groups == {Group("a", ("b",)), Group("c", ("d",))}


def test_what_nobody_has_looked_at_is_asked_for_before_anything_is_decided() -> None:
    answers = {("a", "b"): True, ("b", "c"): True}
    result = group(components(answers), str, lambda x, y: answers.get(ordered(x, y)))
    assert result.wanted == (("a", "c"),)
    assert result.groups == ()


def test_the_id_of_a_group_is_made_from_its_smallest_member_alone() -> None:
    assert Group("c", ("b", "d")).group_id == Group("b", ()).group_id
    assert Group("c", ("b", "d")).group_id != Group("c", ("d",)).group_id

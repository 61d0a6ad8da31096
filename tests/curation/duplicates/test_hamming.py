"""The join finds the pairs that brute force finds: no more, no fewer, each once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.duplicates import hamming
from curation.duplicates.hamming import Distinct, Matches, Words, join, join_between
from curation.duplicates.hamming_plan import WORD, collision_entropy, deal_bits, plan_join, sweeps
from schemas.errors import BadInput
from tests.curation.duplicates.words import brute_force, planted


def as_set(parts: list[Matches]) -> set[tuple[int, int, int]]:
    found = Matches.joined(parts)
    rows = list(zip(found.left.tolist(), found.right.tolist(), found.distance.tolist(), strict=True))
    assert len(rows) == len(set(rows)), "a pair was reported twice"
    return set(rows)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small inputs take the compiled way as well."""
    monkeypatch.setattr(hamming, "FEW", 0)


@pytest.mark.parametrize("few", [0, 20_000])
def test_words_that_are_all_near_are_refused_in_words_before_memory_is_full(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "FEW", few)
    monkeypatch.setattr(hamming, "MOST_PAIRS", 10_000)
    alike = np.arange(256, dtype=np.uint64)
    with pytest.raises(BadInput, match=r"expected at most 10,000 pairs within 8 bits.*salon.toml"):
        list(join(alike, 8))
    with pytest.raises(BadInput, match="smaller radius"):
        list(join_between(alike, alike + np.uint64(1 << 20), 9))
    assert sum(part.left.size for part in join(alike[:100], 8)) == 100 * 99 // 2


@pytest.fixture(scope="module")
def fifty_thousand() -> tuple[Words, set[tuple[int, int, int]]]:
    words = planted(50_000)
    return words, {row for row in brute_force(words, words, 10) if row[0] < row[1]}


@pytest.mark.parametrize("radius", range(11))
def test_all_pairs_among_fifty_thousand_words_are_those_of_brute_force(
    radius: int, fifty_thousand: tuple[Words, set[tuple[int, int, int]]]
) -> None:
    words, pairs = fifty_thousand
    assert words.size > hamming.FEW
    expected = {row for row in pairs if row[2] <= radius}
    assert len(expected) >= 400 * radius
    assert as_set(list(join(words, radius))) == expected


def test_new_words_against_old_ones_are_those_of_brute_force() -> None:
    words = planted(30_000, furthest=8, seed=1)
    rng = np.random.default_rng(2)
    few = np.unique(np.concatenate([words[rng.integers(0, words.size, 400)] ^ np.uint64(5), planted(9_000, seed=3)]))
    assert words.size * few.size > hamming.FEW**2 // 2
    expected = brute_force(words, few, 7)
    assert len(expected) >= 300
    assert as_set(list(join_between(words, few, 7))) == expected


words_lists = st.lists(
    st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 31).map(lambda small: small * 0x0101_0101_0101_0101)),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(values=words_lists, radius=st.integers(0, 16))
def test_any_words_are_joined_as_brute_force_joins_them(values: list[int], radius: int) -> None:
    words = np.unique(np.array(values, np.uint64))
    expected = {row for row in brute_force(words, words, radius) if row[0] < row[1]}
    assert as_set(list(join(words, radius))) == expected


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("radius", [1, 4, 7, 12])
@pytest.mark.parametrize("dead", [0, 20, 40])
def test_words_of_which_most_bits_are_dead_are_joined_exactly_by_the_compiled_way(radius: int, dead: int) -> None:
    rng = np.random.default_rng(radius + dead)
    live = (1 << 64) - (1 << dead)
    words = np.unique(rng.integers(0, 2**64, 1500, dtype=np.uint64) & np.uint64(live))
    expected = {row for row in brute_force(words, words, radius) if row[0] < row[1]}
    assert as_set(list(join(words, radius))) == expected
    few = words[:: max(1, words.size // 50)]
    assert as_set(list(join_between(words, few, radius))) == brute_force(words, few, radius)


def test_words_with_few_live_bits_are_compared_each_with_each() -> None:
    words = np.unique(np.random.default_rng(0).integers(0, 2**14, 30_000, dtype=np.uint64) << np.uint64(40))
    assert plan_join(12, words) is None


def test_equal_words_are_collapsed_and_their_items_are_kept_in_order() -> None:
    words = np.array([7, 3, 7, 9, 3, 7], np.uint64)
    distinct = Distinct.of(words)
    assert distinct.words.tolist() == [3, 7, 9]
    runs = [distinct.items[a:b].tolist() for a, b in zip(distinct.starts, distinct.starts[1:], strict=False)]
    assert runs == [[1, 4], [0, 2, 5], [3]]


@pytest.mark.parametrize("radius", range(1, 17))
@pytest.mark.parametrize("count", [20_000, 1_000_000])
def test_a_plan_covers_every_way_in_which_bits_can_differ(radius: int, count: int) -> None:
    rng = np.random.default_rng(radius)
    words = rng.integers(0, 2**64, count, dtype=np.uint64)
    plan = plan_join(radius, words)
    if plan is None:
        pytest.skip("each with each is cheaper")
    assert sorted(plan.order) == list(range(WORD))
    assert sum(block.width for block in plan.blocks) == WORD
    masks = [((1 << block.width) - 1) << block.shift for block in plan.blocks]
    for _ in range(500):
        difference = sum(1 << int(bit) for bit in rng.choice(WORD, radius, replace=False))
        equal = {number for number, mask in enumerate(masks) if not difference & mask}
        assert any(equal.issuperset(choice.blocks) for choice in plan.choices)
    assert sum(len(sweep.choices) for sweep in sweeps(plan, count)) == len(plan.choices)


def test_bits_are_dealt_so_that_every_block_tells_words_apart() -> None:
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**64, 20_000, dtype=np.uint64) & np.uint64(0xFFFF_0000_FFFF_0000)
    order, fields = deal_bits(collision_entropy(words), 16)
    live = [sum((0xFFFF_0000_FFFF_0000 >> bit) & 1 for bit in order[f.shift : f.shift + f.width]) for f in fields]
    assert live == [2] * 16


def test_a_radius_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="radius 17: expected 0 to 16"):
        list(join(np.arange(3, dtype=np.uint64), 17))

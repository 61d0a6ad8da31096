"""Which pairs get a second look: those within the radius, in every form that counts, and never a crowd squared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.duplicates.groups import components
from curation.duplicates.hamming import Words
from curation.duplicates.proposals import CROWD, Proposals, WordList, propose
from curation.fingerprints import Form


def pairs_of(found: Proposals) -> set[tuple[int, int]]:
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


def proposed(plain: Words, new: npt.NDArray[np.bool_], radius: int) -> Proposals:
    return propose(WordList.of(plain, plain, {}), new, radius)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(0, 255), max_size=30),
    new=st.lists(st.booleans(), min_size=30, max_size=30),
    radius=st.integers(0, 4),
)
def test_every_pair_within_the_radius_that_touches_a_new_photo_is_proposed_once(
    values: list[int], new: list[bool], radius: int
) -> None:
    plain = np.array(values, np.uint64)
    found = proposed(plain, np.array(new[: len(values)], bool), radius)
    expected = {
        (a, b)
        for a in range(len(values))
        for b in range(a + 1, len(values))
        if (values[a] ^ values[b]).bit_count() <= radius and (new[a] or new[b])
    }
    assert pairs_of(found) == expected
    assert found.first.size == len(expected)


def test_a_letterboxed_copy_is_found_by_its_words_without_borders() -> None:
    plain = np.array([0, 0xFFFF_FFFF_FFFF_FFFF], np.uint64)
    trimmed = np.array([0, 1], np.uint64)
    found = propose(WordList.of(plain, trimmed, {}), np.ones(2, bool), 2)
    assert pairs_of(found) == {(0, 1)}
    assert found.kind.tolist() == [1]


@pytest.mark.parametrize(("first", "form"), [(0, Form.TURNED_LEFT), (1, Form.TURNED_RIGHT)])
def test_the_form_is_what_must_be_done_to_the_second_photo(first: int, form: Form) -> None:
    plain = np.array([0x0F0F, 0x1234_5678_0000_FFFF], np.uint64)
    turned = np.array([0xDEAD_BEEF_0000_0000, 0xAAAA_5555_AAAA_5555], np.uint64)
    turned[1 - first] = plain[first]  # the other photo, turned left, is this one
    found = propose(WordList.of(plain, plain, {Form.TURNED_LEFT: turned}), np.ones(2, bool), 3)
    assert pairs_of(found) == {(0, 1)}
    assert found.kind.tolist() == [2 + list(Form).index(form)]


@pytest.mark.parametrize("spread", [0, 3])
def test_thousands_alike_cost_a_multiple_of_their_number_and_stay_connected(spread: int) -> None:
    rng = np.random.default_rng(0)
    plain = np.zeros(1000, np.uint64)
    for _ in range(spread):
        plain ^= np.uint64(1) << rng.integers(0, 64, plain.size, dtype=np.uint64)
    found = proposed(plain, np.ones(plain.size, bool), 7)
    assert found.first.size <= CROWD * plain.size
    edges = [(f"{a:05d}", f"{b:05d}") for a, b in pairs_of(found)]
    assert [len(members) for members in components(edges)] == [plain.size]

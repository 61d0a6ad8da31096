"""Which pairs get a second look: those within the radius, in every form that counts, and never a crowd squared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.duplicates.crowds import CROWD, Ring
from curation.duplicates.groups import components
from curation.duplicates.hamming import Words
from curation.duplicates.proposals import UPRIGHT, PhotoWords, Proposals, propose, thinned
from curation.fingerprints import Form


def pairs_of(found: Proposals) -> set[tuple[int, int]]:
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


def ring_of(count: int) -> Ring:
    return np.random.default_rng(9).integers(0, 2**64, count, dtype=np.uint64)


def figures_of(found: Proposals) -> dict[tuple[int, int], tuple[int, int]]:
    columns = (getattr(found, name).tolist() for name in ("first", "second", "distance", "kind"))
    return {(a, b): (distance, kind) for a, b, distance, kind in zip(*columns, strict=True)}


def proposed(plain: Words, new: npt.NDArray[np.bool_], radius: int) -> Proposals:
    return propose(PhotoWords(plain, plain, plain, {}), ring_of(plain.size), new, radius)


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
    found = propose(PhotoWords(plain, trimmed, plain, {}), ring_of(2), np.ones(2, bool), 2)
    assert pairs_of(found) == {(0, 1)}
    assert found.kind.tolist() == [1]


@pytest.mark.parametrize(("first", "form"), [(0, Form.TURNED_LEFT), (1, Form.TURNED_RIGHT)])
def test_the_form_is_what_must_be_done_to_the_second_photo(first: int, form: Form) -> None:
    plain = np.array([0x0F0F, 0x1234_5678_0000_FFFF], np.uint64)
    turned = np.array([0xDEAD_BEEF_0000_0000, 0xAAAA_5555_AAAA_5555], np.uint64)
    turned[1 - first] = plain[first]  # the other photo, turned left, is this one
    found = propose(PhotoWords(plain, plain, plain, {Form.TURNED_LEFT: turned}), ring_of(2), np.ones(2, bool), 3)
    assert pairs_of(found) == {(0, 1)}
    assert found.kind.tolist() == [UPRIGHT + list(Form).index(form)]


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


def test_a_cropped_copy_is_found_by_its_original_s_inner_part() -> None:
    plain = np.array([0xF0F0_F0F0_F0F0_F0F0, 0x0123_4567_89AB_CDEF], np.uint64)
    inner = np.array([0x0123_4567_89AB_CDEE, 0xFFFF_0000_FFFF_0000], np.uint64)
    found = propose(PhotoWords(plain, plain, inner, {}), ring_of(2), np.ones(2, bool), 2)
    assert figures_of(found) == {(0, 1): (1, 2)}


def words_of(photos: int, rng: np.random.Generator) -> tuple[Words, Words, Words, dict[Form, Words]]:
    """Words of few values: crowds of equal and of near ones, some with borders, crops, mirrored or turned."""
    values = rng.integers(0, 2**64, 4, dtype=np.uint64)
    values = np.concatenate([values, values[:2] ^ np.uint64(5)])
    plain = values[rng.integers(0, values.size, photos)]
    trimmed = np.where(rng.random(photos) < 0.2, values[rng.integers(0, values.size, photos)], plain)
    inner = np.where(rng.random(photos) < 0.5, values[rng.integers(0, values.size, photos)], plain)
    forms = (Form.MIRRORED, Form.FLIPPED, Form.HALF_TURN)  # each undoes itself
    return plain, trimmed, inner, {form: values[rng.integers(0, values.size, photos)] for form in forms}


def first_of_everyone(words: PhotoWords, ring: Ring, radius: int) -> dict[tuple[int, int], tuple[int, int]]:
    """By definition: all pairs, then those among the first of one of their two photos; with distance and kind."""
    best: dict[tuple[int, int], tuple[bool, int, int]] = {}
    every = words.listed(words.forms)
    entries = list(zip(every.words.tolist(), every.owners.tolist(), every.kinds.tolist(), strict=True))
    for i, (word, a, kind) in enumerate(entries):
        for other, b, their_kind in entries[i + 1 :]:
            apart = (word ^ other).bit_count()
            if a == b or apart > radius or (kind >= UPRIGHT and their_kind >= UPRIGHT):
                continue
            which = max(kind, their_kind)
            entry, pair = (which >= UPRIGHT, apart, which), (min(a, b), max(a, b))
            best[pair] = min(best.get(pair, entry), entry)
    of_photo: dict[int, list[tuple[bool, int, int, tuple[int, int]]]] = {}
    for (a, b), (turned, apart, _) in best.items():
        for one, other in ((a, b), (b, a)):
            way = (int(ring[other]) - int(ring[one])) % 2**64
            of_photo.setdefault(one, []).append((turned, apart, way, (a, b)))
    kept = {pair for near in of_photo.values() for *_, pair in sorted(near)[:CROWD]}
    return {pair: best[pair][1:] for pair in kept}


@pytest.mark.parametrize("photos", [60, 250])
@pytest.mark.parametrize("seed", range(3))
def test_crowds_are_thinned_to_the_first_of_everyone_in_one_run_or_in_ten(photos: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain, trimmed, inner, forms = words_of(photos, rng)
    ring = ring_of(photos)
    words = PhotoWords(plain, trimmed, inner, forms)
    expected = first_of_everyone(words, ring, 3)
    at_once = propose(words, ring, np.ones(photos, bool), 3)
    figures = zip(at_once.distance.tolist(), at_once.kind.tolist(), strict=True)
    assert (
        dict(zip(zip(at_once.first.tolist(), at_once.second.tolist(), strict=True), figures, strict=True)) == expected
    )
    assert figures_of(propose(words, ring, np.ones(photos, bool), 3, most=1)) == expected, "a pass for each form"
    # The same photos in ten runs, in any order; what is known of old pairs is what was proposed before.
    arrival = rng.permutation(photos)
    known = Proposals.none()
    for run in range(10):
        there = np.sort(arrival[: (run + 1) * photos // 10])
        new = np.isin(there, arrival[run * photos // 10 :])
        turned = {form: of_form[there] for form, of_form in forms.items()}
        part = PhotoWords(plain[there], trimmed[there], inner[there], turned)
        place = np.full(photos, -1)
        place[there] = np.arange(there.size)
        old = Proposals(place[known.first], place[known.second], known.distance, known.kind)
        more = propose(part, ring[there], new, 3, old)
        more = Proposals(there[more.first], there[more.second], more.distance, more.kind)
        known = Proposals.joined([known, more])
    assert figures_of(known.only(thinned(known, ring))) == expected

"""Splits that cannot leak and never move."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.splits import (
    Linked,
    Place,
    connected,
    hashed_split,
    large_groups,
    nearest_across_splits,
    photographer_link,
    place,
    sessions,
)
from schemas.codes import Split

SHARES = {Split.TRAIN: 0.8, Split.VALIDATION: 0.1, Split.TEST: 0.1}


def photo_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


heaps = st.lists(st.sets(st.integers(0, 12), max_size=3), min_size=1, max_size=40).map(
    lambda rows: [Linked(photo_id(n), tuple(f"burst:{link}" for link in sorted(row))) for n, row in enumerate(rows)]
)


@given(heaps)
def test_no_link_ever_crosses_splits(photos: list[Linked]) -> None:
    placed = place(photos, {}, SHARES, "salon")
    splits: dict[str, set[Split]] = {}
    for photo in photos:
        for link in photo.links:
            splits.setdefault(link, set()).add(placed.split[photo.photo_id])
    assert all(len(found) == 1 for found in splits.values())
    assert not placed.bridges and not placed.crossings


@given(heaps, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(photos: list[Linked], order: random.Random) -> None:
    shuffled = photos.copy()
    order.shuffle(shuffled)
    assert place(photos, {}, SHARES, "salon") == place(shuffled, {}, SHARES, "salon")


@given(heaps, heaps)
@settings(max_examples=60)
def test_a_released_photo_never_moves_and_a_new_one_never_makes_a_leak(
    before: list[Linked], more: list[Linked]
) -> None:
    first = place(before, {}, SHARES, "salon")
    known = {p.photo_id: Place(first.split[p.photo_id], first.group[p.photo_id], n) for n, p in enumerate(before)}
    new = [Linked(photo_id(1000 + n), photo.links) for n, photo in enumerate(more)]
    second = place(before + new, known, SHARES, "salon")
    assert all(second.split[name] == known[name].split for name in known)
    splits: dict[str, set[Split]] = {}
    for photo in before + new:
        if photo.photo_id in second.bridges:
            assert len(second.bridges[photo.photo_id]) > 1
            continue
        for link in photo.links:
            splits.setdefault(link, set()).add(second.split[photo.photo_id])
    assert all(len(found) == 1 for found in splits.values())
    assert set(second.split) | set(second.bridges) == {photo.photo_id for photo in before + new}


def test_a_photo_that_links_two_splits_is_kept_out_with_the_splits_named() -> None:
    known = {photo_id(1): Place(Split.TRAIN, "g1", 0), photo_id(2): Place(Split.TEST, "g2", 1)}
    old = [Linked(photo_id(1), ("burst:a",)), Linked(photo_id(2), ("burst:b",))]
    bridge = Linked(photo_id(3), ("burst:a", "burst:b"))
    placed = place([*old, bridge], known, SHARES, "salon")
    assert placed.bridges == {photo_id(3): (Split.TEST, Split.TRAIN)}
    # Without the bridge, its neighbour joins the one split that it touches.
    neighbour = Linked(photo_id(4), ("burst:b",))
    placed = place([*old, neighbour], known, SHARES, "salon")
    assert (placed.split[photo_id(4)], placed.group[photo_id(4)]) == (Split.TEST, "g2")


@given(heaps, st.integers(0, 2**32))
def test_what_a_model_chose_is_never_in_the_test_split_and_nothing_leaks(heap: list[Linked], draw: int) -> None:
    names = sorted(photo.photo_id for photo in heap)
    by_model = {name for name in names if hash((name, draw)) % 3 == 0}
    placed = place(heap, {}, SHARES, "salon", by_model)
    assert not placed.barred and not {name for name in by_model if placed.split[name] is Split.TEST}
    usual = place(heap, {}, SHARES, "salon")
    assert {n: g for n, g in placed.group.items() if g not in {placed.group[m] for m in by_model}} == {
        n: g for n, g in usual.group.items() if g not in {usual.group[m] for m in by_model}
    }
    assert len({(placed.group[n], placed.split[n]) for n in names}) == len(set(placed.group.values()))


def test_what_a_model_chose_and_a_released_test_group_holds_is_kept_out() -> None:
    known = {photo_id(1): Place(Split.TEST, "g1", 0)}
    old, asked, other = (Linked(photo_id(n), ("burst:a",)) for n in (1, 2, 3))
    placed = place([old, asked, other], known, SHARES, "salon", {photo_id(2), photo_id(1)})
    assert placed.barred == {photo_id(2)}
    assert placed.split == {photo_id(1): Split.TEST, photo_id(3): Split.TEST}


def test_a_leak_among_photos_released_before_is_named() -> None:
    known = {photo_id(1): Place(Split.TRAIN, "g1", 0), photo_id(2): Place(Split.TEST, "g2", 1)}
    photos = [Linked(photo_id(1), ("photographer:x",)), Linked(photo_id(2), ("photographer:x",))]
    assert place(photos, known, SHARES, "salon").crossings == {"g1": (Split.TEST, Split.TRAIN)}


def test_the_shares_hold_over_many_groups() -> None:
    found = [hashed_split("salon", photo_id(n), SHARES) for n in range(20_000)]
    for split, share in SHARES.items():
        assert abs(found.count(split) / len(found) - share) < 0.01


def test_groups_are_connected_through_chains_of_links() -> None:
    photos = [
        Linked("a", ("burst:1",)),
        Linked("b", ("burst:1", "photographer:x")),
        Linked("c", ("photographer:x",)),
        Linked("d"),
    ]
    assert connected(photos) == {"a": ["a", "b", "c"], "d": ["d"]}


def test_a_session_ends_where_the_camera_pauses() -> None:
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    shots = [("a", "x", noon), ("b", "x", noon + timedelta(minutes=9)), ("c", "x", noon + timedelta(minutes=25))]
    shots.append(("d", "y", noon))
    found = sessions(shots, 10)
    assert found["a"] == found["b"] != found["c"]
    assert found["d"] not in {found["a"], found["c"]}
    assert sessions(shots, 0) == {}


def test_a_name_that_names_nobody_links_nothing() -> None:
    assert photographer_link(" Unknown ") is None and photographer_link(None) is None
    assert photographer_link("Ann  Example") == photographer_link("ann example")


def test_a_group_that_holds_over_a_fifth_is_named_with_what_makes_it() -> None:
    photos = [Linked(photo_id(n), ("photographer:x",) if n < 30 else ()) for n in range(100)]
    (group,) = large_groups(photos, place(photos, {}, SHARES, "salon").group)
    assert (group.photos, group.made_by) == (30, (("photographer:x", 30),))


@given(st.integers(2, 60), st.integers(0, 2**32 - 1), st.sampled_from([8, 32]))
def test_the_nearest_pair_across_splits_is_the_one_of_a_plain_search(count: int, seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 256, (count, width), dtype=np.uint8)
    splits = [str(rng.choice(["train", "test"])) for _ in range(count)]
    names = [photo_id(n) for n in range(count)]
    plain = [
        (int.from_bytes(bits[a].tobytes(), "big") ^ int.from_bytes(bits[b].tobytes(), "big")).bit_count()
        for a in range(count)
        for b in range(a)
        if splits[a] != splits[b]
    ]
    found = nearest_across_splits(names, bits, splits, block=7)
    assert (found.distance if found else None) == (min(plain) if plain else None)

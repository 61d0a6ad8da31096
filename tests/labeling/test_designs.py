"""Designs: who sees what, in which order, and keys that tell nothing."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.design.balance import balance, is_connected, least_concurrence_sd
from labeling.design.blocks import incomplete_blocks
from labeling.design.pairs import balanced_pairs
from labeling.design.per_rater import Sizes, Study, per_rater, repeats_of
from labeling.design.shared import shared_queue
from labeling.design.stimuli import Stimulus, photos_of, task_key
from schemas.codes import TaskRole
from schemas.errors import WrongUse
from schemas.ratings import Task

SECRET = b"a key that nobody knows"


def stimulus(number: int, role: TaskRole = TaskRole.RATE, group: int | None = None) -> Stimulus:
    alike = frozenset() if group is None else frozenset({f"group {group}"})
    return Stimulus((f"photo {number:04}",), role, "diverse", 0.5, "middle", alike)


def study(count: int, raters: int, overlap: int, seed: str = "s", group_of: int = 4, **changes: float) -> Study:
    """A study whose photos come in groups of near copies, with three anchors and two training items."""
    stimuli = [stimulus(n, group=n // group_of) for n in range(count)]
    stimuli += [stimulus(9000 + n, TaskRole.ANCHOR) for n in range(3)]
    stimuli += [stimulus(9100 + n, TaskRole.TRAINING) for n in range(2)]
    sizes = {"repeats": 0.08, "gap": 20, "stabilising": 5} | changes
    return per_rater(
        "b", stimuli, SECRET,
        Sizes(raters, overlap, float(sizes["repeats"]), int(sizes["gap"]), int(sizes["stabilising"]), seed),
    )  # fmt: skip


def lists(made: Study) -> dict[int, list[Task]]:
    """The tasks of each rater in order."""
    found: dict[int, list[Task]] = {}
    for task in sorted(made.tasks, key=lambda t: (t.slot or 0, t.position or 0)):
        found.setdefault(task.slot or 0, []).append(task)
    return found


# -- blocks ----------------------------------------------------------------------------------------
@settings(max_examples=25, deadline=None)
@given(st.integers(5, 80), st.integers(3, 25), st.data())
def test_every_photo_has_its_votes_and_every_rater_as_much_to_do(count: int, raters: int, data: st.DataObject) -> None:
    votes = data.draw(st.integers(2, raters))
    seed = data.draw(st.text(max_size=5))
    seen = incomplete_blocks(count, raters, votes, seed, common=1)
    found = balance(seen)
    assert found.replication == (votes, votes)
    assert found.load[1] - found.load[0] <= 1
    assert found.concurrence_sd >= found.least_sd - 1e-9
    concurrence = (seen.astype(int) @ seen.T.astype(int))[np.triu_indices(count, 1)]
    assert found.concurrence_mean == pytest.approx(concurrence.mean())
    assert found.concurrence_sd == pytest.approx(concurrence.std())


@pytest.mark.parametrize(("points", "blocks", "votes"), [(7, 7, 3), (13, 13, 4), (9, 12, 4), (10, 15, 6)])
def test_no_design_is_said_to_be_impossible_that_the_literature_has(points: int, blocks: int, votes: int) -> None:
    """Balanced incomplete block designs exist for these (Fisher and Yates): every pair concurs equally often."""
    load = np.full(blocks, points * votes // blocks)
    assert least_concurrence_sd(np.full(points, votes), load) == pytest.approx(0)


def test_the_bound_is_that_of_the_best_among_all_designs_of_a_small_size() -> None:
    """Five photos, four raters, two votes each: all 6^5 designs, one by one."""
    pairs = list(itertools.combinations(range(4), 2))
    best = np.inf
    for choice in itertools.product(pairs, repeat=5):
        seen = np.zeros((5, 4), dtype=np.bool_)
        for row, raters in enumerate(choice):
            seen[row, list(raters)] = True
        load = seen.sum(axis=0)
        if load.max() - load.min() <= 1:
            best = min(best, balance(seen).concurrence_sd)
    found = balance(incomplete_blocks(5, 4, 2, "x"))
    assert found.concurrence_sd == pytest.approx(best)
    assert found.least_sd <= best + 1e-12


@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_sixty_raters_a_thousand_photos_twelve_votes_reach_the_bound(seed: str) -> None:
    found = balance(incomplete_blocks(1000, 60, 12, seed))
    assert found.replication == (12, 12)
    assert found.load == (200, 200)
    assert found.connected
    assert found.concurrence_sd == pytest.approx(found.least_sd, rel=1e-12)  # no design can be more even


def test_a_design_that_falls_apart_is_refused_with_what_to_do() -> None:
    with pytest.raises(WrongUse, match=r"share no photo with the others.*'overlap'"):
        incomplete_blocks(40, 8, 1, "x")
    assert incomplete_blocks(40, 8, 1, "x", common=2).sum() == 40
    with pytest.raises(WrongUse, match="need at least 4 raters, got 3"):
        incomplete_blocks(10, 3, 4, "x")


def test_connection_is_found_over_detours_and_missed_where_there_is_none() -> None:
    chain = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], dtype=np.bool_)
    assert is_connected(chain)
    chain[1] = [0, 0, 1, 1]
    assert not is_connected(chain)


# -- orders ----------------------------------------------------------------------------------------
@settings(max_examples=12, deadline=None)
@given(st.integers(60, 140), st.integers(6, 14), st.text(max_size=6), st.integers(2, 5))
def test_orders_keep_near_copies_apart_and_repeats_far_whatever_the_seed(
    count: int, raters: int, seed: str, group_of: int
) -> None:
    overlap = max(2, raters * 2 // 3)
    made = study(count, raters, overlap, seed, group_of)
    group = {f"photo {n:04}": n // group_of for n in range(count)}
    votes: Counter[str] = Counter()
    for tasks in lists(made).values():
        assert [task.position for task in tasks] == list(range(1, len(tasks) + 1))
        photos = [task.photo_id for task in tasks]
        groups = [group.get(photo, photo) for photo in photos]
        assert all(a != b for a, b in itertools.pairwise(groups))
        by_key = {task.task_key: task for task in tasks}
        repeats = [task for task in tasks if task.role == TaskRole.REPEAT]
        assert len(repeats) >= min(made.repeats, 2)
        for again in repeats:
            first = by_key[str(again.repeat_of)]
            assert first.photo_id == again.photo_id
            assert (again.position or 0) - (first.position or 0) >= 20
        assert [task.role for task in tasks[:2]] == ["training"] * 2
        assert sum(task.role == TaskRole.ANCHOR for task in tasks) == 3
        own = [task.photo_id for task in tasks if task.role == TaskRole.RATE]
        early = {task.photo_id for task in tasks if task.role == TaskRole.TRAINING}
        assert not early & set(own)
        assert len(set(own)) == len(own)
        votes.update(own)
    assert set(votes.values()) == {overlap}


def test_anchors_are_spread_over_the_whole_list() -> None:
    for tasks in lists(study(120, 10, 6)).values():
        main = [task for task in tasks if task.role != TaskRole.TRAINING]
        places = [index / len(main) for index, task in enumerate(main) if task.role == TaskRole.ANCHOR]
        assert places[0] < 0.45
        assert 0.25 < places[1] < 0.75
        assert places[2] > 0.55


def test_orders_differ_between_raters_and_stay_the_same_for_a_seed() -> None:
    made = study(100, 10, 5)
    assert [t.task_key for t in made.tasks] == [t.task_key for t in study(100, 10, 5).tasks]
    orders = [tuple(task.photo_id for task in tasks) for tasks in lists(made).values()]
    assert len(set(orders)) == 10
    assert {t.task_key for t in made.tasks}.isdisjoint(t.task_key for t in study(100, 10, 5, seed="t").tasks) is False
    assert orders != [tuple(t.photo_id for t in tasks) for tasks in lists(study(100, 10, 5, seed="t")).values()]


def test_lists_too_short_for_the_distance_hold_no_repeats() -> None:
    assert repeats_of(15, 0.1, 20) == 0
    assert repeats_of(24, 0.1, 20) == 2
    assert repeats_of(200, 0.08, 20) == 16
    assert repeats_of(200, 0, 20) == 0
    made = study(25, 5, 3)
    assert made.repeats == 0
    assert not [task for task in made.tasks if task.role == TaskRole.REPEAT]


def test_photos_that_are_all_alike_cannot_be_kept_apart_and_that_is_said() -> None:
    with pytest.raises(WrongUse, match="near copies apart"):
        study(60, 6, 3, group_of=100)


# -- keys ------------------------------------------------------------------------------------------
def test_a_key_tells_nothing_and_needs_the_secret() -> None:
    one = stimulus(1)
    key = task_key(SECRET, "b", one, "slot 1, position 1")
    assert len(key) == 24
    assert set(key) <= set("0123456789abcdef")
    others = {
        task_key(b"another", "b", one, "slot 1, position 1"),
        task_key(SECRET, "c", one, "slot 1, position 1"),
        task_key(SECRET, "b", one, "slot 1, position 2"),
        task_key(SECRET, "b", stimulus(2), "slot 1, position 1"),
    }
    assert len(others | {key}) == 5


def test_keys_of_a_study_are_unique_and_sorting_them_says_nothing_about_roles() -> None:
    made = study(300, 20, 8)
    ordered = sorted(made.tasks, key=lambda task: task.task_key)
    assert len({task.task_key for task in ordered}) == len(ordered)
    places = [index for index, task in enumerate(ordered) if task.role == TaskRole.REPEAT]
    assert 0.4 < np.mean(places) / len(ordered) < 0.6


# -- the shared queue and pairs --------------------------------------------------------------------
def test_a_shared_queue_has_a_task_per_photo_and_repeats_where_it_is_long() -> None:
    short = shared_queue("b", [stimulus(n) for n in range(25)], SECRET, repeats=0.08, gap=20, seed="s")
    assert len(short) == 25
    long = shared_queue("b", [stimulus(n) for n in range(200)], SECRET, repeats=0.08, gap=20, seed="s")
    repeats = [task for task in long if task.role == TaskRole.REPEAT]
    assert (len(long), len(repeats)) == (216, 16)
    keys = {task.task_key: task.photo_id for task in long}
    assert all(keys[str(task.repeat_of)] == task.photo_id for task in repeats)
    assert all(task.slot is None and task.position is None for task in long)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 120), st.sampled_from([2, 4, 6, 8]), st.text(max_size=4))
def test_pairs_are_balanced_connected_and_never_asked_twice(count: int, per_item: int, seed: str) -> None:
    pairs = balanced_pairs(count, per_item, seed)
    unordered = {frozenset(pair) for pair in pairs}
    assert len(unordered) == len(pairs)
    assert all(a != b for a, b in pairs)
    seen = np.zeros((len(pairs), count), dtype=np.bool_)
    for row, pair in enumerate(pairs):
        seen[row, list(pair)] = True
    assert is_connected(seen)
    if count > 2 * per_item:
        assert Counter(a for a, _ in pairs) == dict.fromkeys(range(count), per_item // 2)
        assert Counter(b for _, b in pairs) == dict.fromkeys(range(count), per_item // 2)


def test_the_photos_of_a_task_come_back_in_the_order_shown() -> None:
    for photos in (("a",), ("b", "a"), ("c", "a", "b")):
        made = shared_queue("b", [Stimulus(photos, TaskRole.RATE, "x")], SECRET, repeats=0, gap=1, seed="s")
        assert photos_of(made[0]) == photos

"""Who is shown what: queues, lists, pairs and bursts."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

from flows.context import Run
from labeling.design.shared import PRACTICE_SLOT
from schemas.protocols import Protocol
from schemas.settings.study import Queue
from tests.flows.study.curated import (
    BURST_SIZE,
    PHOTO_COUNT,
    planned,
    run_on,
)
from tests.labeling.test_selection import photo_ids


def test_a_project_per_rater_gives_every_rater_an_order_with_anchors_and_training(run: Run) -> None:
    run = run_on(
        Path(run.root), queue=Queue.PER_RATER, raters=8, overlap=5, batch_size=60, audit_share=0,
        anchors=["1.jpg"], training=["2.jpg", "6.jpg"], stabilising=3,
    )  # fmt: skip
    chosen = planned(run)
    ids = photo_ids(PHOTO_COUNT)
    assert {task.slot for task in chosen.tasks} == set(range(1, 9))
    for slot in range(1, 9):
        own = sorted((t for t in chosen.tasks if t.slot == slot), key=lambda t: t.position or 0)
        assert {t.photo_id for t in own[:2]} == {ids[2], ids[6]}
        assert [t.role for t in own[:5]] == ["training"] * 5
        assert [t.photo_id for t in own if t.role == "anchor"] == [ids[1]]
        assert not {ids[2], ids[6]} & {t.photo_id for t in own[2:]}
        bursts = [ids.index(t.photo_id) // BURST_SIZE if ids.index(t.photo_id) < 40 else t.photo_id for t in own]
        assert all(a != b for a, b in itertools.pairwise(bursts))
    design = json.loads(chosen.batch.design)
    assert design["concurrence_sd"] >= design["least_concurrence_sd"]
    assert design["raters"] == 8


def test_a_shared_queue_has_its_training_in_a_practice_block_of_its_own(run: Run) -> None:
    chosen = planned(run_on(Path(run.root), batch_size=20, training=["2.jpg", "6.jpg"]))
    ids = photo_ids(PHOTO_COUNT)
    practice = [task for task in chosen.tasks if task.slot == PRACTICE_SLOT]
    assert {task.photo_id for task in practice} == {ids[2], ids[6]}
    assert [task.position for task in practice] == [1, 2]
    assert {task.role for task in practice} == {"training"}
    queue = [task for task in chosen.tasks if task.slot is None]
    assert len(queue) + len(practice) == len(chosen.tasks)
    assert not {ids[2], ids[6]} & {task.photo_id for task in queue}


def test_pairs_are_made_of_chosen_photos_and_need_no_photo_twice(run: Run) -> None:
    chosen = planned(run_on(Path(run.root), protocol="pairwise", batch_size=30, pairs_per_photo=4, audit_share=0))
    assert len(chosen.tasks) == 60
    assert all(task.right_photo_id and task.right_photo_id != task.photo_id for task in chosen.tasks)
    left = Counter(task.photo_id for task in chosen.tasks)
    right = Counter(task.right_photo_id for task in chosen.tasks)
    assert set(left.values()) == set(right.values()) == {2}
    assert chosen.batch.photos == 30


def test_best_frame_tasks_hold_kept_frames_of_one_burst_in_order(run: Run) -> None:
    chosen = planned(run_on(Path(run.root), protocol="best-frame", batch_size=5))
    number = {photo_id: n for n, photo_id in enumerate(photo_ids(PHOTO_COUNT))}
    assert len(chosen.tasks) == 5
    for task in chosen.tasks:
        frames = [number[photo_id] for photo_id in task.frame_ids or []]
        assert len(frames) == 3
        assert len({n // BURST_SIZE for n in frames}) == 1
        assert frames == sorted(frames)
        assert all(n % 10 != 9 for n in frames)


def test_a_protocol_of_the_settings_decides_the_version_that_a_batch_carries(run: Run) -> None:
    mine = Protocol(like="1-10", wording="How much do you like it?")
    chosen = planned(run_on(Path(run.root), protocol="mine", protocols={"mine": mine}, batch_size=5))
    assert chosen.batch.protocol == "mine"
    assert chosen.batch.protocol_version != planned(run, 5).batch.protocol_version

"""From the settings' rules to a batch with all its tasks, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from flows.context import Run
from flows.secret_keys import pseudonym_key
from flows.selection.informed import informed_part
from flows.selection.names import (
    earlier_rows,
    next_name,
    photos_in_file,
    photos_named,
    refuse_sent,
    refuse_uncurated,
    waiting,
)
from flows.selection.pool import Candidates, burst_frames, candidates, groups_of, rejected
from labeling.design.pairs import balanced_pairs
from labeling.design.per_rater import Sizes, per_rater
from labeling.design.shared import practice_block, shared_queue
from labeling.design.stimuli import Stimulus
from labeling.protocols.catalogue import resolve
from labeling.selection.choose import Rules, choose, simple_random
from labeling.selection.pool import ids_of
from labeling.selection.rejects import random_by_rule
from schemas.codes import TaskRole
from schemas.protocols import Protocol, ProtocolKind
from schemas.ratings import Batch, BatchState, Task
from schemas.settings import StudySettings
from schemas.settings.study import Queue


@dataclass(frozen=True)
class Chosen:
    """A batch before it is written.

    Parameters
    ----------
    batch : Batch
        Its row.
    tasks : list of Task
        Its tasks.
    stimuli : list of Stimulus
        What was chosen, once each.
    candidates : Candidates
        The pool it was chosen from.
    facts : dict
        Figures about the selection and the design, for people.
    """

    batch: Batch
    tasks: list[Task]
    stimuli: list[Stimulus]
    candidates: Candidates
    facts: dict[str, Any]
    notes: tuple[str, ...]


def plan_batch(
    run: Run,
    n: int | None = None,
    from_list: str | None = None,
    name: str | None = None,
    seed: str | None = None,
    *,
    again: bool = False,
    simulated: bool = False,
) -> Chosen | None:
    """Choose and design a batch without writing anything; None where nothing is left to choose.

    Raises
    ------
    WrongUse
        The batch was sent already, nothing was curated yet, or the settings do not fit together.
    BadInput
        A line of the list names no photo.
    """
    study = run.settings.study if seed is None else run.settings.study.model_copy(update={"seed": seed})
    protocol = resolve(study.protocols, study.protocol)
    batch_id = name or waiting(run, simulated) or next_name(run)
    refuse_sent(run, batch_id)
    listed = photos_in_file(run, from_list)
    wanted = n if n is not None else (len(listed) or study.batch_size)
    pool = candidates(run, batch_id, again=again)
    if not len(pool.pool) and not listed:
        refuse_uncurated(run)
        return None
    stimuli, facts = _stimuli(run, pool, protocol, study, batch_id, wanted, listed, again=again)
    if not stimuli:
        return None
    stimuli = stimuli + _common(run, study, protocol)
    secret, note = pseudonym_key(run.root)
    tasks, design = _tasks(batch_id, stimuli, secret, study)
    rated = [s for s in stimuli if s.role in (TaskRole.RATE, TaskRole.AUDIT)]
    batch = Batch(
        batch_id=batch_id,
        protocol=study.protocol,
        protocol_version=protocol.version,
        selection=json.dumps(_how(study, pool, wanted, from_list, again, facts), sort_keys=True),
        design=json.dumps(design, sort_keys=True),
        photos=len({photo for s in rated for photo in s.photos}),
        state=BatchState.CHOSEN.value,
        simulated=simulated,
        created_at=datetime.now(UTC),
    )
    figures = {**facts, "tasks": len(tasks), "votes": design["votes"]}
    notes = tuple(part for part in (note, *design.get("notes", ())) if part)
    return Chosen(batch, tasks, stimuli, pool, figures, notes)


# -- what is chosen ----------------------------------------------------------------------------------
def _stimuli(
    run: Run,
    pool: Candidates,
    protocol: Protocol,
    study: StudySettings,
    batch_id: str,
    wanted: int,
    listed: Sequence[str],
    *,
    again: bool,
) -> tuple[list[Stimulus], dict[str, Any]]:
    seed = f"{study.seed}/{batch_id}"
    if protocol.kind is ProtocolKind.BEST_FRAME:
        return _bursts(run, protocol, batch_id, wanted, seed, again=again)
    audit = [] if listed and wanted <= len(listed) else _audit(run, study, batch_id, wanted, seed)
    before = earlier_rows(run, batch_id) if listed else {}
    photos, facts = _photos(
        run,
        pool,
        study if not protocol.is_comparison else _without_head(study),
        wanted - len(audit),
        listed,
        before,
        seed,
    )
    alike = groups_of(run, [photo for s in (*photos, *audit) for photo in s.photos])
    photos = [replace(s, alike=alike.get(s.photos[0], frozenset())) for s in (*photos, *audit)]
    facts |= {"photos": len(photos), "from the filter's rejects": len(audit)}
    if protocol.kind is not ProtocolKind.PAIRWISE:
        return photos, facts
    pairs = balanced_pairs(len(photos), study.pairs_per_photo, seed)
    return [_pair(photos[i], photos[j]) for i, j in pairs], facts | {"pairs": len(pairs)}


def _photos(
    run: Run,
    pool: Candidates,
    study: StudySettings,
    wanted: int,
    listed: Sequence[str],
    before: dict[str, dict[str, Any]],
    seed: str,
) -> tuple[list[Stimulus], dict[str, Any]]:
    stimuli = [_named(photo, before.get(photo)) for photo in listed]
    rest = max(0, wanted - len(listed))
    facts: dict[str, Any] = {"candidates": len(pool.pool), "listed": len(listed)}
    if not rest or not len(pool.pool):
        return stimuli, facts
    free = _without(pool, set(listed))
    asked_for = informed_part(run, free, study, rest, seed)
    stimuli += asked_for
    facts |= {"asked for by the head": len(asked_for)} if study.head else {}
    free = _without(free, {s.photos[0] for s in asked_for})
    left = rest - len(asked_for)
    # The random share is one of the whole batch, whatever the head takes of the rest.
    random_share = min(1.0, study.random_share * rest / left) if left else 0.0
    rules = Rules(random_share, study.strata, study.strata_bins, study.flatten, seed)
    choice = choose(free.pool, left, rules, free.vectors)
    for row, random, probability in zip(choice.rows, choice.random, choice.probability, strict=True):
        stimuli.append(
            Stimulus(
                (free.pool.photo_ids[row],),
                TaskRole.RATE,
                "random" if random else "diverse",
                float(probability),
                choice.stratum_names[choice.stratum[row]],
            )
        )
    random_count = int(choice.random.sum())
    facts |= {
        "diverse": len(choice.rows) - random_count,
        "random": random_count,
        "inclusion probability of the others": choice.rest_probability,
    }
    return stimuli, facts


def _without_head(study: StudySettings) -> StudySettings:
    """Heads ask for votes on photos, not for comparisons."""
    return study.model_copy(update={"head": ""})


def _named(photo: str, before: dict[str, Any] | None) -> Stimulus:
    """A photo of a list; one that was in the batch already stays there as what it was."""
    if before is None:
        return Stimulus((photo,), TaskRole.RATE, "list", 1.0)
    return Stimulus(
        (photo,),
        TaskRole(before["role"]),
        before["selected_by"],
        before["inclusion_probability"],
        before["stratum"],
    )


def _without(pool: Candidates, listed: set[str]) -> Candidates:
    """The pool without some photos."""
    if not listed:
        return pool
    stay = np.array([row for row, photo in enumerate(pool.pool.photo_ids) if photo not in listed], dtype=np.int64)
    inner = replace(
        pool.pool,
        photo_ids=ids_of(pool.pool.photo_ids, stay),
        properties={name: values[stay] for name, values in pool.pool.properties.items()},
        caps=tuple(replace(cap, codes=cap.codes[stay]) for cap in pool.pool.caps),
    )
    vectors = pool.vectors
    return replace(pool, pool=inner, vectors=None if vectors is None else lambda rows: vectors(stay[rows]))


def _audit(run: Run, study: StudySettings, batch_id: str, wanted: int, seed: str) -> list[Stimulus]:
    """A random slice of what each rule of the filter rejected: it shows what the rule costs."""
    share = round(study.audit_share * wanted)
    if not share:
        return []
    chosen = random_by_rule(rejected(run, batch_id), share, f"{seed}/audit")
    return [Stimulus((photo,), TaskRole.AUDIT, "audit", p, "rejected by the filter") for photo, p in chosen.items()]


def _bursts(
    run: Run, protocol: Protocol, batch_id: str, wanted: int, seed: str, *, again: bool
) -> tuple[list[Stimulus], dict[str, Any]]:
    """A simple random sample of bursts that have enough frames."""
    frames = burst_frames(run, batch_id, protocol.frames, again=again)
    bursts, probability = simple_random(sorted(frames), wanted, seed)
    stimuli = [
        Stimulus(frames[burst], TaskRole.RATE, "random", probability, alike=frozenset({burst})) for burst in bursts
    ]
    return stimuli, {"bursts with enough frames": len(frames), "bursts": len(bursts)}


def _pair(left: Stimulus, right: Stimulus) -> Stimulus:
    """Two photos side by side; the pair is there for sure once both photos are."""
    probability = None
    if left.probability is not None and right.probability is not None:
        probability = min(left.probability, right.probability)
    alike = frozenset({*left.photos, *right.photos}) | left.alike | right.alike
    return Stimulus((*left.photos, *right.photos), TaskRole.RATE, "pair", probability, alike=alike)


def _common(run: Run, study: StudySettings, protocol: Protocol) -> list[Stimulus]:
    """Anchors and training items of the settings; comparisons have none."""
    if protocol.is_comparison:
        return []
    found = [
        Stimulus((photo,), role, role.value)
        for role, names in ((TaskRole.ANCHOR, study.anchors), (TaskRole.TRAINING, study.training))
        for photo in photos_named(run, names, f"[study] {'anchors' if role is TaskRole.ANCHOR else 'training'}")
    ]
    alike = groups_of(run, [s.photos[0] for s in found])
    return [replace(s, alike=alike.get(s.photos[0], frozenset())) for s in found]


# -- who sees what -----------------------------------------------------------------------------------
def _tasks(
    batch_id: str, stimuli: list[Stimulus], secret: bytes, study: StudySettings
) -> tuple[list[Task], dict[str, Any]]:
    # An anchor or training item that was chosen as well is shown as what it was set to be.
    common = {s.photos for s in stimuli if s.role in (TaskRole.ANCHOR, TaskRole.TRAINING)}
    stimuli = [s for s in stimuli if s.photos not in common or s.role in (TaskRole.ANCHOR, TaskRole.TRAINING)]
    design: dict[str, Any] = {"queue": study.queue.value, "overlap": study.overlap}
    if study.queue is Queue.SHARED:
        usable = [s for s in stimuli if s.role is not TaskRole.TRAINING]
        tasks = shared_queue(batch_id, usable, secret, repeats=study.repeats, gap=study.repeat_gap, seed=study.seed)
        practice = practice_block(batch_id, stimuli, secret, seed=study.seed)
        design |= {"votes": len(tasks) * study.overlap, "practice": len(practice)}
        design["repeats"] = sum(task.role == TaskRole.REPEAT for task in tasks)
        return [*practice, *tasks], design
    raters = study.raters or study.overlap
    sizes = Sizes(raters, study.overlap, study.repeats, study.repeat_gap, study.stabilising, study.seed)
    made = per_rater(batch_id, stimuli, secret, sizes)
    design |= {
        "raters": raters,
        "votes": len(made.tasks),
        "repeats": made.repeats,
        "stabilising": made.stabilising,
        "load": list(made.balance.load),
        "concurrence_mean": round(made.balance.concurrence_mean, 6),
        "concurrence_sd": round(made.balance.concurrence_sd, 6),
        "least_concurrence_sd": round(made.balance.least_sd, 6),
    }
    if study.repeats and not made.repeats:
        design["notes"] = [
            f"Lists of {made.balance.load[0]} photos are too short for repeats {study.repeat_gap} apart."
        ]
    return made.tasks, design


def _how(
    study: StudySettings, pool: Candidates, wanted: int, from_list: str | None, again: bool, facts: dict[str, Any]
) -> dict[str, Any]:
    """How it was chosen, for the batch's row: enough to choose it again."""
    names = ["seed", "random_share", "audit_share", "strata", "strata_bins", "flatten"]
    names += ["head", "informed_share"] if study.head else []
    settings = {name: getattr(study, name) for name in (*names, "max_per_photographer", "max_per_burst")}
    return {**settings, "n": wanted, "list": from_list is not None, "again": again, "space": pool.space, **facts}

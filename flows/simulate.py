"""`salon simulate`: a panel of simulated raters answers a batch, straight into the tables."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, Sealed, publish_counts
from flows.secret_keys import pseudonym_key
from flows.select import NOTHING_LEFT, write
from flows.selection.names import next_name
from flows.selection.plan import plan_batch
from labeling.design.blocks import incomplete_blocks
from labeling.design.shared import PRACTICE_SLOT
from labeling.design.stimuli import photos_of
from labeling.identity import pseudonym
from labeling.labelstudio.annotations import Submission
from labeling.labelstudio.votes import Setting, new_rows, places_in_order, votes_of
from labeling.protocols.answers import Reply
from labeling.protocols.catalogue import resolve
from labeling.simulation.answers import Seen, reply
from labeling.simulation.panel import Mix, SimulatedRater, panel
from labeling.simulation.quality import latent_quality, quality_of_scores, traits
from schemas.codes import TaskRole
from schemas.errors import WrongUse
from schemas.protocols import Protocol
from schemas.ratings import (
    BATCHES,
    COMPARISONS,
    RATER_PROFILES,
    RATINGS,
    TASKS,
    Batch,
    BatchState,
    RaterProfile,
    Task,
)
from schemas.settings.study import Queue

SIMULATED = "simulated"
"""The panel in `rater_profiles` of all who are not people."""

BEGINNING = datetime(2000, 1, 1, 9, tzinfo=UTC)
"""Simulated votes are cast in a year in which nobody takes them for real ones."""

SESSION = timedelta(minutes=25)
PAUSE = timedelta(hours=2)
RATERS_OF_A_SHARD = 50


class Way(StrEnum):
    """How simulated votes get into the warehouse."""

    TABLES = "tables"
    LABEL_STUDIO = "labelstudio"


@dataclass(frozen=True)
class Work:
    """What one simulated rater is to do: tasks in order."""

    rater: SimulatedRater
    rater_id: str
    tasks: tuple[Task, ...]


@flow(name="simulate", flow_run_name="simulate {root}")
def simulate(
    root: str,
    batch: str | None = None,
    n: int | None = None,
    raters: int | None = None,
    straight_liners: int = 0,
    spammers: int = 0,
    duplicates: int = 0,
    seed: str | None = None,
    from_ratings: bool = False,
    through: str = Way.TABLES.value,
) -> Outcome:
    """Let simulated raters answer a batch; every row says that it is simulated.

    Parameters
    ----------
    root : str
        The warehouse.
    batch : str, optional
        A batch that is not sent to people; else a new one, for simulated raters alone.
    n : int, optional
        Photos of a new batch.
    raters : int, optional
        Size of the panel; else what the batch's design needs.
    straight_liners, spammers, duplicates : int
        How many of them are not careful.
    seed : str, optional
        In place of the settings' seed.
    from_ratings : bool
        Photos that people have rated are as good as people say; else quality is made from image properties.
    through : str
        tables: straight into the tables. labelstudio: through the API of the server that the batch was sent to;
        `salon collect` takes the votes in.
    """
    if through not in tuple(Way):
        raise WrongUse(f"--through: expected {' or '.join(Way)}, got '{through}'.")
    run = open_run(root)
    chosen = _batch(run, batch, n)
    if chosen is None:
        return publish_counts(Outcome("simulate", {"votes": 0}, (NOTHING_LEFT,)))
    protocol = resolve(run.settings.study.protocols, chosen.protocol)
    seed = seed or run.settings.study.seed
    namespace = f"{SIMULATED}:{chosen.batch_id}:{seed}"
    tasks = _tasks(run, chosen.batch_id)
    people = panel(_mix(chosen, raters, straight_liners, spammers, duplicates), seed)
    photos = seen_photos(run, {photo for row in tasks for photo in photos_of(row)}, seed, from_ratings)
    if through == Way.LABEL_STUDIO.value:
        return publish_counts(_through_labelstudio(root, chosen, tasks, people, photos, seed))
    key, note = pseudonym_key(run.root)
    ids = [pseudonym(key, namespace, person.name) for person in people]
    work = [
        Work(person, rater_id, own)
        for person, rater_id, own in zip(people, ids, _share_out(chosen, tasks, len(people), seed), strict=True)
    ]
    _keep_profiles(run, ids)

    @task(name="answer shard", cache_policy=NO_CACHE, **RETRIES)
    def answer(sealed: Sealed[Sequence[Work]]) -> tuple[int, int]:
        return answer_shard(run, chosen, protocol, namespace, sealed.content, photos, seed)

    votes = new = 0
    with track("simulate", len(work)) as bar:
        for start in range(0, len(work), RATERS_OF_A_SHARD):
            shard = work[start : start + RATERS_OF_A_SHARD]
            made, inserted = answer(Sealed(shard))
            votes, new = votes + made, new + inserted
            bar.advance(len(shard))
    _mark(run, chosen)
    counts: dict[str, int | float | str] = {
        "batch": chosen.batch_id,
        "simulated raters": len(people),
        "tasks": len(tasks),
        "votes": votes,
        "new rows": new,
    }
    return publish_counts(Outcome("simulate", counts, tuple(part for part in (note, MARKED) if part)))


MARKED = "All of it is simulated, and says so in every row."


def answer_shard(
    run: Run,
    batch: Batch,
    protocol: Protocol,
    namespace: str,
    shard: Sequence[Work],
    photos: dict[str, Seen],
    seed: str,
) -> tuple[int, int]:
    """All votes of some raters, in one commit; returns how many there are and how many were new."""
    by_task: dict[str, list[Submission]] = {}
    known = {row.task_key: row for work in shard for row in work.tasks}
    for work in shard:
        for row, submission in submissions(work, protocol, photos, seed):
            by_task.setdefault(row.task_key, []).append(submission)
    places = places_in_order(namespace, batch.batch_id, [s for found in by_task.values() for s in found], [])
    setting = Setting(
        namespace=namespace,
        protocol=protocol,
        protocol_version=protocol.version,
        batch_id=batch.batch_id,
        simulated=True,
        simulated_raters=frozenset(),
        recorded_at=datetime.now(UTC),
    )
    votes = [vote for key, found in sorted(by_task.items()) for vote in votes_of(setting, known[key], found, places)]
    table = run.warehouse.table(COMPARISONS if protocol.is_comparison else RATINGS)
    return len(votes), table.insert(new_rows(votes, {}))


def submissions(
    work: Work, protocol: Protocol, photos: dict[str, Seen], seed: str
) -> Iterator[tuple[Task, Submission]]:
    """What one rater submits, with simulated clock times: 25 minutes of work, then a pause."""
    clock = BEGINNING
    begun = clock
    for position, row in enumerate(work.tasks, start=1):
        said = reply(
            protocol,
            work.rater,
            [photos[photo] for photo in photos_of(row)],
            position=position,
            again=row.role == TaskRole.REPEAT,
            seed=seed,
        )
        if clock - begun > SESSION:
            clock += PAUSE
            begun = clock
        clock += timedelta(seconds=round(said.seconds, 3))
        yield row, Submission(f"{work.rater.name}, {row.task_key}", work.rater_id, clock, said.seconds, said.answer)


def seen_photos(run: Run, wanted: set[str], seed: str, from_ratings: bool) -> dict[str, Seen]:
    """Traits and latent quality of photos."""
    ids = sorted(wanted)
    extra = {"wanted": pa.table({"photo_id": pa.array(ids, pa.string())})}
    rows = run.warehouse.query(
        "SELECT p.* FROM current_properties p SEMI JOIN wanted USING (photo_id)",
        extra=extra,
    )
    place = {photo: index for index, photo in enumerate(ids)}
    at = np.array([place[photo] for photo in rows["photo_id"].to_pylist()], dtype=np.int64)
    columns = {}
    for name in rows.column_names:
        if pa.types.is_floating(rows.schema.field(name).type):
            values = np.full(len(ids), np.nan)
            values[at] = pc.fill_null(rows[name], float("nan")).to_numpy()
            columns[name] = values
    features = traits(columns, len(ids))
    quality = latent_quality(ids, features, seed)
    if from_ratings:
        for row in run.warehouse.query(SHARES, extra=extra).to_pylist():
            quality[place[row["photo_id"]]] = quality_of_scores(np.array([row["share"]]))[0]
    return {photo: Seen(photo, float(quality[k]), features[k].tolist()) for k, photo in enumerate(ids)}


SHARES = """
    SELECT photo_id, avg((value - scale_low) / (scale_high - scale_low)) AS share
    FROM counted_ratings SEMI JOIN wanted USING (photo_id) WHERE NOT simulated GROUP BY photo_id
"""


def _through_labelstudio(
    root: str,
    batch: Batch,
    tasks: Sequence[Task],
    people: Sequence[SimulatedRater],
    photos: dict[str, Seen],
    seed: str,
) -> Outcome:
    """The panel works through the projects of the batch with accounts of its own."""
    from flows.labelstudio.panel import rate_as_panel

    known = {row.task_key: row for row in tasks}
    done = [0] * len(people)

    def judge(number: int, key: str, protocol: Protocol) -> Reply:
        row = known[key]
        done[number] += 1
        return reply(
            protocol,
            people[number],
            [photos[photo] for photo in photos_of(row)],
            position=done[number],
            again=row.role == TaskRole.REPEAT,
            seed=seed,
        )

    submitted = rate_as_panel(root, batch.batch_id, len(people), judge)
    counts: dict[str, int | float | str] = {
        "batch": batch.batch_id,
        "simulated raters": len(people),
        "annotations submitted": submitted,
    }
    return Outcome("simulate", counts, (MARKED, "Next: salon collect"))


# -- the batch and who does what -----------------------------------------------------------------------
def _batch(run: Run, name: str | None, n: int | None) -> Batch | None:
    """The batch to be answered; a new one is chosen and marked as simulated where none is named."""
    rows = [Batch(**row) for row in run.warehouse.table(BATCHES).read().to_pylist()]
    if name is None:
        open_ones = [row for row in rows if row.simulated and (n is None or row.photos == n)]
        if open_ones:
            return max(open_ones, key=lambda row: (row.created_at, row.batch_id))
        chosen = plan_batch(run, n, name=next_name(run), simulated=True)
        if chosen is not None:
            write(run, chosen)
        return chosen.batch if chosen else None
    for row in rows:
        if row.batch_id == name:
            if row.state != BatchState.CHOSEN and not row.simulated:
                raise WrongUse(f"batch '{name}' was sent to people: simulated votes would stand among theirs.")
            return row
    raise WrongUse(f"there is no batch '{name}'; `salon select --simulated --batch {name}` chooses one.")


def _tasks(run: Run, batch_id: str) -> list[Task]:
    rows = run.warehouse.table(TASKS).read(where=pc.field("batch_id") == batch_id).to_pylist()
    return sorted((Task(**row) for row in rows), key=lambda row: (row.slot or 0, row.position or 0, row.task_key))


def _mix(batch: Batch, raters: int | None, straight_liners: int, spammers: int, duplicates: int) -> Mix:
    design = json.loads(batch.design)
    needed = int(design["raters"]) if design["queue"] == Queue.PER_RATER else int(design["overlap"])
    if raters is not None and raters < needed and design["queue"] == Queue.PER_RATER:
        raise WrongUse(f"the design of batch '{batch.batch_id}' has {needed} places, got {raters} raters.")
    return Mix(raters or needed, straight_liners, spammers, duplicates)


def _share_out(batch: Batch, tasks: Sequence[Task], raters: int, seed: str) -> list[tuple[Task, ...]]:
    """The tasks of each rater in order: those of their place, or a balanced share of a shared queue."""
    design = json.loads(batch.design)
    if design["queue"] == Queue.PER_RATER:
        slots = int(design["raters"])
        return [tuple(row for row in tasks if row.slot == slot + 1 and slot < slots) for slot in range(raters)]
    practice = [row for row in tasks if row.slot == PRACTICE_SLOT]
    tasks = [row for row in tasks if row.slot is None]
    overlap = min(raters, int(design["overlap"]))
    seen = incomplete_blocks(len(tasks), raters, overlap, f"{seed}/{batch.batch_id}/share", common=1)
    shares = []
    for rater in range(raters):
        rng = np.random.default_rng(list(f"{seed}/{batch.batch_id}/order {rater}".encode()))
        own = np.flatnonzero(seen[:, rater])
        shares.append((*practice, *(tasks[int(row)] for row in rng.permutation(own))))
    return shares


def _keep_profiles(run: Run, ids: Sequence[str]) -> None:
    listed = ", ".join(f"'{rater_id}'" for rater_id in ids)
    profiles = [RaterProfile(rater_id=rater_id, panel=SIMULATED) for rater_id in ids]
    run.warehouse.table(RATER_PROFILES).replace(profiles, where=f"rater_id IN ({listed})")


def _mark(run: Run, batch: Batch) -> None:
    """Simulated votes are there: the batch says so, and is never sent to people."""
    marked = dataclasses.replace(batch, state=BatchState.SENT.value, simulated=True)
    run.warehouse.table(BATCHES).replace([marked], where=f"batch_id = '{batch.batch_id}'")

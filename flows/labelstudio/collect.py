"""`salon collect`: ratings come back incrementally and completely; what is no rating is kept apart with its reason.

A pass asks each project for the tasks touched since the last one. Rows are inserted before the moment is moved
on, and a row that is there already is not inserted again: a run that is killed loses nothing and doubles nothing.
A full pass (`--reconcile`) also finds what an incremental one cannot see: tasks and votes that are gone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.compute as pc
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.context import Run, open_run
from flows.labelstudio.connection import Connection, connect
from flows.labelstudio.raters import SIMULATED
from flows.labelstudio.studies import batch_named, keep_project, projects_of, protocol_of, shown_in
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, publish_counts
from flows.secret_keys import pseudonym_key
from labeling.labelstudio import annotations as reading
from labeling.labelstudio.payloads import config_hash
from labeling.labelstudio.votes import Place, Setting, Vote, new_rows, places_in_order, votes_of, withdrawals
from schemas.columns import TableSpec
from schemas.ratings import (
    COMPARISONS,
    RATER_PROFILES,
    RATINGS,
    REJECTED_RATINGS,
    TASKS,
    Project,
    RejectedRating,
    Task,
)

OVERLAP = timedelta(seconds=10)
"""How far a pass reaches back before the last: a slow write may be committed after a younger one was read."""


MOST_CHANGED = 500
"""Changed tasks from which on the whole project is exported: listing a task takes five times as long."""


@dataclasses.dataclass
class Collected:
    """What one pass over one project brought."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    rejected: int = 0
    lost_tasks: int = 0

    def add(self, other: Collected) -> None:
        """Add the counts of another."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


@flow(name="collect", flow_run_name="collect {root}")
def collect(root: str, reconcile: bool = False) -> Outcome:
    """Bring new, changed and withdrawn ratings home from Label Studio.

    Parameters
    ----------
    root : str
        The warehouse.
    reconcile : bool
        Compare everything, not only what was touched since the last time.
    """
    run = open_run(root)
    if not projects_of(run):
        note = "Nothing was sent yet: `salon send` first."
        return publish_counts(Outcome("collect", {"new ratings": 0}, (note,)))
    key, note = pseudonym_key(root)
    total = Collected()
    with connect(run) as link:
        projects = projects_of(run, link.namespace)
        accounts = frozenset(int(user["id"]) for user in link.client.users())
        with track("collect", len(projects)) as bar:
            for project in projects:
                total.add(collect_project(run, link, project, key, accounts, reconcile))
                bar.advance()
    return publish_counts(_outcome(total, note))


@task(name="collect project", cache_policy=NO_CACHE, **RETRIES)
def collect_project(
    run: Run, link: Connection, project: Project, key: bytes, accounts: frozenset[int], reconcile: bool
) -> Collected:
    """One pass over one project."""
    since = None if reconcile or project.seen_until is None else project.seen_until - OVERLAP
    everything = since is None or link.client.count_changed(project.project_id, since) > MOST_CHANGED
    if since is None or everything:
        raw = list(link.client.export(project.project_id))
    else:
        raw = list(link.client.changed_tasks(project.project_id, since))
    tasks = _tasks(run, project)
    done = Collected()
    if raw or everything:
        known = _known(run, link, project, tasks, key, accounts)
        done = _take_in(run, project, known, raw, everything)
    if reconcile:
        done.lost_tasks = _lost_tasks(link, project, tasks)
    newest = max((str(row["updated_at"]) for row in raw), default="")
    if newest:
        seen = datetime.fromisoformat(newest).astimezone(UTC)
        if project.seen_until is None or seen > project.seen_until:
            keep_project(run, dataclasses.replace(project, seen_until=seen))
    return done


def _known(
    run: Run, link: Connection, project: Project, tasks: Iterable[Task], key: bytes, accounts: frozenset[int]
) -> reading.Project:
    """What the annotations of a project are judged by."""
    protocol = protocol_of(project)
    config = str(link.client.project(project.project_id)["label_config"])
    profiles = run.warehouse.table(RATER_PROFILES).read(["rater_id"])["rater_id"].to_pylist()
    return reading.Project(
        namespace=link.namespace,
        number=project.project_id,
        protocol=protocol,
        is_unchanged=config_hash(config) == project.config,
        key=key,
        accounts=accounts,
        raters=frozenset(profiles),
        shown=shown_in(project, protocol, tasks),
        now=max(datetime.now(UTC), link.client.clock()),  # votes are stamped by the server: our clock may be behind
    )


def _take_in(
    run: Run, project: Project, known: reading.Project, raw: Iterable[Mapping[str, Any]], everything: bool
) -> Collected:
    """Insert what is new among the annotations of some tasks, or of all."""
    spec = COMPARISONS if known.protocol.is_comparison else RATINGS
    current = _current(run, spec, known.namespace, project, known.shown)
    reads = [reading.read_task(known, row) for row in raw]
    submissions = [s for read in reads for s in read.submissions]
    earlier = [(v.rater_id, v.submitted_at) for v in current.values() if v.submitted_at is not None]
    places = places_in_order(known.namespace, project.batch_id, submissions, earlier)
    places = _with_stamps(run, project, submissions, places)
    setting = _setting(run, project, known)
    by_task: dict[str, list[reading.Submission]] = {}
    for read in reads:
        if read.task_key is not None:
            by_task.setdefault(read.task_key, []).extend(read.submissions)
    votes = [
        vote
        for task_key, found in by_task.items()
        for vote in votes_of(setting, known.shown[task_key].task, found, places)
    ]
    gone = _gone(current, votes, None if everything else set(by_task), reads)
    fresh = new_rows(votes, current)
    withdrawn = withdrawals(gone, known.now)
    rejected = [row for read in reads for row in read.rejected]
    run.warehouse.table(spec).insert([*fresh, *withdrawn])
    new = sum(vote.identity not in current for vote in fresh)
    return Collected(
        new=new,
        changed=len(fresh) - new,
        withdrawn=len(withdrawn),
        rejected=_reject(run, rejected),
    )


def _gone(
    current: Mapping[str, Vote], votes: Iterable[Vote], looked_at: set[str] | None, reads: Iterable[reading.Read]
) -> list[Vote]:
    """Votes of the warehouse that were not found where they should be.

    A vote that was overwritten under another account's login stays: its rater did not take it back.
    """
    found = {vote.identity for vote in votes}
    tampered = {read.task_key for read in reads if read.is_tampered}
    disputed = {(read.task_key, moment) for read in reads for moment in read.disputed}
    return [
        vote
        for identity, vote in current.items()
        if identity not in found
        and (looked_at is None or vote.task_key in looked_at)
        and vote.task_key not in tampered
        and (vote.task_key, vote.submitted_at) not in disputed
    ]


def _current(run: Run, spec: TableSpec, namespace: str, project: Project, tasks: Iterable[str]) -> dict[str, Vote]:
    """The row that stands of every vote on the project's tasks, by identity."""
    import pyarrow as pa

    rows = run.warehouse.query(
        f"SELECT v.* FROM current_{spec.name} v SEMI JOIN wanted USING (task_key) "
        "WHERE v.source = $1 AND v.batch_id = $2",
        [namespace, project.batch_id],
        extra={"wanted": pa.table({"task_key": pa.array(list(tasks), pa.string())})},
    ).to_pylist()
    return {row["identity"]: spec.row(**row) for row in rows}


def _with_stamps(
    run: Run, project: Project, submissions: Iterable[reading.Submission], places: Mapping[str, Place]
) -> dict[str, Place]:
    """Places with what the gateway saw: when the picture was last shown before the answer, and on what."""
    import pyarrow as pa

    wanted = pa.table(
        {
            "place": pa.array([s.place for s in submissions], pa.string()),
            "task": pa.array([_number(s.place) for s in submissions], pa.int64()),
            "rater_id": pa.array([s.rater_id for s in submissions], pa.string()),
            "submitted_at": pa.array([s.submitted_at for s in submissions], pa.timestamp("us", tz="UTC")),
        }
    )
    rows = run.warehouse.query(
        "SELECT w.place, max(s.at) FILTER (s.event = 'shown' AND s.at <= w.submitted_at) AS shown_at, "
        "arg_max(s.device, s.at) FILTER (s.device IS NOT NULL) AS device FROM stamps s JOIN wanted w "
        "ON s.labelstudio_task_id = w.task AND s.rater_id = w.rater_id "
        "AND s.at <= w.submitted_at + INTERVAL 1 MINUTE WHERE s.server = $1 GROUP BY w.place",
        [project.server],
        extra={"wanted": wanted},
    ).to_pylist()
    # The page tells its size a moment after its first picture: the answer's stamp knows it.
    seen = {row["place"]: (row["shown_at"], row["device"]) for row in rows}
    return {
        name: dataclasses.replace(place, presented_at=_utc(seen[name][0]), device=seen[name][1])
        if name in seen
        else place
        for name, place in places.items()
    }


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment is not None else None


def _number(place: str) -> int:
    """Label Studio's task of a submission's place, which reads 'task 5, annotation 11'."""
    return int(place.split()[1].rstrip(","))


def _setting(run: Run, project: Project, known: reading.Project) -> Setting:
    """What all votes of this pass have in common."""
    batch = batch_named(run, project.batch_id)
    profiles = run.warehouse.table(RATER_PROFILES).read(["rater_id"], where=pc.field("panel") == SIMULATED)
    return Setting(
        namespace=known.namespace,
        protocol=known.protocol,
        protocol_version=known.protocol.version,
        batch_id=batch.batch_id,
        simulated=batch.simulated,
        simulated_raters=frozenset(profiles["rater_id"].to_pylist()),
        recorded_at=known.now,
    )


def _tasks(run: Run, project: Project) -> list[Task]:
    """The tasks that the project was sent."""
    where = pc.field("batch_id") == project.batch_id
    rows = [Task(**row) for row in run.warehouse.table(TASKS).read(where=where).to_pylist()]
    return [row for row in rows if row.slot == project.slot]


def _reject(run: Run, rows: list[RejectedRating]) -> int:
    return run.warehouse.table(REJECTED_RATINGS).insert(rows)


def _lost_tasks(link: Connection, project: Project, tasks: Iterable[Task]) -> int:
    """How many of a project's tasks are no longer in Label Studio."""
    there = {data.get("key") for _, data in link.client.task_data(project.project_id)}
    return sum(row.task_key not in there for row in tasks)


def _outcome(total: Collected, note: str) -> Outcome:
    notes = [note] if note else []
    if total.rejected:
        notes.append(f"{total.rejected} annotations are no ratings; `salon sql` on rejected_ratings says why.")
    if total.lost_tasks:
        notes.append(f"{total.lost_tasks} tasks are gone from Label Studio; `salon send --restore` sends them again.")
    counts: dict[str, int | float | str] = {
        "new ratings": total.new,
        "changed": total.changed,
        "withdrawn": total.withdrawn,
        "rejected": total.rejected,
    }
    return Outcome("collect", counts, tuple(notes))

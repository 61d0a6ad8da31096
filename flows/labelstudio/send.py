"""`salon send`: the tasks of a batch reach Label Studio once each, whatever breaks on the way.

A task is known to the server by its key alone. Whoever sends first lists the keys that are there, so an answer
that was lost, a server that died and a sender that was killed all end the same way: the next attempt sends what
is missing and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import pyarrow.compute as pc
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.context import Run, open_run
from flows.labelstudio.connection import Connection, connect, picture_prefix, share_pictures
from flows.labelstudio.pictures import make_pictures
from flows.labelstudio.raters import places
from flows.labelstudio.studies import Part, Study, keep_project, payload_of, projects_of, study_of
from flows.outcome import Outcome
from flows.progress import Tracker, track
from flows.runtime import RETRIES, publish_counts
from flows.select import ensure_batch
from labeling.labelstudio.payloads import KEY, chunks, config_hash, marker, project_settings
from schemas.errors import BadInput
from schemas.ratings import BATCHES, SENT_TASKS, BatchState, Project, SentTask, Task
from schemas.settings.study import Queue
from warehouse.locks import exclusive


@dataclasses.dataclass
class Sent:
    """What one run did."""

    new: int = 0
    found: int = 0
    doubles: int = 0


@flow(name="send", flow_run_name="send {root}")
def send(root: str, batch: str | None = None, restore: bool = False) -> Outcome:
    """Send a batch's tasks to Label Studio; what is there already is not sent again.

    Parameters
    ----------
    root : str
        The warehouse.
    batch : str, optional
        Its name; else the batch that is not sent yet, else the one sent last: the same again sends nothing. Where
        there is none at all, one is chosen by the settings' rule.
    restore : bool
        Send tasks again that were deleted in Label Studio.
    """
    run = open_run(root)
    batch_id = batch or _last_sent(run) or ensure_batch(run)
    if batch_id is None:
        return publish_counts(Outcome("send", {"new tasks": 0}, ("Nothing is left to send.",)))
    study = study_of(run, batch_id)
    with connect(run) as link:
        if not restore and not _missing(run, link, study.tasks):
            return publish_counts(_outcome(run, link, study, Sent(), 0, 0))
        with exclusive(run.warehouse.location, "send", run.settings.labelstudio.patience_s):
            made, reduced = make_pictures(run, study)
            done = _send_parts(run, link, study)
    _mark_sent(run, study)
    return publish_counts(_outcome(run, link, study, done, made, reduced))


def _send_parts(run: Run, link: Connection, study: Study) -> Sent:
    total = Sent()
    raters = places(run, link, study)
    with track("send", len(study.tasks)) as bar:
        for part in study.parts:
            done = in_attempts(partial(_send_part, run, link, study, part, raters.get(part.slot), bar))
            total.new += done.new
            total.found += done.found
            total.doubles += done.doubles
    return total


@task(name="send part", cache_policy=NO_CACHE, **RETRIES)
def in_attempts(attempt: Callable[[], Sent]) -> Sent:
    """Send one project's tasks, again after a passing fault.

    It takes a function alone: Prefect looks through everything that a task is given, which for 10,000 tasks takes
    four times as long as sending them.
    """
    return attempt()


def _send_part(run: Run, link: Connection, study: Study, part: Part, rater_id: str | None, bar: Tracker) -> Sent:
    """One attempt to send the tasks of one project; each attempt begins with what is there."""
    project = ensure_project(run, link, study, part, rater_id)
    done = Sent()
    there, doubled = _keys_there(link, project)
    recorded = _recorded(run, link, project)
    known = [task for task in part.tasks if task.task_key in there]
    lost_answers = [t for t in known if (t.task_key, there[t.task_key]) not in recorded]
    _record(run, link, project, lost_answers, [there[t.task_key] for t in lost_answers])
    done.found = len(lost_answers)
    bar.advance(len(known))
    missing = [task for task in part.tasks if task.task_key not in there]
    for chunk in chunks(missing, run.settings.labelstudio.import_size):
        numbers = link.client.import_tasks(
            project.project_id, [payload_of(project.pictures, study.protocol, task) for task in chunk]
        )
        _record(run, link, project, chunk, numbers)
        done.new += len(chunk)
        bar.advance(len(chunk))
    count = link.client.project(project.project_id)["task_number"] or 0
    if doubled or count != len(part.tasks):
        done.doubles = _remove_doubles(run, link, project)
    return done


def ensure_project(run: Run, link: Connection, study: Study, part: Part, rater_id: str | None) -> Project:
    """The project of a part: as recorded, else as found by its marker after a fault, else made."""
    batch_id = study.batch.batch_id
    for known in projects_of(run, link.namespace):
        if (known.batch_id, known.slot) == (batch_id, part.slot):
            _still_there(link, known)
            return known
    marked = marker(run.root, batch_id, str(part.slot), part.tasks[0].task_key)
    prefix = picture_prefix(run, link, batch_id)
    number = next((p["id"] for p in link.client.projects() if p.get("description") == marked), None)
    if number is None:
        in_order = study.queue is Queue.PER_RATER
        number = link.client.create_project(
            project_settings(
                study.protocol,
                title=f"{batch_id}, list {part.slot}" if in_order else batch_id,
                marked=marked,
                overlap=1 if in_order else study.overlap,
                in_order=in_order,
            )
        )
    share_pictures(run, link, number, batch_id)
    project = Project(
        server=link.namespace,
        project_id=number,
        batch_id=batch_id,
        slot=part.slot,
        rater_id=rater_id,
        protocol=study.protocol.model_dump_json(),
        config=config_hash(link.client.project(number)["label_config"]),
        pictures=prefix,
        seen_until=None,
    )
    keep_project(run, project)
    return project


def _still_there(link: Connection, project: Project) -> None:
    try:
        link.client.project(project.project_id)
    except BadInput as fault:
        raise BadInput(
            f"project {project.project_id} of batch '{project.batch_id}' was deleted in Label Studio",
            where=link.client.url,
            todo="Ratings collected so far are kept; choose a new batch to go on.",
        ) from fault


def _keys_there(link: Connection, project: Project) -> tuple[dict[str, int], bool]:
    """The first task number of every key in a project, and whether any key is there twice."""
    there: dict[str, int] = {}
    doubled = False
    for number, data in link.client.task_data(project.project_id):
        key = data.get(KEY)
        if isinstance(key, str):
            doubled |= key in there
            there[key] = min(number, there.get(key, number))
    return there, doubled


def _remove_doubles(run: Run, link: Connection, project: Project) -> int:
    """Delete second copies of a task, as an answer that came too late leaves them, unless somebody rated them."""
    numbers: dict[str, list[int]] = {}
    for number, data in link.client.task_data(project.project_id):
        if isinstance(data.get(KEY), str):
            numbers.setdefault(data[KEY], []).append(number)
    extra = [number for found in numbers.values() for number in sorted(found)[1:]]
    if not extra:
        return 0
    rated = {int(task["id"]) for task in link.client.export(project.project_id)}
    unrated = [number for number in extra if number not in rated]
    for chunk in chunks(unrated, run.settings.labelstudio.import_size):
        link.client.delete_tasks(project.project_id, chunk)
    return len(unrated)


def _last_sent(run: Run) -> str | None:
    """The newest batch, where none waits to be sent: running `send` again must not pay for another batch."""
    rows = run.warehouse.query(
        "SELECT batch_id FROM batches WHERE NOT EXISTS (SELECT 1 FROM batches WHERE state = $1) "
        "ORDER BY created_at DESC, batch_id DESC LIMIT 1",
        [BatchState.CHOSEN.value],
    )
    return str(rows["batch_id"][0].as_py()) if rows.num_rows else None


def _missing(run: Run, link: Connection, tasks: Sequence[Task]) -> bool:
    """Whether any task is not recorded as sent to this server."""
    sent = run.warehouse.table(SENT_TASKS).read(["task_key"], where=pc.field("server") == link.namespace)
    return not {task.task_key for task in tasks} <= set(sent["task_key"].to_pylist())


def _recorded(run: Run, link: Connection, project: Project) -> set[tuple[str, int]]:
    here = (pc.field("server") == link.namespace) & (pc.field("project_id") == project.project_id)
    rows = run.warehouse.table(SENT_TASKS).read(["task_key", "labelstudio_task_id"], where=here)
    return set(zip(rows["task_key"].to_pylist(), rows["labelstudio_task_id"].to_pylist(), strict=True))


def _record(run: Run, link: Connection, project: Project, tasks: Sequence[Task], numbers: Sequence[int]) -> None:
    now = datetime.now(UTC)
    run.warehouse.table(SENT_TASKS).insert(
        SentTask(
            task_key=row.task_key,
            server=link.namespace,
            project_id=project.project_id,
            labelstudio_task_id=number,
            sent_at=now,
        )
        for row, number in zip(tasks, numbers, strict=True)
    )


def _mark_sent(run: Run, study: Study) -> None:
    batch = dataclasses.replace(study.batch, state=BatchState.SENT.value)
    run.warehouse.table(BATCHES).replace([batch], where=f"batch_id = '{batch.batch_id}'")


def _outcome(run: Run, link: Connection, study: Study, done: Sent, made: int, reduced: int) -> Outcome:
    projects = [p for p in projects_of(run, link.namespace) if p.batch_id == study.batch.batch_id]
    counts: dict[str, int | float | str] = {
        "batch": study.batch.batch_id,
        "tasks": len(study.tasks),
        "new tasks": done.new,
        "projects": len(projects),
        "pictures made": made,
    }
    notes = ["All of it is in Label Studio. For another batch: `salon select`."] if not done.new else []
    if done.found:
        notes.append(f"{done.found} tasks were in Label Studio already, from a run that was broken off.")
    if done.doubles:
        notes.append(f"{done.doubles} second copies of tasks, from an answer that was lost, were removed.")
    if reduced:
        notes.append(f"{reduced} pictures were made from the canonical picture: their files are gone or changed.")
    links = {
        f"project {p.slot}" if p.slot is not None else "project": f"{link.client.url}/projects/{p.project_id}"
        for p in projects[:1]
    }
    return Outcome("send", counts, tuple(notes), links)

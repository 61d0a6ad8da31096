"""`salon send`: the tasks of a batch reach Label Studio once each, whatever breaks on the way.

A task is known to the server by its key alone. Whoever sends first lists the keys that are there, so an answer
that was lost, a server that died and a sender that was killed all end the same way: the next attempt sends what
is missing and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pyarrow.compute as pc
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.context import Run, open_run
from flows.labelstudio.connection import Connection, connect
from flows.labelstudio.pictures import Naming, make_pictures
from flows.labelstudio.project import Ensured, ensure_project
from flows.labelstudio.raters import places
from flows.labelstudio.studies import Part, Study, keep_project, projects_of, study_of
from flows.labelstudio.suggestions import record_suggestions
from flows.labelstudio.transfer import Sent, Transfer, first_call
from flows.outcome import Outcome
from flows.progress import Tracker, track
from flows.runtime import RETRIES, publish_counts
from flows.select import ensure_batch
from labeling.design.shared import PRACTICE_SLOT
from schemas.ratings import BATCHES, SENT_TASKS, BatchState, Project, Task
from warehouse.locks import exclusive


@flow(name="send", flow_run_name="send {root}")
def send(root: str, batch: str | None = None, restore: bool = False, suggestions: str | None = None) -> Outcome:
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
    suggestions : str, optional
        A prediction file whose scores raters are shown as suggestions; only where the protocol allows it.
    """
    run = open_run(root)
    batch_id = batch or _unfinished(run) or _last_sent(run) or ensure_batch(run)
    if batch_id is None:
        return publish_counts(Outcome("send", {"new tasks": 0}, ("Nothing is left to send.",)))
    with ExitStack() as connection, ThreadPoolExecutor(1) as ahead:
        connecting = ahead.submit(connection.enter_context, connect(run))
        study, notes = _study(run, batch_id, suggestions)
        link = connecting.result()
        if not restore and not _missing(run, link, study.tasks):
            _mark_sent(run, study)
            return publish_counts(_outcome(run, link, study, Sent(), 0, 0))
        with exclusive(run.warehouse.location, "send", run.settings.labelstudio.patience_s):
            made, reduced = make_pictures(run, study)
            done = _send_parts(run, link, study)
    outcome = _outcome(run, link, study, done, made, reduced)
    return publish_counts(dataclasses.replace(outcome, notes=(*outcome.notes, *notes)))


def _study(run: Run, batch_id: str, suggestions: str | None) -> tuple[Study, list[str]]:
    """What is to be sent, with the suggestions of a file recorded; and what is to be said of them."""
    study = study_of(run, batch_id)
    if not suggestions:
        return study, []
    without = record_suggestions(run, study, suggestions)
    notes = [f"{without} tasks have no suggestion: their photos are not in {suggestions}."] if without else []
    return study_of(run, batch_id), notes


def _send_parts(run: Run, link: Connection, study: Study) -> Sent:
    total = Sent()
    raters = places(run, link, study)
    with track("send", len(study.tasks)) as bar:
        for part in study.parts:
            total.add(in_attempts(partial(_send_part, run, link, study, part, raters.get(part.slot), bar)))
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
    naming = Naming(run, study)
    naming.show(part.tasks[:1])  # Label Studio refuses a folder of a bucket that holds nothing
    with ThreadPoolExecutor(1) as ahead:
        named = ahead.submit(naming.show, part.tasks[: first_call(run.settings.labelstudio.import_size)])
        ensured = ensure_project(run, link, study, part, rater_id)
        named.result()
        begun = ahead.submit(_note_begin, run, study, ensured)
        done = Transfer(run, link, ensured.project, study, naming).send(part.tasks, bar, is_new=ensured.is_new)
        begun.result()
    return done


def _note_begin(run: Run, study: Study, ensured: Ensured) -> None:
    """Write down that raters may see a batch from now on, while its tasks are on their way.

    A kill before this is written does no harm: the project is found by its marker. A kill after it leaves a batch that
    is not finished, which is the next to be sent.
    """
    if not ensured.is_kept:
        keep_project(run, ensured.project)
    _mark_sent(run, study)


def _unfinished(run: Run) -> str | None:
    """The oldest batch that a broken run has left half sent."""
    rows = run.warehouse.query(
        "SELECT batch_id FROM batches WHERE batch_id IN (SELECT batch_id FROM projects) AND batch_id IN "
        "(SELECT batch_id FROM tasks ANTI JOIN sent_tasks USING (task_key)) ORDER BY created_at, batch_id LIMIT 1"
    )
    return str(rows["batch_id"][0].as_py()) if rows.num_rows else None


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
    if study.suggestions:
        counts["suggestions"] = len(study.suggestions)
    notes = ["All of it is in Label Studio. For another batch: `salon select`."] if not done.new else []
    if done.found:
        notes.append(f"{done.found} tasks were in Label Studio already, from a run that was broken off.")
    if done.doubles:
        notes.append(f"{done.doubles} second copies of tasks, from an answer that was lost, were removed.")
    if reduced:
        notes.append(f"{reduced} pictures were made from the canonical picture: their files are gone or changed.")
    links = {
        _name(p): f"{link.client.url}/projects/{p.project_id}" for p in sorted(projects, key=_name)[:2] if not p.slot
    } or {_name(p): f"{link.client.url}/projects/{p.project_id}" for p in projects[:1]}
    return Outcome("send", counts, tuple(notes), links)


def _name(project: Project) -> str:
    if project.slot == PRACTICE_SLOT:
        return "practice"
    return "project" if project.slot is None else f"project {project.slot}"

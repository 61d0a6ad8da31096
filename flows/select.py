"""`salon select`: choose a batch, design who sees what, and show it before anyone is paid."""

from __future__ import annotations

from prefect import flow

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.runtime import publish_counts
from flows.selection.names import waiting
from flows.selection.plan import Chosen, plan_batch
from schemas.ratings import BATCHES, TASKS

NOTHING_LEFT = "Nothing is left to choose: every kept photo is in a batch already (--again chooses them again)."


@flow(name="select", flow_run_name="select {root}")
def select(
    root: str,
    n: int | None = None,
    from_list: str | None = None,
    preview: bool = False,
    batch: str | None = None,
    seed: str | None = None,
    again: bool = False,
    simulated: bool = False,
) -> Outcome:
    """Choose a batch of photos to be rated, under the protocol and the design of the settings.

    Parameters
    ----------
    root : str
        The warehouse.
    n : int, optional
        Photos to choose; with a list: in all, the rest is chosen by rule. Else the settings' batch_size.
    from_list : str, optional
        A text file with a photo per line, or a CSV file with a column photo_id: these are chosen.
    preview : bool
        Write the report only.
    batch : str, optional
        Its name; else the batch that is not sent yet, else a new one.
    seed : str, optional
        In place of the settings' seed.
    again : bool
        Photos of earlier batches may be chosen again.
    simulated : bool
        The batch's ratings are to come from simulated raters.
    """
    run = open_run(root)
    chosen = plan_batch(run, n, from_list, batch, seed, again=again, simulated=simulated)
    if chosen is None:
        return publish_counts(Outcome("select", {"photos": 0}, (NOTHING_LEFT,)))
    changed = False if preview else write(run, chosen)
    files = _files(run, chosen)
    state = "previewed" if preview else ("written" if changed else "unchanged")
    counts: dict[str, int | float | str] = {"batch": chosen.batch.batch_id, "state": state, **chosen.facts}
    return publish_counts(Outcome("select", counts, chosen.notes, files))


def ensure_batch(run: Run, n: int | None = None, *, simulated: bool = False) -> str | None:
    """The batch that `salon send` sends where none is named, chosen by the settings' rule if need be.

    Parameters
    ----------
    run : Run
        The warehouse.
    n : int, optional
        Photos of a new batch; else the settings' batch_size.
    simulated : bool
        A new batch's ratings are to come from simulated raters.

    Returns
    -------
    str or None
        A batch that is not sent yet: the one that is there, else a new one; None where nothing is left to choose.
    """
    there = waiting(run)
    if there is not None:
        return there
    chosen = plan_batch(run, n, simulated=simulated)
    if chosen is None:
        return None
    write(run, chosen)
    return chosen.batch.batch_id


def write(run: Run, chosen: Chosen) -> bool:
    """Write the batch, in place of what stood under its name; False where the same stood there."""
    where = f"batch_id = '{chosen.batch.batch_id}'"
    # Tasks first: a batch that is listed has its tasks.
    tasks = run.warehouse.table(TASKS).replace(chosen.tasks, where=where)
    return run.warehouse.table(BATCHES).replace([chosen.batch], where=where) or tasks


def _files(run: Run, chosen: Chosen) -> dict[str, str]:
    """The report and the list, where the warehouse is a local folder."""
    if not run.warehouse.location.is_local:
        return {}
    from flows.reports.selection import write_list, write_report

    return {"report": str(write_report(run, chosen)), "list": str(write_list(run, chosen))}

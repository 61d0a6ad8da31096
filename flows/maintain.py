"""Upkeep as a flow: compaction and vacuum of every table, within what releases pin."""

from __future__ import annotations

from prefect import flow, task

from flows.context import open_run
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, publish_counts
from warehouse.maintenance import Upkeep, maintain_table, pinned_versions
from warehouse.store import Warehouse


@task(name="maintain table", task_run_name="maintain {name}", **RETRIES)
def maintain_one(root: str, name: str, pins: list[int], retention_hours: int, least_files: int) -> Upkeep:
    """Upkeep of one table."""
    return maintain_table(Warehouse.open(root).tables[name], set(pins), retention_hours, least_files)


@flow(name="maintain", flow_run_name="maintain {root}")
def maintain(root: str, retention_hours: int | None = None) -> Outcome:
    """Put small files together, and remove those that neither a release nor a reader at work needs.

    Parameters
    ----------
    root : str
        The warehouse.
    retention_hours : int, optional
        Age from which unneeded files go; else the setting.
    """
    run = open_run(root)
    keep = run.settings.schedule.retention_hours if retention_hours is None else retention_hours
    pins = pinned_versions(run.warehouse)
    done: list[Upkeep] = []
    with track("maintain", total=len(run.warehouse.tables)) as progress:
        for name in run.warehouse.tables:
            done.append(maintain_one(root, name, sorted(pins[name]), keep, run.settings.schedule.compact_from))
            progress.advance()
    return publish_counts(
        Outcome(
            stage="maintain",
            counts={
                "tables": len(done),
                "data files before": sum(u.files_before for u in done),
                "data files after": sum(u.files_after for u in done),
                "files removed": sum(u.files_removed for u in done),
                "versions pinned by releases": sum(len(versions) for versions in pins.values()),
            },
        )
    )

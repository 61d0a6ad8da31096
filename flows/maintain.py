"""Upkeep as a flow: compaction and vacuum of every table, within what releases pin."""

from __future__ import annotations

from prefect import flow, task

from flows.context import open_run
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, publish_counts
from schemas.ratings import RATERS, RELIABILITY, SCORES, SCORINGS
from warehouse.faults import DamagedFile
from warehouse.maintenance import Upkeep, maintain_table, pinned_versions
from warehouse.migrations import migrate
from warehouse.store import Warehouse


@task(name="maintain table", task_run_name="maintain {name}", **RETRIES)
def maintain_one(root: str, name: str, pins: list[int], retention_hours: int, least_files: int) -> Upkeep:
    """Upkeep of one table."""
    return maintain_table(Warehouse.open(root).tables[name], set(pins), retention_hours, least_files)


@flow(name="maintain", flow_run_name="maintain {root}")
def maintain(root: str, retention_hours: int | None = None) -> Outcome:
    """Put small files together, and remove those that neither a release nor a reader at work needs.

    A warehouse that an older Salon made is brought forward first.

    Parameters
    ----------
    root : str
        The warehouse.
    retention_hours : int, optional
        Age from which unneeded files go; else the setting.
    """
    passed = migrate(root)
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
                **({"brought forward to schema version": passed[-1]} if passed else {}),
                "tables": len(done),
                "data files before": sum(u.files_before for u in done),
                "data files after": sum(u.files_after for u in done),
                "files removed": sum(u.files_removed for u in done),
                "versions pinned by releases": sum(len(versions) for versions in pins.values()),
            },
        )
    )


COMES_BACK = {
    "duplicate_pairs": "salon dedupe",
    "compared": "salon dedupe",
    "duplicates": "salon dedupe",
    "bursts": "salon dedupe",
    "embeddings": "salon embed",
    "verdicts": "salon filter",
    "scores": "salon score",
    "raters": "salon score",
    "reliability": "salon score",
    "scorings": "salon score",
    "ratings": "salon collect --reconcile, and salon import-ratings with the same files",
    "comparisons": "salon collect --reconcile",
    "rejected_ratings": "salon collect --reconcile, and salon import-ratings with the same files",
}
"""How the rows of a table are made again; those that are not named come from the sources."""
FROM_SOURCES = frozenset({"photos", "sightings", "pictures", "quarantine", "fingerprints", "properties"})


@flow(name="repair", flow_run_name="repair {root}")
def repair(root: str) -> Outcome:
    """Take data files that are missing or damaged out of their tables, and say how the rows come back.

    Parameters
    ----------
    root : str
        The warehouse.
    """
    warehouse = open_run(root).warehouse
    counts: dict[str, int | float | str] = {"tables": len(warehouse.tables)}
    notes = []
    for name, table in warehouse.tables.items():
        damaged = list(table.damaged())
        if damaged:
            table.take_out(damaged)
            counts[f"rows gone from {name}"] = sum(file.rows for file in damaged)
            notes += [_told(name, file) for file in damaged]
    if any(f"rows gone from {spec.name}" in counts for spec in (SCORES, RATERS, RELIABILITY)):
        warehouse.table(SCORINGS).delete("true")  # else they would pass for up to date
    return publish_counts(Outcome("repair", counts, tuple(notes or ["Every data file is there and can be read."])))


def _told(name: str, file: DamagedFile) -> str:
    back = "salon ingest SOURCE --recheck" if name in FROM_SOURCES else COMES_BACK.get(name)
    hint = f"its rows come back with: {back}" if back else "its rows can only come from a backup"
    kept = "" if file.is_missing else " The file is kept under damaged/."
    return f"table {name}: {file.path} {file.what}; {file.rows:,} rows; {hint}.{kept}"

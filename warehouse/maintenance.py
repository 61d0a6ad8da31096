"""Upkeep of the tables: small files put together, files that no version needs removed, pins respected."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass

from deltalake.exceptions import CommitFailedError

from schemas.releases import RELEASES
from warehouse.delta import Table
from warehouse.store import Warehouse
from warehouse.writers import signed

TRIES = 5


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table."""

    table: str
    files_before: int
    files_after: int
    files_removed: int


def pinned_versions(warehouse: Warehouse) -> dict[str, set[int]]:
    """Versions of each table that a release was made from and that must stay readable."""
    pins: dict[str, set[int]] = {name: set() for name in warehouse.tables}
    rows = warehouse.table(RELEASES).read(["state", "table_versions"]).to_pylist()
    for row in rows:
        if row["state"] == "withdrawn":
            continue
        for name, version in json.loads(row["table_versions"] or "{}").items():
            pins.setdefault(name, set()).add(int(version))
    return pins


def maintain_table(table: Table, pins: set[int], retention_hours: int, least_files: int) -> Upkeep:
    """Compact a table with many files, then remove files older than the retention that nothing needs.

    Parameters
    ----------
    table : Table
        The table.
    pins : set of int
        Versions that stay readable whatever their age.
    retention_hours : int
        Files younger than this stay: readers and writers at work may need them.
    least_files : int
        Tables with fewer files are not compacted.
    """
    before = len(table.dataset().files)
    if before >= least_files:
        _compact(table)
    delta = table.delta()
    removed = delta.vacuum(
        retention_hours=retention_hours,
        dry_run=False,
        enforce_retention_duration=False,
        full=True,  # also files that no log names: a killed insertion leaves one
        keep_versions=sorted(pin for pin in pins if pin <= delta.version()),
    )
    return Upkeep(table.spec.name, before, len(table.dataset().files), len(removed))


def _compact(table: Table) -> None:
    """Put small files together; a writer that came first only means another try."""
    for attempt in range(TRIES):
        try:
            table.delta().optimize.compact(commit_properties=signed())
            return
        except CommitFailedError:
            time.sleep(random.uniform(0, 0.2 * 2**attempt))

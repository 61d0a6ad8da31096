"""Stages that need not run: nothing that they read or write has changed since they were last done.

A stage over the tables is a function of their rows, the settings, its parameters and the code. When it is done it
remembers the versions of all its tables, and a digest of the rest. As long as both are the same, running it again
would change nothing: it says so at once, whatever the size of the tables, and a person's command does not even
start Prefect. What it remembers holds only if nobody else wrote to its tables while it ran; else it forgets.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flows.context import Run
from flows.outcome import Outcome
from schemas.columns import TableSpec
from schemas.photos import (
    BURSTS,
    COMPARED,
    DUPLICATE_PAIRS,
    DUPLICATES,
    EMBEDDINGS,
    FINGERPRINTS,
    PHOTOS,
    PICTURES,
    SIGHTINGS,
    VERDICTS,
)
from schemas.properties import PROPERTIES
from schemas.ratings import COMPARISONS, RATERS, RATINGS, RELIABILITY, SCORES, SCORINGS, TASKS
from warehouse.standing import read_memory, versions_of, write_memory, written_by_us

PACKAGES = ("schemas", "curation", "labeling", "warehouse", "flows")


@dataclass(frozen=True)
class Depends:
    """The tables that a stage reads and does not write, and those that it writes."""

    reads: tuple[TableSpec, ...]
    writes: tuple[TableSpec, ...]

    @property
    def tables(self) -> tuple[TableSpec, ...]:
        """All of them."""
        return (*self.reads, *self.writes)


STAGES: Mapping[str, Depends] = MappingProxyType(
    {
        "dedupe": Depends(
            reads=(PHOTOS, FINGERPRINTS, PICTURES), writes=(DUPLICATE_PAIRS, COMPARED, DUPLICATES, BURSTS)
        ),
        "embed": Depends(reads=(PHOTOS, DUPLICATES, PICTURES), writes=(EMBEDDINGS,)),
        "filter": Depends(
            reads=(PHOTOS, DUPLICATES, SIGHTINGS, PROPERTIES, BURSTS, PICTURES, EMBEDDINGS), writes=(VERDICTS,)
        ),
        "score": Depends(reads=(RATINGS, COMPARISONS, TASKS), writes=(SCORES, RATERS, RELIABILITY, SCORINGS)),
    }
)
"""A test watches that each stage touches no other table."""


def settled(run: Run, stage: str, parameters: Mapping[str, Any]) -> Outcome | None:
    """What a stage would say if it ran now, where it is known that it would change nothing; else None."""
    memory = read_memory(run.warehouse.location, stage)
    if memory is None or memory.get("circumstances") != circumstances(run, parameters):
        return None
    if memory.get("versions") != versions_of(run.warehouse, STAGES[stage].tables):
        return None
    when = datetime.fromisoformat(memory["at"])
    note = f"Nothing has changed since {when:%Y-%m-%d %H:%M} UTC: there was nothing to do."
    return Outcome(stage, memory["counts"], (*memory["notes"], note), memory["files"], again={})


def unless_settled(run: Run, stage: str, parameters: Mapping[str, Any], work: Callable[[], Outcome]) -> Outcome:
    """What the stage remembers where nothing has changed; else the work is done and remembered.

    Parameters
    ----------
    run : Run
    stage : str
        A name in `STAGES`.
    parameters : mapping
        The run's parameters, all of which are put into JSON.
    work : callable
        Does the stage's whole work; where its outcome has no `again`, nothing is remembered.
    """
    standing = settled(run, stage, parameters)
    if standing is not None:
        return standing
    tables = STAGES[stage].tables
    before = versions_of(run.warehouse, tables)
    outcome = work()
    after = versions_of(run.warehouse, tables)
    # Looked at after `after` was read: who writes from now on makes a version that differs from it.
    if outcome.again is not None and _undisturbed(run, stage, before):
        memory = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "circumstances": circumstances(run, parameters),
            "versions": after,
            "counts": outcome.counts | outcome.again,
            "notes": list(outcome.notes),
            "files": outcome.files,
        }
        write_memory(run.warehouse.location, stage, memory)
    return outcome


def _undisturbed(run: Run, stage: str, before: Mapping[str, int]) -> bool:
    """Whether nobody else has written to a stage's tables since `before`."""
    depends = STAGES[stage]
    if any(version != before[name] for name, version in versions_of(run.warehouse, depends.reads).items()):
        return False
    return all(written_by_us(run.warehouse, spec, before[spec.name]) for spec in depends.writes)


def circumstances(run: Run, parameters: Mapping[str, Any]) -> str:
    """Digest of everything but tables that a stage's result follows from: parameters, settings, files, code."""
    given = {"parameters": dict(parameters), "settings": run.settings.model_dump(mode="json", exclude={"schedule"})}
    parts = [json.dumps(given, sort_keys=True, default=str), *_named_files(given), *_code()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _named_files(value: Any) -> Iterator[str]:
    """Sizes and times of the files that settings and parameters name: weights, heads, lists."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _named_files(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named_files(inner)
    elif isinstance(value, str):
        folder = value.rpartition("local-dir:")[2] if "local-dir:" in value else ""
        for name in (value, value.rpartition("@")[2]):
            yield from _stamp(Path(name))
        for path in sorted(Path(folder).glob("*")) if folder else ():
            yield from _stamp(path)


def _stamp(path: Path) -> Iterator[str]:
    try:
        status = path.stat()
    except (OSError, ValueError):  # most words in settings name no file
        return
    if stat.S_ISREG(status.st_mode):
        yield f"{path} {status.st_size} {status.st_mtime_ns}"


def _code() -> Iterator[str]:
    """Sizes and times of our own source files."""
    home = Path(__file__).resolve().parent.parent
    for package in PACKAGES:
        for path in sorted((home / package).rglob("*.py")):
            yield from _stamp(path)

"""Filtering as a flow: one verdict per photo and rule; what is kept follows from the verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from curation.filtering.decisions import KIND_VERSIONS, Decisions, definition_hash, is_scored, measure_hash
from flows.context import Run, open_run
from flows.filter_obstacles import applicable
from flows.filter_rules import Evidence, Ruling
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, publish_counts
from flows.settled import unless_settled
from schemas.photos import VERDICTS
from schemas.settings.rules import Missing, Rule
from warehouse.contents import ROWS, Batches

NO_RULE = "none"
"""Rule name of the verdicts that let everything pass where no rule is in force."""


@flow(name="filter", flow_run_name="filter {root}")
def filter_photos(root: str) -> Outcome:
    """Decide about every representative by every rule.

    Parameters
    ----------
    root : str
        The warehouse.
    """
    run = open_run(root)
    return publish_counts(unless_settled(run, "filter", {}, lambda: decide_all(run)))


def decide_all(run: Run) -> Outcome:
    """Decide by every rule that can be evaluated, and write the verdicts."""
    applied = applicable(run)
    evidence = Evidence(run, applied.rules)
    total = len(evidence.photo_ids)
    counts: dict[str, int | float | str] = {"photos": total}
    in_force: list[InForce] = []
    notes = list(applied.notes)
    dropped = np.zeros(total, dtype=bool)
    with track("filter", total=len(applied.rules)) as progress:
        for name, rule in applied.rules.items():
            ruling = evidence.ruling(rule, ~dropped)
            drops, said = look_over(name, rule, ruling, total)
            dropped |= drops
            notes += said
            counts[f"dropped by {name}"] = int(np.count_nonzero(drops))
            in_force.append(InForce(name, rule, evidence.space_of(rule), ruling))
            progress.advance(dropped=int(np.count_nonzero(dropped)))
    batches = partial(verdict_batches, evidence.photo_ids, in_force)
    written = task(name="write verdicts", cache_policy=NO_CACHE, **RETRIES)(write_verdicts)(run, batches)
    counts["kept"] = int(np.count_nonzero(~dropped))
    counts["verdicts"] = "written" if written else "unchanged"
    return Outcome(stage="filter", counts=counts, notes=tuple(notes), again={"verdicts": "unchanged"})


@dataclass(frozen=True)
class InForce:
    """A rule in force, and what it decides."""

    name: str
    rule: Rule
    space: str
    ruling: Ruling


def parts(total: int) -> Iterator[slice]:
    """Places of the photos that are decided about together: reasons are words, which are made for these alone."""
    return (slice(start, min(total, start + ROWS)) for start in range(0, total, ROWS))


def look_over(name: str, rule: Rule, ruling: Ruling, total: int) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which photos a rule drops, and a sentence where a rule that measures had nothing to look at on some."""
    drops, unknown, why = np.zeros(total, dtype=bool), 0, ""
    for part in parts(total):
        decisions = ruling(part)
        drops[part] = ~decisions.kept
        missing = np.flatnonzero(np.isnan(decisions.score))
        unknown += len(missing)
        why = why or (decisions.reason[missing[0]] if len(missing) else "")
    if not is_scored(rule) or not unknown:
        return drops, []
    fate = "stay" if rule.missing is Missing.KEEP else "are dropped"
    return drops, [f"Rule '{name}': {unknown:,} photos {fate}, {why}."]


def write_verdicts(run: Run, batches: Batches) -> bool:
    """Make these the verdicts, in one commit; False where they stood there already."""
    return run.warehouse.table(VERDICTS).replace(batches)


def verdict_batches(photo_ids: pa.Array, in_force: Sequence[InForce]) -> Iterator[pa.RecordBatch]:
    """The rows of `verdicts`, rule by rule and some photos at a time."""
    for part in parts(len(photo_ids)):
        if not in_force:
            yield from everything_passes(_slice(photo_ids, part)).to_batches()
    for one in in_force:
        for part in parts(len(photo_ids)):
            rows = verdict_rows(one.name, one.rule, _slice(photo_ids, part), one.ruling(part), one.space)
            yield from rows.to_batches()


def _slice(photo_ids: pa.Array, part: slice) -> pa.Array:
    return photo_ids.slice(part.start, part.stop - part.start)


def verdict_rows(name: str, rule: Rule, photo_ids: pa.Array, decisions: Decisions, space: str) -> pa.Table:
    """One rule's decisions as rows of `verdicts`."""
    count = len(photo_ids)
    return pa.table(
        {
            "photo_id": photo_ids,
            "rule": pa.repeat(name, count),
            "rules_version": pa.repeat(definition_hash(rule, space), count),
            "kind": pa.repeat(KIND_VERSIONS[rule.kind], count),
            "space": pa.array([space or None] * count, pa.string()),
            "measure": pa.repeat(measure_hash(rule, space), count),
            "kept": pa.array(decisions.kept),
            "score": pa.array(decisions.score, from_pandas=True),
            "threshold": pa.array(decisions.threshold, from_pandas=True),
            "reason": pa.array(decisions.reason, pa.string()),
        }
    )


def everything_passes(photo_ids: pa.ChunkedArray) -> pa.Table:
    """Verdicts where no rule is in force, so that photos still count as looked at."""
    count = len(photo_ids)
    nothing = pa.nulls(count)
    return pa.table(
        {
            "photo_id": photo_ids,
            "rule": pa.repeat(NO_RULE, count),
            "rules_version": pa.repeat("", count),
            "kind": nothing.cast(pa.string()),
            "space": nothing.cast(pa.string()),
            "measure": nothing.cast(pa.string()),
            "kept": pa.repeat(True, count),
            "score": nothing.cast(pa.float64()),
            "threshold": nothing.cast(pa.float64()),
            "reason": pa.repeat("no rule is in force", count),
        }
    )

"""Filtering as a flow: one verdict per photo and rule; what is kept follows from the verdicts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from curation.filtering.decisions import KIND_VERSIONS, Decisions, definition_hash, is_scored, measure_hash
from flows.context import Run, open_run
from flows.filter_obstacles import applicable
from flows.filter_rules import Evidence
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, publish_counts
from flows.settled import unless_settled
from schemas.photos import VERDICTS
from schemas.settings.rules import Missing, Rule

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
    counts: dict[str, int | float | str] = {"photos": len(evidence.photo_ids)}
    tables: list[pa.Table] = []
    notes = list(applied.notes)
    dropped = np.zeros(len(evidence.photo_ids), dtype=bool)
    with track("filter", total=len(applied.rules)) as progress:
        for name, rule in applied.rules.items():
            decisions = evidence.decide(rule, ~dropped)
            dropped |= ~decisions.kept
            notes += unknown_to(name, rule, decisions)
            counts[f"dropped by {name}"] = int(np.count_nonzero(~decisions.kept))
            tables.append(verdict_rows(name, rule, evidence.photo_ids, decisions, evidence.space_of(rule)))
            progress.advance(dropped=int(np.count_nonzero(dropped)))
    if not applied.rules:
        tables.append(everything_passes(evidence.photo_ids))
    written = task(name="write verdicts", cache_policy=NO_CACHE, **RETRIES)(write_verdicts)(run, tables)
    counts["kept"] = int(np.count_nonzero(~dropped))
    counts["verdicts"] = "written" if written else "unchanged"
    return Outcome(stage="filter", counts=counts, notes=tuple(notes), again={"verdicts": "unchanged"})


def unknown_to(name: str, rule: Rule, decisions: Decisions) -> list[str]:
    """A sentence where a rule that measures had nothing to look at on some photos."""
    unknown = np.flatnonzero(np.isnan(decisions.score))
    if not is_scored(rule) or not len(unknown):
        return []
    fate = "stay" if rule.missing is Missing.KEEP else "are dropped"
    return [f"Rule '{name}': {len(unknown):,} photos {fate}, {decisions.reason[unknown[0]]}."]


def write_verdicts(run: Run, tables: list[pa.Table]) -> bool:
    """Make these the verdicts, in one commit; False where they stood there already."""
    return run.warehouse.table(VERDICTS).replace(pa.concat_tables(tables))


def verdict_rows(name: str, rule: Rule, photo_ids: pa.ChunkedArray, decisions: Decisions, space: str) -> pa.Table:
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

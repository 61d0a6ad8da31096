"""What the rules would do, before they do it: distributions, thresholds, and the photos just beside the line."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from curation.filtering.decisions import Decisions, is_scored, plain
from flows.context import open_run
from flows.filter_rules import Evidence, applicable
from flows.outcome import Outcome
from flows.reports.page import Page
from flows.search import file_names, thumbnails, tile
from schemas.settings.rules import Rule, ScoredRule

BESIDE = 6
"""Photos on each contact sheet."""
STEPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Shares dropped for which the table gives the threshold."""


def preview(root: str) -> Outcome:
    """Write a page on every rule that could be applied; no verdict is written."""
    run = open_run(root)
    applied = applicable(run)
    evidence = Evidence(run, applied.rules)
    total = len(evidence.ids)
    passed = np.ones(total, dtype=bool)
    decided: dict[str, Decisions] = {}
    for name, rule in applied.rules.items():
        decided[name] = evidence.decide(rule, passed)
        passed &= decided[name].kept
    page = Page("Filter preview", "What each rule would drop with the settings as they are. Nothing was written.")
    page.numbers({"photos": f"{total:,}", "would stay": f"{np.count_nonzero(passed):,}", "rules": str(len(decided))})
    for note in applied.notes:
        page.text(note)
    page.table(["rule", "kind", "drops", "alone"], _overview(applied.rules, decided), title="Rules")
    shown = {name: _beside(decided[name]) for name in decided}
    ids = sorted({evidence.ids[k] for kept, dropped in shown.values() for k in (*kept, *dropped)})
    pictures, names = thumbnails(run, ids, 220), file_names(run, ids)
    for name, rule in applied.rules.items():
        decisions = decided[name]
        page.heading(name, _sentence(rule, decisions))
        if is_scored(rule) and np.isfinite(decisions.score).any():
            page.figure(_histogram(decisions, name), "Distribution of the scores; the line is the threshold.")
            page.table(["dropped", "photos that stay", "threshold"], _thresholds(rule, decisions))
        for title, rows, accent in zip(
            ("Kept, nearest to the line", "Dropped, nearest to the line"), shown[name], ("good", "bad"), strict=True
        ):
            tiles = [
                tile(evidence.ids[k], pictures, names, _note(decisions, k), accent)
                for k in rows
                if evidence.ids[k] in pictures
            ]
            if tiles:
                page.sheet(title, tiles)
    path = page.write(run.warehouse.location.local("reports", "filter.html"))
    counts: dict[str, int | float | str] = {"photos": total}
    counts |= {f"{name} would drop": int(np.count_nonzero(~found.kept)) for name, found in decided.items()}
    counts["would stay"] = int(np.count_nonzero(passed))
    return Outcome(stage="filter preview", counts=counts, notes=applied.notes, files={"preview": str(path)})


def _overview(rules: dict[str, Rule], decided: dict[str, Decisions]) -> list[tuple[str, str, int, int]]:
    """Per rule: what it drops, and what no other rule drops."""
    drops = np.stack([~found.kept for found in decided.values()]) if decided else np.zeros((0, 0), bool)
    alone = drops & (drops.sum(axis=0) == 1)
    return [(name, rule.kind, int(drops[k].sum()), int(alone[k].sum())) for k, (name, rule) in enumerate(rules.items())]


def _sentence(rule: Rule, decisions: Decisions) -> str:
    dropped = np.count_nonzero(~decisions.kept)
    text = f"{rule.kind}: drops {dropped:,} of {len(decisions.kept):,} photos."
    unknown = np.count_nonzero(np.isnan(decisions.score))
    if is_scored(rule) and unknown:
        text += f" {unknown:,} photos have no score and {'stay' if rule.missing == 'keep' else 'go'}."
    return text


def _note(decisions: Decisions, row: int) -> str:
    score = decisions.score[row]
    return decisions.reason[row] if np.isnan(score) or not decisions.kept[row] else plain(float(score))


def _beside(decisions: Decisions) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the photos nearest to the threshold: kept ones, and dropped ones (any, where there is no score)."""
    away = np.abs(decisions.score - decisions.threshold)
    kept = np.flatnonzero(decisions.kept & np.isfinite(away))
    dropped = np.flatnonzero(~decisions.kept)
    near = np.nan_to_num(away, nan=np.inf)
    return (
        kept[np.argsort(near[kept], kind="stable")][:BESIDE],
        dropped[np.argsort(near[dropped], kind="stable")][:BESIDE],
    )


def _thresholds(rule: Rule, decisions: Decisions) -> list[tuple[str, int, str]]:
    """Thresholds that would drop given shares, on the side on which the rule drops."""
    assert isinstance(rule, ScoredRule)
    scores = np.sort(decisions.score[np.isfinite(decisions.score)])
    rows = []
    for share in STEPS:
        gone = round(share * len(scores))
        below = rule.at_least is not None
        edge = scores[min(gone, len(scores) - 1)] if below else scores[max(len(scores) - 1 - gone, 0)]
        stay = np.count_nonzero(scores >= edge if below else scores <= edge)
        rows.append((f"{share:.0%}", int(stay), f"{'at_least' if below else 'at_most'} = {plain(float(edge))}"))
    return rows


def _histogram(decisions: Decisions, name: str) -> str:
    from matplotlib.figure import Figure

    scores = decisions.score[np.isfinite(decisions.score)]
    low, high = np.quantile(scores, [0.001, 0.999])
    line = decisions.threshold[np.isfinite(decisions.threshold)]
    figure = Figure(figsize=(7, 2.2), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(low, high, 61).tolist() if high > low else 10
    axes.hist(np.clip(scores, low, high), bins=edges, color="#0072b2")
    for limit in np.unique(line[np.isfinite(line)]):
        axes.axvline(limit, color="#d55e00", linewidth=1.5)
    axes.set_xlabel(f"score of {name}")
    axes.set_ylabel("photos")
    axes.spines[["top", "right"]].set_visible(False)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()

"""What the rules would do, before they do it: distributions, thresholds, and the photos just beside the line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curation.filtering.decisions import Decisions, Scores, is_scored, plain
from flows.context import open_run
from flows.filter_obstacles import applicable
from flows.filter_rules import Evidence
from flows.outcome import Outcome
from flows.reports.drawing import BLUE, ORANGE, new_plot, styled, svg_of
from flows.reports.page import Page
from flows.reports.thumbnails import file_names, thumbnails
from flows.search import tile
from schemas.settings.rules import CapRule, Missing, RangeRule, Rule, ScoredRule, ValuesRule

BESIDE = 6
"""Photos on each contact sheet."""
STEPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Shares dropped for which the table gives the threshold."""
MOST_VALUES = 20
"""Values of which the table says how many photos have them."""


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
    page.table(["rule", "kind", "limit", "drops", "alone", "without a score"], _overview(applied.rules, decided))
    shown = {name: _beside(decided[name]) for name in decided}
    ids = sorted({evidence.ids[k] for kept, dropped in shown.values() for k in (*kept, *dropped)})
    pictures, names = thumbnails(run, ids), file_names(run, ids)
    for name, rule in applied.rules.items():
        decisions = decided[name]
        page.heading(name, _sentence(rule, decisions))
        if isinstance(rule, ScoredRule) and np.isfinite(decisions.score).any():
            page.figure(_histogram(rule, decisions), "Distribution of the scores; the line is the threshold.")
            page.table(["threshold", "photos that stay", "dropped", ""], _thresholds(rule, decisions.score))
        if isinstance(rule, ValuesRule):
            page.table(["value", "photos", "dropped"], _values(*evidence.words(rule), decisions))
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


def _overview(rules: dict[str, Rule], decided: dict[str, Decisions]) -> list[tuple[str, str, str, int, int, int]]:
    """Per rule: its limit, what it drops, what no other rule drops, and of what it knows nothing."""
    drops = np.stack([~found.kept for found in decided.values()]) if decided else np.zeros((0, 0), bool)
    alone = drops & (drops.sum(axis=0) == 1)
    return [
        (
            name,
            rule.kind,
            _limit(rule),
            int(drops[k].sum()),
            int(alone[k].sum()),
            int(np.isnan(decided[name].score).sum()) if is_scored(rule) else 0,
        )
        for k, (name, rule) in enumerate(rules.items())
    ]


def _limit(rule: Rule) -> str:
    """The limit in the settings' words."""
    if isinstance(rule, ScoredRule):
        return ", ".join(f"{side} = {plain(limit)}" for side, limit in _limits(rule))
    if isinstance(rule, ValuesRule):
        sides = (("allow", rule.allow), ("refuse", rule.refuse))
        return "; ".join(f"{side} = {', '.join(values)}" for side, values in sides if values)
    return f"most = {rule.most}" if isinstance(rule, CapRule) else ""


def _limits(rule: ScoredRule) -> list[tuple[str, float]]:
    sides = (("at_least", rule.at_least), ("at_most", rule.at_most))
    return [(side, limit) for side, limit in sides if limit is not None]


def _sentence(rule: Rule, decisions: Decisions) -> str:
    dropped = np.count_nonzero(~decisions.kept)
    subject = next((getattr(rule, field) for field in ("measure", "column", "per") if hasattr(rule, field)), "")
    text = f"{rule.kind} {subject}".strip() + f": drops {dropped:,} of {len(decisions.kept):,} photos."
    unknown = np.count_nonzero(np.isnan(decisions.score))
    if is_scored(rule) and unknown:
        text += f" {unknown:,} photos have no score and {'stay' if rule.missing == 'keep' else 'go'}."
    return text


def _values(
    sets: list[tuple[str, ...]], place: npt.NDArray[np.int32], decisions: Decisions
) -> list[tuple[str, int, int]]:
    """What is known of the photos in words: most frequent first."""
    photos = np.bincount(place, minlength=len(sets)).tolist()
    dropped = np.bincount(place[~decisions.kept], minlength=len(sets)).tolist()
    rows = [
        (" + ".join(known) or "(not known)", count, gone)
        for known, count, gone in zip(sets, photos, dropped, strict=True)
        if count
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:MOST_VALUES]


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


def _thresholds(rule: ScoredRule, scores: Scores) -> list[tuple[str, int, str, str]]:
    """How many photos stay at which threshold, from the mildest on, each limit of the rule by itself."""
    known = np.sort(scores[np.isfinite(scores)])
    unknown = len(scores) - len(known) if rule.missing is Missing.KEEP else 0
    rows = []
    for side, limit in _limits(rule):
        below = side == "at_least"
        places = [round(share * (len(known) - 1)) for share in STEPS]
        edges = {float(plain(float(known[place if below else -1 - place]))) for place in places}
        for edge in sorted({*edges, limit}, reverse=not below):
            stay = int(np.count_nonzero(known >= edge if below else known <= edge)) + unknown
            gone = f"{(len(scores) - stay) / len(scores):.1%}"
            rows.append((f"{side}\u00a0=\u00a0{plain(edge)}", stay, gone, "now" if edge == limit else ""))
    return rows


def _histogram(rule: ScoredRule, decisions: Decisions) -> str:
    known = np.isfinite(decisions.score)
    scores, kept = decisions.score[known], decisions.kept[known]
    low, high = np.quantile(scores, [0.001, 0.999])
    if high > low:
        edges = np.linspace(low, high, 61).tolist()
    else:  # one bar, wide enough to be seen beside a limit that is far away
        width = max((abs(limit - low) for _, limit in _limits(rule)), default=0.0) / 30 or 1.0
        edges = [float(low) - width / 2, float(low) + width / 2]
    parts = [np.clip(part, low, high) for part in (scores[kept], scores[~kept])]
    with styled():
        figure, axes = new_plot(7, 2.2)
        axes.hist(parts, bins=edges, stacked=True, color=[BLUE, ORANGE], label=["kept", "dropped"])
        for _, limit in _limits(rule):
            axes.axvline(limit, color=ORANGE, linewidth=1.5)
        axes.set_xlabel(rule.measure if isinstance(rule, RangeRule) else "score")
        axes.set_ylabel("photos")
        if not kept.all():
            axes.legend(frameon=False)
        return svg_of(figure)

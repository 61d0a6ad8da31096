"""Parts of the card that are filled from the data: what was asked, reliability, screening, raters, collection."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flows.release.wide import Axis
from labeling.anonymity import TRAITS

if TYPE_CHECKING:
    from flows.release.build import Material

NOT_SCREENED = "none"
MEASURES = {
    "icc1": "one rating: ICC(1)",
    "icc1k": "the score: ICC(1,k)",
    "alpha_interval": "Krippendorff's alpha (interval)",
    "split_half": "two halves of the raters: rank correlation (Spearman-Brown)",
    "leave_one_out": "a rater against the mean of the others: r",
    "retest": "the same rater again: r",
    "retest_error": "the same rater again: error in scale units",
    "beholder1": "share of private taste (beholder index 1)",
    "beholder2": "share of private taste with raters' levels (beholder index 2)",
    "drift": "drift over a rater's session, in SDs",
    "ordinal_rank_correlation": "order of the photos by an ordinal model: rank correlation",
}
"""Reliability figures of the card, in their order; all are in `inputs/facts.json`."""
TRAIT_NAMES = {"age_band": "age", "gender": "gender", "experience": "experience", "region": "region",
               "vision": "vision"}  # fmt: skip
REASONS = {
    "no_rating_yet": "kept by the filter, not rated yet",
    "opted_out": "kept out of the release: opt-out signal in the file",
    "bridges_splits": "kept out of the release: would link two splits (bridges_splits)",
    "unreadable": "kept out of the release: the original can no longer be read",
}


def asked_lines(material: Material) -> list[str]:
    """What raters read, question by question; says where the wording is not known."""
    lines = []
    for row in material.facts.get("protocols", []):
        on = f", scale {row['scale']}" if row["scale"] else ", comparison of two photos"
        lines.append(f"**{row['question']}**{on}: {row['answers']:,} answers.")
        if "wording" not in row:
            lines += ["The ratings were imported, and the wording that raters read was not recorded.", ""]
            continue
        lines += ["", f"> {row['wording']}", ""]
        if row.get("labels"):
            lines += ["Labels, lowest first: " + ", ".join(f"*{label}*" for label in row["labels"]) + ".", ""]
        if row.get("instructions"):
            lines += [f"Instructions: “{row['instructions']}”", ""]
        if row["protocol_version"]:
            lines += [f"Protocol version `{row['protocol_version']}` ({row['kind']}, language {row['language']}).", ""]
    return lines or ["Nothing is recorded of what raters were asked.", ""]


def design_lines(material: Material) -> list[str]:
    """How the photos of each batch were chosen and designed, and whether raters saw what a model says."""
    designs = material.facts.get("designs", [])
    if not designs:
        return ["The ratings were imported: how photos were given to raters is for their source to tell."]
    lines = [
        "| batch | protocol | photos | queue | votes per photo | chosen by |",
        "| --- | --- | ---: | --- | --- | --- |",
    ]
    for row in designs:
        design, selection = row["design"], row["selection"]
        chosen = ", ".join(f"{k} {v}" for k, v in sorted(selection.items()) if isinstance(v, int | float | str))
        lines.append(f"| {row['batch_id']} | {row['protocol']} | {row['photos']:,} | {design.get('queue', '')} | "
                     f"{design.get('overlap', '')} | {chosen[:120]} |")  # fmt: skip
    return [*lines, *(part for line in suggestion_lines(material) for part in ("", line))]


def suggestion_lines(material: Material) -> list[str]:
    """What raters were shown of a model before they answered; nothing for ratings that Salon did not ask for."""
    if not material.facts.get("designs") or "suggestions" not in material.facts:
        return []
    lines = []
    for row in material.facts["suggestions"]:
        equal = f", {row['accepted'] / row['answers']:.0%} of them equal to it" if row["answers"] else ""
        lines.append(f"**Suggestions were shown** in batch {row['batch_id']}: {row['tasks']:,} of {row['of_tasks']:,} "
                     f"tasks came with a score of the model `{row['model']}` as the answer chosen beforehand; "
                     f"{row['answers']:,} counted answers were given to these tasks{equal}. Suggestions pull raters "
                     "towards the model: do not judge it, or one like it, by these answers.")  # fmt: skip
    return lines or ["No rater was shown a model's score before answering (pre-annotations): none were sent."]


def reliability_table(material: Material, axes: tuple[Axis, ...]) -> list[str]:
    """The reliability figures with their intervals, before and after screening, a row each."""
    wanted = {(axis.question, axis.scale) for axis in axes}
    rows = {
        (r["question"], r["stratum"], r["measure"], r["screening"]): r
        for r in material.facts["reliability"]
        if (r["question"], r["scale"]) in wanted and r["value"] is not None and r["measure"] in MEASURES
    }
    screenings = sorted({screening for *_, screening in rows if screening != NOT_SCREENED})
    plain = [key[:3] for key in rows if key[3] == NOT_SCREENED]
    if not plain:
        return ["No reliability figures are known."]
    order = list(MEASURES)
    after = "".join(f" after {s} |" for s in screenings)
    lines = [f"| question | photos | figure | all raters | 95 % interval |{after}",
             "| --- | --- | --- | ---: | --- |" + " ---: |" * len(screenings)]  # fmt: skip
    for key in sorted(plain, key=lambda k: (k[0], k[1] != "all", k[1], order.index(k[2]))):
        row = rows[*key, NOT_SCREENED]
        interval = "" if row["low"] is None or row["high"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        after = "".join(
            f" {rows[*key, s]['value']:.3f} |" if (*key, s) in rows else " |" for s in screenings
        )  # fmt: skip
        lines.append(f"| {key[0]} | {key[1]} | {MEASURES[key[2]]} | {row['value']:.3f} | {interval} |{after}")
    return lines


def screening_lines(material: Material, axes: tuple[Axis, ...]) -> list[str]:
    """Raters before and after each screening, and what other rules would have done; scores rest on all raters."""
    wanted = {(axis.question, axis.scale) for axis in axes}
    found = [row for row in material.facts.get("screening", []) if (row["question"], row["scale"]) in wanted]
    lines = []
    if found:
        lines = ["| screening | question | raters before | left out | raters after |",
                 "| --- | --- | ---: | ---: | ---: |"]  # fmt: skip
        lines += [
            f"| {row['screening']} | {row['question']} | {row['before']:,} | {row['left_out']:,} | "
            f"{row['before'] - row['left_out']:,} |" for row in found
        ]  # fmt: skip
        lines.append("")
    lines.append(
        "The released scores rest on **all** raters: a rare taste looks like noise. "
        + ("`raters.screened_out` says whom the screening would leave out." if found else "No screening was set.")
    )
    for row in material.facts.get("scoring_notes", []):
        if (row["question"], row["scale"]) in wanted:
            lines += [f"- {row['question']}: {note}" for note in row["notes"]]
    return lines


def raters_lines(material: Material) -> list[str]:
    """How many raters told what of themselves, as far as it is published."""
    raters = material.tables.get("raters")
    if raters is None or not raters.num_rows:
        return []
    one_each: dict[str, dict[str, Any]] = {row["rater_id"]: row for row in raters.to_pylist()}
    lines = []
    for trait in TRAITS:
        told = Counter(row[trait] for row in one_each.values() if row[trait])
        if told:
            rest = len(one_each) - sum(told.values())
            shown = ", ".join(f"{value} {count:,}" for value, count in sorted(told.items()))
            lines.append(f"- {TRAIT_NAMES[trait]}: {shown}" + (f"; not told or withheld {rest:,}" if rest else ""))
    return lines or ["No traits of raters are known, or no group of them is large enough to be shown."]


def funnel_lines(material: Material, released: int) -> list[str]:
    """What became of everything that came in."""
    lines = ["| what became of what came in | number |", "| --- | ---: |"]
    for heading, found in material.facts["funnel"].items():
        for what, count in found.items():
            label = heading if what == "all" else f"{heading.split(', by ')[0]}: {what}"
            lines.append(f"| {label} | {count:,} |")
    lines += [f"| {REASONS.get(reason, reason)} | {n:,} |" for reason, n in material.facts["kept_out"].items()]
    return [*lines, f"| **photos released** | **{released:,}** |"]


def filter_lines(material: Material) -> list[str]:
    """The rules that decided which photos people were asked about."""
    rules = [row for row in material.facts.get("filter", []) if row["rule"] != "all"]
    if not rules:
        return []
    lines = ["| rule of the filter | threshold | left out |", "| --- | ---: | ---: |"]
    for row in rules:
        threshold = "" if row["threshold"] is None else f"{row['threshold']:g}"
        lines.append(f"| {row['rule']} | {threshold} | {row['left_out']:,} |")
    return lines

"""`METHODS.md`: a methods section filled from protocol, design, screening and results."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from flows.release.datasheet import asked_lines, screening_lines, suggestion_lines
from flows.release.wide import Axis

if TYPE_CHECKING:
    from flows.release.build import Material

METHOD_TEXT = {
    "mos": "the plain mean of all counted ratings, with a t interval",
    "p910": "the alternating projection of ITU-T P.910 (10/2023), Annex E",
    "two_way": "a weighted two-way model of photos and raters with shrunk rater variances, whose intervals hold "
    "their nominal coverage on sparse designs as well",
    "ordinal": "a cumulative (ordinal) model",
}


QUOTED = {"icc1": "ICC(1)", "icc1k": "ICC(1,k)", "alpha_interval": "Krippendorff's α", "split_half": "split-half ρ",
          "retest": "test-retest r"}  # fmt: skip


def methods(material: Material, rows: pa.Table, axes: tuple[Axis, ...]) -> str:
    """The text; figures come from the rows of the release."""
    facts = material.facts
    lines = [f"# Methods of {material.name} {material.version}", ""]
    if any(rows["simulated"].to_pylist()):
        lines += ["**These ratings were cast by simulated raters; they say nothing about people.**", ""]
    lines += ["## Photos", "", _funnel_text(material), "", "## Protocol", "", *_protocol(material), "## Ratings", ""]
    for axis in axes:
        lines += [_axis_text(material, rows, axis), ""]
    lines += ["## Scores", "", f"The score of a photo comes from {METHOD_TEXT[str(facts['method'])]}. "
              "The mean opinion score (`mos`) stands beside it: the plain mean of the counted ratings, with "
              "standard deviation (ddof 1), number of ratings and histogram. All intervals are 95 % intervals.", "",
              *_reliability(material, axes), "",
              "## Screening", "", *screening_lines(material, axes), ""]  # fmt: skip
    lines += ["## Splits", "", _splits_text(material), ""]
    return "\n".join(lines)


def _protocol(material: Material) -> list[str]:
    """What was asked, and how photos were given to raters."""
    lines = asked_lines(material)
    designs = material.facts.get("designs", [])
    for row in designs:
        design = row["design"]
        known = ", ".join(f"{key} {value}" for key, value in sorted(design.items()) if isinstance(value, int | str))
        lines.append(f"Batch {row['batch_id']} ({row['photos']:,} photos, protocol {row['protocol']}): {known}.")
    roles = Counter(material.tables["ratings"]["role"].to_pylist()) if "ratings" in material.tables else Counter[str]()
    shown = {role: count for role, count in sorted(roles.items()) if role != "rate"}
    if shown:
        lines.append(
            "Beside the ratings proper there are " + ", ".join(f"{c:,} of role {r}" for r, c in shown.items()) + "."
        )
    lines += suggestion_lines(material)
    return [*lines, *([""] if designs or shown else [])]


def _reliability(material: Material, axes: tuple[Axis, ...]) -> list[str]:
    """The figures that a paper quotes, with their intervals."""
    lines = []
    for axis in axes:
        of_axis = (axis.question, axis.scale, "all", "none")
        rows = {
            r["measure"]: r
            for r in material.facts["reliability"]
            if (r["question"], r["scale"], r["stratum"], r["screening"]) == of_axis and r["value"] is not None
        }
        told = [
            f"{name} = {rows[key]['value']:.3f}"
            + (f" [{rows[key]['low']:.3f}, {rows[key]['high']:.3f}]" if rows[key]["low"] is not None else "")
            for key, name in QUOTED.items() if key in rows
        ]  # fmt: skip
        if told:
            lines.append(f"Reliability of *{axis.question}*: {', '.join(told)} (95 % intervals).")
    return lines


def _funnel_text(material: Material) -> str:
    funnel = material.facts["funnel"]
    quarantined = sum(funnel["files quarantined, by reason"].values())
    copies = sum(funnel["near copies set aside, by relation"].values())
    taken_in = sum(funnel["photos taken in"].values())
    passed = sum(funnel["photos that passed the filter"].values())
    text = (
        f"{taken_in:,} distinct photos were taken in and {quarantined:,} files set aside as unusable. "
        "Near copies were found by perceptual hashing with a verified second look: one member of each group was kept, "
        f"and {copies:,} set aside. "
        f"{passed:,} photos passed the filters"
    )
    filtered = funnel["photos filtered out, by rule"]
    if filtered:
        text += " (left out: " + ", ".join(f"{rule} {count:,}" for rule, count in filtered.items()) + ")"
    text += f". {material.tables['photos'].num_rows:,} photos with at least one counted rating are released."
    probabilities = [p for p in material.tables["photos"]["inclusion_probability"].to_pylist() if p is not None]
    if probabilities:
        text += (
            f" Of these {len(probabilities):,} were chosen for rating with known inclusion probabilities "
            f"({min(probabilities):.3g} to {max(probabilities):.3g})."
        )
    return text


def _axis_text(material: Material, rows: pa.Table, axis: Axis) -> str:
    n = np.array([v for v in rows[f"{axis.prefix}n"].to_pylist() if v is not None])
    text = (
        f"Question *{axis.question}*, scale {axis.scale}: {int(n.sum()):,} counted ratings of {len(n):,} photos, "
        f"{int(n.min())} to {int(n.max())} per photo (median {np.median(n):.0f})."
    )
    ratings = material.tables.get("ratings")
    if ratings is not None:
        own = [
            row
            for row in ratings.select(["question", "scale", "rater_id", "status", "seconds"]).to_pylist()
            if (row["question"], row["scale"]) == (axis.question, axis.scale)
        ]
        statuses = Counter(row["status"] for row in own)
        text += f" They were cast by {len({row['rater_id'] for row in own}):,} raters"
        others = {status: count for status, count in statuses.items() if status != "counted"}
        text += (
            "; beside the counted ones there are " + ", ".join(f"{c:,} {s}" for s, c in sorted(others.items()))
            if others
            else ""
        ) + "."
        seconds = [row["seconds"] for row in own if row["seconds"] is not None]
        if seconds:
            text += f" The median response time was {np.median(seconds):.1f} s."
    return text


def _splits_text(material: Material) -> str:
    certificate = material.facts["certificate"]
    links = ", ".join(f"{count:,} by {kind}" for kind, count in certificate["links"].items()) or "none"
    sizes = ", ".join(f"{split} {count:,}" for split, count in certificate["splits"].items())
    return (
        f"Photos that belong together were placed together: {certificate['groups']:,} connected groups, "
        f"{certificate['groups_of_two_and_more']:,} of them of two and more photos (links: {links}). A group's split "
        f"follows from a hash of the group ({sizes}); {certificate['crossings']} groups cross splits."
    )

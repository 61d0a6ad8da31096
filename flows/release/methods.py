"""`METHODS.md`: a methods section filled from protocol, design, screening and results."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

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


def methods(material: Material, rows: pa.Table, axes: tuple[Axis, ...]) -> str:
    """The text; figures come from the rows of the release."""
    facts = material.facts
    lines = [f"# Methods of {material.name} {material.version}", ""]
    if any(rows["simulated"].to_pylist()):
        lines += ["**These ratings were cast by simulated raters; they say nothing about people.**", ""]
    lines += ["## Photos", "", _funnel_text(material), "", "## Ratings", ""]
    for axis in axes:
        lines += [_axis_text(material, rows, axis), ""]
    lines += ["## Scores", "", f"The score of a photo is {METHOD_TEXT[str(facts['method'])]}. "
              "The mean opinion score (`mos`) stands beside it: the plain mean of the counted ratings, with "
              "standard deviation (ddof 1), number of ratings and histogram. All intervals are 95 % intervals. "
              "No rater was left out of these scores.", ""]  # fmt: skip
    lines += ["## Splits", "", _splits_text(material), ""]
    return "\n".join(lines)


def _funnel_text(material: Material) -> str:
    funnel = material.facts["funnel"]
    quarantined = sum(funnel["files quarantined, by reason"].values())
    copies = sum(funnel["near copies set aside, by relation"].values())
    text = (
        f"{sum(funnel['photos'].values()):,} distinct photos were taken in and {quarantined:,} files set aside as "
        f"unusable. {copies:,} near copies were found by perceptual hashing with a verified second look, and one "
        f"member of each group was kept. {sum(funnel['photos kept'].values()):,} photos passed the filters"
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

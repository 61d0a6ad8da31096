"""Parts of the card that are filled from the data: reliability, screening, raters, known biases, a plot."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flows.release.compare import rank_correlation
from flows.release.wide import Axis
from labeling.anonymity import TRAITS

if TYPE_CHECKING:
    from flows.release.build import Material

MEASURES = {
    "icc1": "ICC(1): one rating",
    "icc1k": "ICC(1,k): the mean score",
    "alpha_interval": "Krippendorff's alpha, interval",
    "split_half": "split-half, Spearman-Brown",
    "leave_one_out": "a rater against the others, mean r",
    "retest": "test-retest r",
}
SUSPECTS = {
    "megapixels": "resolution of the picture",
    "captured_year": "year in which it was taken",
    "brightness": "brightness",
    "colorfulness": "colourfulness",
    "sharpness": "sharpness",
}
"""What a score should not follow, or should be known to follow."""

LEAST_FOR_BIAS = 20


def reliability_table(material: Material, axes: tuple[Axis, ...]) -> list[str]:
    """The reliability figures with their intervals, a row each."""
    wanted = {(axis.question, axis.scale) for axis in axes}
    rows = [
        r for r in material.facts["reliability"] if (r["question"], r["scale"]) in wanted and r["value"] is not None
    ]
    if not rows:
        return ["No reliability figures are known."]
    lines = ["| question | over | measure | figure | 95 % interval |", "| --- | --- | --- | ---: | --- |"]
    for row in rows:
        interval = "" if row["low"] is None or row["high"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        measure = MEASURES.get(row["measure"], row["measure"])
        lines.append(f"| {row['question']} | {row['stratum']} | {measure} | {row['value']:.3f} | {interval} |")
    return lines


def screening_lines(material: Material) -> list[str]:
    """Raters before and after each screening; the scores of the release rest on all raters."""
    raters = material.tables.get("raters")
    if raters is None or not raters.num_rows:
        return []
    counts: dict[str, list[int]] = {}
    for row in raters.select(["screening", "method", "screened_out"]).to_pylist():
        found = counts.setdefault(f"{row['screening']} ({row['method']})", [0, 0])
        found[0] += 1
        found[1] += not row["screened_out"]
    lines = ["| screening | raters before | raters after |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {before:,} | {after:,} |" for name, (before, after) in sorted(counts.items())]
    return [*lines, "", "The released scores rest on all raters (screening `none`): a rare taste looks like noise."]


def raters_lines(material: Material) -> list[str]:
    """How many raters told what of themselves, as far as it is published."""
    raters = material.tables.get("raters")
    if raters is None or not raters.num_rows:
        return []
    one_each = {row["rater_id"]: row for row in raters.to_pylist()}
    lines = []
    for trait in TRAITS:
        told = Counter(row[trait] for row in one_each.values() if row[trait])
        if told:
            lines.append(f"- {trait}: " + ", ".join(f"{value} {count:,}" for value, count in sorted(told.items())))
    return lines or ["No traits of raters are known, or no group of them is large enough to be shown."]


def bias_lines(rows: pa.Table) -> list[str]:
    """What the score follows: Spearman's rank correlation with what is known of the photos."""
    table = rows.to_pydict()
    table["megapixels"] = [w * h / 1e6 for w, h in zip(table["width"], table["height"], strict=True)]
    lines = []
    for column, name in SUSPECTS.items():
        pairs = [
            (a, s)
            for a, s in zip(table.get(column, []), table["score"], strict=False)
            if a is not None and s is not None
        ]
        found = rank_correlation([float(a) for a, _ in pairs], [float(s) for _, s in pairs])
        if found is not None and len(pairs) >= LEAST_FOR_BIAS:
            lines.append(f"| {name} | {len(pairs):,} | {found:+.3f} |")
    head = ["| the score against | photos | rank correlation |", "| --- | ---: | ---: |"]
    return [*head, *lines, *_camera_lines(table)] if lines else ["Too few photos to measure what the score follows."]


def _camera_lines(table: dict[str, list[Any]]) -> list[str]:
    """How far the mean scores of cameras' makers lie apart, as a share of the scores' variance."""
    known = [(m, s) for m, s in zip(table["camera_make"], table["score"], strict=True) if m and s is not None]
    if len(known) < LEAST_FOR_BIAS or len({m for m, _ in known}) < 2:
        return []
    scores = np.array([s for _, s in known])
    means = {make: np.mean([s for m, s in known if m == make]) for make in {m for m, _ in known}}
    between = np.var([means[m] for m, _ in known])
    share = between / np.var(scores) if np.var(scores) > 0 else 0.0
    return ["", f"Makers of cameras explain {share:.1%} of the variance of the scores ({len(known):,} photos)."]


def histogram_svg(values: npt.NDArray[np.float64], label: str, bins: int = 24) -> str:
    """A histogram as SVG text, the same bytes everywhere.

    Parameters
    ----------
    values : float64 array, shape (N,)
        Scores in scale units.
    """
    counts, edges = np.histogram(values, bins=bins)
    width, height, left, bottom = 640, 260, 46, 34
    step, tallest = (width - left - 10) / bins, max(int(counts.max()), 1)
    bars = []
    for number, count in enumerate(counts.tolist()):
        tall = (height - bottom - 14) * count / tallest
        x, y = left + number * step, height - bottom - tall
        bars.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{step - 1:.1f}" height="{tall:.1f}" fill="#3d6b8c"/>')
    ticks = [
        f'<text x="{left + place * step:.1f}" y="{height - bottom + 16}" text-anchor="middle">{edges[place]:.2f}</text>'
        for place in range(0, bins + 1, bins // 4)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="#ffffff"/>{"".join(bars)}{"".join(ticks)}'
        f'<text x="{left - 6}" y="20" text-anchor="end">{tallest}</text>'
        f'<text x="{left - 6}" y="{height - bottom}" text-anchor="end">0</text>'
        f'<text x="{width / 2}" y="{height - 4}" text-anchor="middle">{label}</text></svg>\n'
    )

"""Known biases, measured: does the score follow resolution, camera, or age of the photo?"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from flows.release.compare import rank_correlation

SUSPECTS = {
    "megapixels": "resolution (megapixels)",
    "aspect": "width / height",
    "captured_year": "year in which it was taken",
    "brightness": "brightness",
    "contrast": "contrast",
    "colorfulness": "colourfulness",
    "saturation": "saturation",
    "sharpness": "sharpness",
    "iso": "ISO speed",
    "focal_length_mm": "focal length",
    "n": "number of ratings",
}
"""What a score should not follow, or should be known to follow."""
KINDS = {"camera_make": "maker of the camera", "format": "file format", "image_kind": "original or rendition",
         "selected_by": "how it was chosen for rating", "stratum": "stratum it was chosen from"}  # fmt: skip
"""What tells photos apart in kinds."""

LEAST_FOR_BIAS = 20
WEAK = 0.1
"""Correlations below are not worth a warning (Cohen's small effect)."""


@dataclass(frozen=True)
class Bias:
    """How far the score follows something that is known of photos.

    Parameters
    ----------
    what : str
    photos : int
        Photos of which it is known.
    figure, low, high : float or None
        Spearman's rank correlation with its 95 % interval (Bonett and Wright 2000), or the share of the scores'
        variance that lies between kinds, corrected for chance (omega squared); None where it does not vary.
    kinds : int
        Number of kinds; 0 for a rank correlation.
    """

    what: str
    photos: int
    figure: float | None
    low: float | None = None
    high: float | None = None
    kinds: int = 0

    @property
    def notable(self) -> bool:
        """It is not small, and not by chance."""
        if self.figure is None:
            return False
        if self.kinds:
            return self.figure >= WEAK**2
        return abs(self.figure) >= WEAK and self.low is not None and self.high is not None and self.low * self.high > 0

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        if self.figure is None:
            return f"{self.what}: the same for all {self.photos:,} photos of which it is known."
        if self.kinds:
            return f"{self.what}: {self.kinds} kinds explain {self.figure:.1%} of the variance of the scores."
        return f"{self.what}: rank correlation {self.figure:+.2f} ({self.low:+.2f} to {self.high:+.2f})."


def biases(rows: pa.Table) -> list[Bias]:
    """All that can be measured in the rows of `default`, whatever comes of it."""
    table = {name: rows[name].to_pylist() for name in rows.column_names if name in {*SUSPECTS, *KINDS, "score"}}
    sizes = list(zip(rows["width"].to_pylist(), rows["height"].to_pylist(), strict=True))
    table["megapixels"] = [w * h / 1e6 for w, h in sizes]
    table["aspect"] = [w / h for w, h in sizes]
    found = []
    for column, what in SUSPECTS.items():
        known = [(a, s) for a, s in zip(table.get(column, ()), table["score"], strict=False)
                 if a is not None and s is not None]  # fmt: skip
        if len(known) >= LEAST_FOR_BIAS:
            found.append(_follows(what, [float(a) for a, _ in known], [float(s) for _, s in known]))
    for column, what in KINDS.items():
        kinds = [(k, s) for k, s in zip(table.get(column, ()), table["score"], strict=False) if k and s is not None]
        if len(kinds) >= LEAST_FOR_BIAS:
            found.append(_between(what, kinds))
    return found


def _follows(what: str, values: list[float], scores: list[float]) -> Bias:
    r = rank_correlation(values, scores)
    n = len(values)
    if r is None:
        return Bias(what, n, None)
    if abs(r) >= 1:
        return Bias(what, n, r, r, r)
    reach = 1.96 * math.sqrt((1 + r * r / 2) / (n - 3))
    return Bias(what, n, r, math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach))


def _between(what: str, known: list[tuple[str, float]]) -> Bias:
    """Omega squared of a one-way analysis of variance: 0 is what chance alone would give."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for kind, score in known:
        by_kind[kind].append(score)
    n, k = len(known), len(by_kind)
    scores = np.array([score for _, score in known])
    total = float(((scores - scores.mean()) ** 2).sum())
    if k < 2 or n - k < 1 or total == 0:
        return Bias(what, n, None)
    between = float(sum(len(own) * (np.mean(own) - scores.mean()) ** 2 for own in by_kind.values()))
    within = (total - between) / (n - k)
    return Bias(what, n, max(0.0, (between - (k - 1) * within) / (total + within)), kinds=k)


def bias_lines(found: list[Bias]) -> list[str]:
    """A table, and what it says."""
    if not found:
        return [f"Fewer than {LEAST_FOR_BIAS} photos: too few to measure what the score follows."]
    lines = ["| the score against | photos | rank correlation | 95 % interval |", "| --- | ---: | ---: | --- |"]
    for bias in found:
        if bias.kinds:
            continue
        figure = "does not vary" if bias.figure is None else f"{bias.figure:+.2f}"
        interval = "" if bias.low is None or bias.high is None else f"{bias.low:+.2f} to {bias.high:+.2f}"
        lines.append(f"| {bias.what} | {bias.photos:,} | {figure} | {interval} |")
    kinds = [bias for bias in found if bias.kinds]
    lines += ["", *(f"- {bias.sentence}" for bias in kinds)] if kinds else []
    notable = [bias.what for bias in found if bias.notable]
    lines += ["", f"**Worth knowing when you train on it: the score follows {', '.join(notable)}.**" if notable else
              "Nothing measured here moves the score by more than a small effect."]  # fmt: skip
    return [*lines, "", "Correlation is not cause: what is photographed differs between cameras, years and formats."]

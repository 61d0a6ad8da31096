"""How the scales of batches are linked over their anchors: shift, stretch, and an alarm where a batch has drifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import stats

from labeling.scoring.drift import DRIFT_ALARM, Link, link_by_anchors
from labeling.scoring.mos import LEVEL
from labeling.scoring.reliability import Figure
from labeling.scoring.two_way import TwoWay
from labeling.scoring.votes import Floats
from schemas.codes import TaskRole

FEWEST_ANCHORS = 3
ABOUT = "anchors"


@dataclass(frozen=True)
class BatchLink:
    """A batch's scale beside that of the first one.

    Parameters
    ----------
    batch : str
        Its id.
    anchors : int
        Photos that both have as anchors.
    shift, low, high : float
        Mean over the anchors of (this batch's mean vote - the first one's), with its 95 % t interval.
    link : Link or None
        The line that brings this batch onto the first one's scale; None where its anchors have no spread.
    """

    batch: str
    anchors: int
    shift: float
    low: float
    high: float
    link: Link | None

    def figures(self) -> list[Figure]:
        """For the table of reliability."""
        found = [Figure("batch_shift", self.shift, self.low, self.high, ABOUT)]
        if self.link:
            half = 1.96 * self.link.slope_se
            found.append(Figure("batch_slope", self.link.slope, self.link.slope - half, self.link.slope + half, ABOUT))
        return found

    def notes(self, fit: TwoWay) -> list[str]:
        """An alarm where the shift exceeds .25 SD of a rater's votes around the model."""
        sd = float(np.sqrt(np.nanmean(fit.inconsistency**2))) if np.isfinite(fit.inconsistency).any() else 0.0
        if abs(self.shift) <= DRIFT_ALARM * sd or self.low <= 0 <= self.high:
            return []
        return [
            f"Batch {self.batch} is {abs(self.shift):.2f} {'above' if self.shift > 0 else 'below'} the first one on "
            f"{self.anchors} anchors ({self.low:.2f} to {self.high:.2f}), more than {DRIFT_ALARM} SD: its raters, "
            "display or instructions may have changed. The release default takes out what raters' levels explain."
        ]


def batch_links(table: pa.Table) -> list[BatchLink]:
    """Every later batch against the first one that has anchors.

    Parameters
    ----------
    table : pyarrow.Table
        Counted ratings: `photo_id`, `batch_id`, `role`, `value` and `submitted_at` are read.

    Returns
    -------
    list of BatchLink
        In the order in which the batches were rated; without those that share fewer than three anchors.

    Examples
    --------
    >>> votes = {"batch_id": list("aaabbb"), "photo_id": list("123123"), "value": [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]}
    >>> table = pa.table({**votes, "role": ["anchor"] * 6, "submitted_at": pa.nulls(6, pa.timestamp("us"))})
    >>> [(link.batch, link.shift) for link in batch_links(table)]
    [('b', 1.0)]
    """
    anchors = table.filter(
        pa.compute.and_(pa.compute.equal(table["role"], TaskRole.ANCHOR.value), pa.compute.is_valid(table["batch_id"]))
    )
    if not anchors.num_rows:
        return []
    begun = anchors.group_by("batch_id").aggregate([("submitted_at", "min")]).to_pylist()
    order = sorted(begun, key=lambda row: (str(row["submitted_at_min"] or "9999"), row["batch_id"]))
    means = anchors.group_by(["batch_id", "photo_id"]).aggregate([("value", "mean")]).to_pylist()
    by_batch: dict[str, dict[str, float]] = {row["batch_id"]: {} for row in order}
    for row in means:
        by_batch[row["batch_id"]][row["photo_id"]] = row["value_mean"]
    first, *later = [row["batch_id"] for row in order]
    links = []
    for batch in later:
        common = sorted(by_batch[first].keys() & by_batch[batch].keys())
        if len(common) >= FEWEST_ANCHORS:
            reference = np.array([by_batch[first][photo] for photo in common])
            links.append(_link(batch, reference, np.array([by_batch[batch][photo] for photo in common])))
    return links


def _link(batch: str, reference: Floats, other: Floats) -> BatchLink:
    difference = other - reference
    shift, n = float(difference.mean()), len(difference)
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * difference.std(ddof=1) / np.sqrt(n))
    told = other.std() > 1e-9 and reference.std() > 1e-9
    return BatchLink(batch, n, shift, shift - half, shift + half, link_by_anchors(reference, other) if told else None)

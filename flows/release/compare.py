"""What changed between two versions, for scientists; and which number the change asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy.stats import spearmanr

from flows.release.baselines import new_figures
from flows.release.wide import axes_of, wide
from schemas.errors import WrongUse
from warehouse.releases.folder import version_key

if TYPE_CHECKING:
    from flows.release.build import Material

FIRST_VERSION = "1.0.0"
LEAST_FOR_CORRELATION = 3


class Bump(IntEnum):
    """Which part of the version number rises."""

    NONE = 0
    PATCH = 1
    """The card, or what is known of photos."""
    MINOR = 2
    """Photos, ratings or scores came, went or changed."""
    MAJOR = 3
    """The meaning of a column, or a photo's split, changed."""


@dataclass(frozen=True)
class Moved:
    """A score that left the interval that it had."""

    photo_id: str
    before: float
    after: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class AxisChange:
    """What became of one question's scores, over the photos of both versions."""

    axis: str
    photos: int
    rank_correlation: float | None
    largest_move: float
    mean_move: float
    moved: tuple[Moved, ...]


@dataclass(frozen=True)
class Difference:
    """All that changed from one version to another."""

    photos_added: tuple[str, ...] = ()
    photos_removed: tuple[str, ...] = ()
    photos_changed: int = 0
    split_moves: tuple[str, ...] = ()
    ratings_added: int = 0
    ratings_removed: int = 0
    raters_added: int = 0
    raters_removed: int = 0
    raters: tuple[int, int] = (0, 0)
    meaning: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    axes: tuple[AxisChange, ...] = ()
    scores_changed: int = 0
    columns_added: tuple[str, ...] = ()
    baselines: bool = False
    predictions: dict[str, Any] = field(default_factory=dict)

    @property
    def bump(self) -> Bump:
        """Decided from what changed, never from what somebody says."""
        if self.split_moves or self.meaning:
            return Bump.MAJOR
        rows = (self.photos_added, self.photos_removed, self.ratings_added, self.ratings_removed, self.scores_changed)
        if any(rows) or self.columns_added:
            return Bump.MINOR
        return Bump.PATCH if self.photos_changed or self.settings or self.baselines else Bump.NONE


def compare(before: Material, after: Material) -> Difference:
    """Everything that changed between two versions of a dataset."""
    old, new = _by_id(before.tables["photos"]), _by_id(after.tables["photos"])
    both = [photo_id for photo_id in new if photo_id in old]
    ratings, raters = _ids(before, "rating_id"), _ids(before, "rater_id")
    ratings_after, raters_after = _ids(after, "rating_id"), _ids(after, "rater_id")
    first, second = _wide(before), _wide(after)
    axes, changed = _axis_changes(first, second)
    ignored = {"split", "ordinal", "first_version", "group_id"}
    return Difference(
        photos_added=tuple(p for p in new if p not in old),
        photos_removed=tuple(p for p in old if p not in new),
        photos_changed=sum(
            any(new[p].get(c) != v for c, v in old[p].items() if c not in ignored) for p in both
        ),
        split_moves=tuple(p for p in both if old[p]["split"] != new[p]["split"]),
        ratings_added=len(ratings_after - ratings),
        ratings_removed=len(ratings - ratings_after),
        raters_added=len(raters_after - raters),
        raters_removed=len(raters - raters_after),
        raters=(len(raters), len(raters_after)),
        meaning=_changes_of_meaning(before, after, first, second),
        settings=tuple(sorted(
            key for key in {**before.facts["settings"], **after.facts["settings"]}
            if before.facts["settings"].get(key) != after.facts["settings"].get(key)
        )),
        axes=axes,
        scores_changed=changed,
        columns_added=tuple(c for c in second.column_names if c not in first.column_names),
        baselines=new_figures(before.facts.get("baselines", {}), after.facts.get("baselines", {})),
    )  # fmt: skip


def next_version(before: str, difference: Difference, wanted: str = "", taken: Collection[str] = ()) -> str:
    """The number of the next version; a person may ask for more than the difference, never for less.

    Parameters
    ----------
    taken : collection of str
        Numbers of withdrawn versions: a number is never used again.
    """
    least = difference.bump
    if wanted:
        try:
            asked = Bump[wanted.upper()]
        except KeyError as error:
            raise WrongUse(f"--bump: expected major, minor or patch, got '{wanted}'.") from error
        if asked < least:
            raise WrongUse(
                f"--bump {wanted}: what changed asks for {least.name.lower()} at least"
                f" ({'; '.join(difference.meaning) or 'photos, ratings or scores changed'})."
            )
        least = asked
    number = before
    while number == before or number in taken:
        major, minor, patch = version_key(number)
        number = f"{major}.{minor + 1}.0" if least is Bump.MINOR else f"{major}.{minor}.{patch + 1}"
        if least is Bump.MAJOR:
            number = f"{major + 1}.0.0"
    return number


def _by_id(photos: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["photo_id"]: row for row in photos.to_pylist()}


def _ids(material: Material, column: str) -> set[str]:
    table = material.tables.get("ratings")
    return set() if table is None else set(table[column].to_pylist())


def _wide(material: Material) -> pa.Table:
    scores = material.tables["scores"]
    axes = axes_of(scores, material.settings.question, str(material.facts.get("question_before", "")))
    return wide(material.tables["photos"], scores, axes, material.method)


def _changes_of_meaning(before: Material, after: Material, first: pa.Table, second: pa.Table) -> tuple[str, ...]:
    """Why a column of the same name no longer means the same, or is gone."""
    found = []
    if before.method != after.method:
        found.append(f"scores are made by {after.method} instead of {before.method}")
    old, new = (
        axes_of(m.tables["scores"], m.settings.question, str(m.facts.get("question_before", "")))[0]
        for m in (before, after)
    )
    if (old.question, old.scale) != (new.question, new.scale):
        found.append(f"the plain columns answer {new.question} ({new.scale}), not {old.question} ({old.scale})")
    gone = [name for name in first.column_names if name not in second.column_names]
    found += [f"column {name} is gone" for name in gone]
    found += [
        f"column {field.name} is {second.schema.field(field.name).type} instead of {field.type}"
        for field in first.schema
        if field.name in second.column_names and second.schema.field(field.name).type != field.type
    ]
    for key in ("images", "rendition_short_side", "rendition_quality", "pseudonyms"):
        if before.facts["settings"].get(key) != after.facts["settings"].get(key):
            found.append(f"setting publish.{key} changed")
    return tuple(found)


def _axis_changes(first: pa.Table, second: pa.Table) -> tuple[tuple[AxisChange, ...], int]:
    """Scores of photos in both versions, for every axis of both; and how many figures changed at all."""
    names = [c[: -len("mos")] for c in first.column_names if c == "mos" or c.endswith("_mos")]
    before = {row["photo_id"]: row for row in first.to_pylist()}
    after = {row["photo_id"]: row for row in second.to_pylist()}
    both = [photo_id for photo_id in after if photo_id in before]
    found, changed = [], 0
    for prefix in names:
        if f"{prefix}score" not in second.column_names:
            continue
        columns = [f"{prefix}{c}" for c in ("score", "mos", "n", "histogram")]
        changed += sum(any(before[p][c] != after[p][c] for c in columns) for p in both)
        rows = [
            (p, before[p][f"{prefix}score"], after[p][f"{prefix}score"], before[p][f"{prefix}ci_low"],
             before[p][f"{prefix}ci_high"])
            for p in both
        ]  # fmt: skip
        rows = [row for row in rows if row[1] is not None and row[2] is not None]
        moves = np.array([abs(row[2] - row[1]) for row in rows])
        found.append(
            AxisChange(
                axis=prefix.rstrip("_"),
                photos=len(rows),
                rank_correlation=rank_correlation([r[1] for r in rows], [r[2] for r in rows]),
                largest_move=float(moves.max(initial=0.0)),
                mean_move=float(moves.mean()) if len(moves) else 0.0,
                moved=tuple(
                    Moved(p, old, new, low, high)
                    for p, old, new, low, high in rows
                    if low is not None and high is not None and not low <= new <= high
                ),
            )
        )
    return tuple(found), changed


def rank_correlation(a: list[float], b: list[float]) -> float | None:
    """Spearman's rank correlation; None for fewer than three pairs, or where one side does not vary."""
    if len(a) < LEAST_FOR_CORRELATION or len(set(a)) < 2 or len(set(b)) < 2:
        return None
    return float(spearmanr(a, b).statistic)


def changes_text(version: str, previous: str, difference: Difference | None, photos: int, before: str) -> str:
    """`CHANGES.md`: this version's changes, and those of the versions before."""
    lines = ["# Changes", "", f"## {version}", ""]
    if difference is None:
        lines += [f"- The first version: {photos:,} photos.", ""]
    else:
        lines += [f"Since {previous}:", "", *(f"- {line}" for line in difference_lines(difference)), ""]
    older = before.partition("\n## ")[2]
    return "\n".join(lines) + (f"\n## {older}" if older else "")


def difference_lines(difference: Difference) -> list[str]:
    """The difference in sentences, what matters most first."""
    d = difference
    lines = [f"**Meaning:** {text}." for text in d.meaning]
    if d.split_moves:
        lines.append(f"**{len(d.split_moves):,} photos moved to another split.**")
    lines.append(f"Photos: {len(d.photos_added):,} came, {len(d.photos_removed):,} went.")
    lines.append(f"Ratings: {d.ratings_added:,} came, {d.ratings_removed:,} went.")
    if d.raters_added or d.raters_removed:
        lines.append(
            f"Raters: {d.raters[0]:,} before, {d.raters[1]:,} now ({d.raters_added:,} new, {d.raters_removed:,} gone)."
        )
    for axis in d.axes:
        name = f" of {axis.axis}" if axis.axis else ""
        text = f"Scores{name} of {axis.photos:,} photos in both versions: moved by {axis.mean_move:.3f} on average"
        text += f", {axis.largest_move:.3f} at most; {len(axis.moved):,} left the interval they had"
        if axis.rank_correlation is not None:
            text += f"; rank correlation between the versions {axis.rank_correlation:.4f}"
        lines.append(text + ".")
    if d.photos_changed:
        lines.append(f"What is known of photos changed for {d.photos_changed:,}.")
    if d.columns_added:
        lines.append(f"New columns: {', '.join(d.columns_added)}.")
    if d.baselines:
        lines.append("The card tells what trained heads reach.")
    if d.settings:
        lines.append(f"Changed settings: {', '.join(d.settings)}.")
    return lines

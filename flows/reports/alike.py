"""The part of the duplicates' page on photos that are alike in an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation.duplicates.groups import Group, ordered
from flows.deduplication.semantic import Alike
from flows.reports.album import Album
from flows.reports.page import Page
from schemas.codes import SemanticPolicy
from schemas.settings import DedupeSettings

MOST_GROUPS = 40
MOST_TILES = 16


def loosest(alike: Alike) -> list[Group]:
    """The groups that the page shows."""
    return sorted(alike.groups, key=lambda one: (-_furthest(alike, one), one.group_id))[:MOST_GROUPS]


def _furthest(alike: Alike, one: Group) -> float:
    return max(alike.distances[ordered(one.representative, other)] for other in one.others)


def write_alike(page: Page, settings: DedupeSettings, alike: Alike, shown: Sequence[Group], album: Album) -> None:
    """Add the chapter, where such photos are looked for."""
    if settings.semantic is SemanticPolicy.OFF:
        return
    what = {
        SemanticPolicy.REPORT: "All of them go on to be rated.",
        SemanticPolicy.LEAVE_OUT: "The first of each group goes on to be rated.",
    }[settings.semantic]
    part = (
        f" The {len(shown)} loosest of {len(alike.groups):,} groups are shown."
        if len(shown) < len(alike.groups)
        else ""
    )
    page.heading(
        "Alike, and not the same picture",
        f"Within {settings.semantic_distance:g} (1 - cosine) of the first photo in {alike.method}. {what}{part}",
    )
    if not shown:
        page.text("There are none within the distance, among photos that have vectors.")
    for one in shown:
        tiles = [album.tile(one.representative, "the first", "good")]
        for other in one.others[: MOST_TILES - 1]:
            distance: Any = alike.distances[ordered(one.representative, other)]
            tiles.append(album.tile(other, f"{distance:.4f} from it"))
        more = f", {MOST_TILES} are shown" if len(one.others) >= MOST_TILES else ""
        page.sheet(f"{len(one.others) + 1} photos{more}", tiles, f"Up to {_furthest(alike, one):.4f} apart.")

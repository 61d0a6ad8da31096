"""The page on duplicates: doubtful pairs first, then the groups as contact sheets, then bursts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from flows.context import Run
from flows.deduplication.semantic import Alike
from flows.reports.album import Album
from flows.reports.alike import loosest, write_alike
from flows.reports.drawing import BLUE, ORANGE, new_plot, styled, svg_of
from flows.reports.page import Page, Tile
from schemas.codes import Relation

MOST_PAIRS = 16
PAIRS_OF_ONE_PHOTO = 2
MOST_GROUPS = 150
MOST_BURSTS = 40
MOST_TILES = 16
LOGARITHMIC_FROM = 100
"""Pairs from which a few in doubt would not show beside the many that are not."""

FIGURES = """
    SELECT (SELECT count(*) FROM photos) AS photos,
        (SELECT count(DISTINCT group_id) FROM duplicates) AS groups,
        (SELECT count(*) FROM duplicates WHERE photo_id <> representative_id) AS copies,
        (SELECT count(DISTINCT burst_id) FROM bursts) AS bursts,
        (SELECT count(*) FROM duplicate_pairs
         WHERE measure >= ? AND coalesce(agreeing, 1) >= ? AND relation <> 'semantic') AS same,
        (SELECT count(*) FROM duplicate_pairs WHERE relation <> 'semantic') AS looked
"""
DOUBTFUL = """
    SELECT photo_a, photo_b, method, distance, measure, agreeing, form,
        least(measure - $1, agreeing - $2) AS margin
    FROM duplicate_pairs SEMI JOIN photos a ON a.photo_id = photo_a SEMI JOIN photos b ON b.photo_id = photo_b
    WHERE agreeing > 0 ORDER BY abs(margin), photo_a, photo_b, method LIMIT $3
"""
LARGEST = """
    WITH sizes AS (SELECT group_id, count(*) AS size, max(distance) AS furthest FROM duplicates GROUP BY group_id
                   ORDER BY furthest DESC, size DESC, group_id LIMIT $1)
    SELECT d.*, size, furthest FROM duplicates d JOIN sizes USING (group_id)
    ORDER BY furthest DESC, size DESC, group_id, (photo_id <> representative_id), distance, photo_id
"""
FRAMES = """
    SELECT b.* FROM bursts b
    SEMI JOIN (SELECT DISTINCT burst_id FROM bursts ORDER BY burst_id LIMIT $1) c USING (burst_id)
    ORDER BY burst_id, position
"""
WORDS = {
    Relation.EXACT: "equal pixels",
    Relation.NEAR: "near copy",
    Relation.MIRROR: "mirrored",
    Relation.TURNED: "turned",
    Relation.SEMANTIC: "alike in the embedding",
}

Row = Mapping[str, Any]


def write_report(run: Run, alike: Alike) -> Path:
    """Write ``reports/duplicates.html``."""
    settings = run.settings.dedupe
    limits = [settings.least_measure, settings.least_agreeing]
    figures = run.warehouse.query(FIGURES, limits).to_pylist()[0]
    doubtful = varied(run.warehouse.query(DOUBTFUL, [*limits, 40 * MOST_PAIRS]).to_pylist())
    members = run.warehouse.query(LARGEST, [MOST_GROUPS]).to_pylist()
    groups = [list(rows)[:MOST_TILES] for _, rows in groupby(members, lambda row: row["group_id"])]
    frames = run.warehouse.query(FRAMES, [MOST_BURSTS]).to_pylist()
    bursts = [list(rows)[:MOST_TILES] for _, rows in groupby(frames, lambda row: row["burst_id"])]
    shown = {row[key] for row in doubtful for key in ("photo_a", "photo_b")}
    shown |= {row["photo_id"] for rows in (*groups, *bursts) for row in rows}
    alike_groups = loosest(alike)
    shown |= {photo for one in alike_groups for photo in (one.representative, *one.others[:MOST_TILES])}
    album = Album.of(run, shown)
    page = Page(
        "Copies and near copies",
        "Each group is one photograph; the first picture of a group stands for it and goes on to be rated. "
        "Nothing is deleted.",
    )
    _figures(page, run, figures)
    _doubtful(page, doubtful, album)
    _groups(page, groups, figures["groups"], album)
    write_alike(page, settings, alike, alike_groups, album)
    _bursts(page, bursts, figures["bursts"], album)
    return page.write(run.warehouse.location.local("reports", "duplicates.html"))


def varied(pairs: Sequence[Row]) -> list[Row]:
    """The first pairs, but few of any one photo, so that one group does not fill the page."""
    seen: Counter[str] = Counter()
    chosen: list[Row] = []
    for row in pairs:
        both = (row["photo_a"], row["photo_b"])
        if len(chosen) < MOST_PAIRS and all(seen[photo] < PAIRS_OF_ONE_PHOTO for photo in both):
            seen.update(both)
            chosen.append(row)
    return chosen


def _figures(page: Page, run: Run, figures: Row) -> None:
    settings = run.settings.dedupe
    page.numbers(
        {
            "photos": f"{figures['photos']:,}",
            "groups": f"{figures['groups']:,}",
            "copies left out": f"{figures['copies']:,}",
            "photos that go on": f"{figures['photos'] - figures['copies']:,}",
            "pairs looked at": f"{figures['looked']:,}",
            "held to be the same": f"{figures['same']:,}",
            "bursts": f"{figures['bursts']:,}",
        }
    )
    page.text(
        f"Every pair whose fingerprints differ in at most {settings.radius} of 64 bits is looked at again: the "
        f"pictures are laid over each other and compared block by block. They are the same from a likeness of "
        f"{settings.least_measure:g} on, where at least {settings.least_agreeing:.0%} of the blocks agree. "
        f"Mirrored copies are {_policy(settings.mirrored_is_same)}, turned ones {_policy(settings.turned_is_same)} "
        f"(salon.toml, [dedupe])."
    )
    relations = run.warehouse.query(
        "SELECT relation, count(*) AS n, min(distance) AS nearest, median(distance) AS middle, "
        "max(distance) AS furthest "
        "FROM duplicates WHERE photo_id <> representative_id GROUP BY relation ORDER BY n DESC, relation"
    ).to_pylist()
    if relations:
        page.table(
            ("relation to the representative", "photos", "bits: least", "median", "most"),
            [
                (WORDS[Relation(row["relation"])], row["n"], *(row[k] for k in ("nearest", "middle", "furthest")))
                for row in relations
            ],
        )
    _plot(page, run)


def _policy(same: bool) -> str:
    return "the same photo" if same else "photos of their own"


def _plot(page: Page, run: Run) -> None:
    """Likeness of all pairs that were looked at: how far the two kinds lie apart, and where the limit is."""
    rows = run.warehouse.query(
        "SELECT least(measure, agreeing) AS likeness, verified FROM duplicate_pairs WHERE agreeing IS NOT NULL"
    )
    if rows.num_rows < 2:
        return
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    likeness, verified = np.asarray(rows["likeness"]), np.asarray(rows["verified"])
    with styled():
        figure, axes = new_plot(9, 2.4)
        axes.hist(
            [likeness[verified], likeness[~verified]],
            bins=np.linspace(0, 1, 41).tolist(),
            stacked=True,
            color=[BLUE, ORANGE],
            label=["the same", "different"],
        )
        axes.set(xlabel="likeness: the lower of measure and agreeing share", ylabel="pairs")
        if len(likeness) > LOGARITHMIC_FROM:
            axes.set_yscale("symlog")
        else:
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, ncols=2, loc="upper center")
        drawn = svg_of(figure)
    page.figure(drawn, "All pairs that were looked at. A gap in the middle means that few are in doubt.")


def _doubtful(page: Page, pairs: Sequence[Row], album: Album) -> None:
    page.heading(
        "Pairs nearest to the limit",
        "The most doubtful ones first, on either side of the limit. Where these are right, all others are.",
    )
    if not pairs:
        page.text("No pair had to be looked at.")
    for number, row in enumerate(pairs, 1):
        same = row["margin"] >= 0
        turned = f", {row['form'].replace('_', ' ')}" if row["form"] else ""
        page.sheet(
            f"{number}. Held to be {'the same' if same else 'different'}{turned}",
            [
                album.tile(row["photo_a"], row["photo_a"][:10], "good" if same else "bad"),
                album.tile(row["photo_b"], row["photo_b"][:10], "good" if same else "bad"),
            ],
            f"likeness {row['measure']:.2f}, {row['agreeing']:.0%} of the blocks agree, "
            f"{row['distance']:.0f} bits apart ({row['method']})",
        )


def _groups(page: Page, groups: Sequence[Sequence[Row]], total: int, album: Album) -> None:
    shown = f"The {len(groups)} loosest of {total:,} are shown." if total > len(groups) else ""
    page.heading("Groups", f"Loosest first, by the distance of the furthest member. {shown}")
    if not groups:
        page.text("There are none: every photo stands for itself.")
    for rows in groups:
        first = rows[0]
        more = f", {MOST_TILES} are shown" if first["size"] > MOST_TILES else ""
        page.sheet(
            f"{first['size']} photos{more}",
            [_member(row, album) for row in rows],
            f"Stands for the group: {first['reason']}. Group {first['group_id']}.",
        )


def _member(row: Row, album: Album) -> Tile:
    if row["relation"] == Relation.REPRESENTATIVE:
        return album.tile(row["photo_id"], "stands for the group", "good")
    distance = f"{row['distance']:.3f}" if row["relation"] == Relation.SEMANTIC else f"{row['distance']:.0f} bits"
    return album.tile(row["photo_id"], f"{WORDS[Relation(row['relation'])]}, {distance}; {row['reason']}")


def _bursts(page: Page, bursts: Sequence[Sequence[Row]], total: int, album: Album) -> None:
    if not bursts:
        return
    shown = f"{len(bursts)} of {total:,} are shown." if total > len(bursts) else ""
    page.heading("Bursts", f"One camera, seconds apart, and alike: which frame is best is for raters to say. {shown}")
    for rows in bursts:
        page.sheet(
            f"{len(rows)} frames",
            [album.tile(row["photo_id"], album.captured_at(row["photo_id"])) for row in rows],
            f"Burst {rows[0]['burst_id']}.",
        )

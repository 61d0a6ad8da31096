"""Personal taste, effects and shortcuts of a release, and the page that shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.context import Run
from flows.learning.concepts import Concepts, concepts_of_photos
from flows.learning.release import Floats, Published, Votes, config
from flows.reports.learning import effects_section, heads_section, in_words, shortcuts_section, taste_section
from flows.reports.learning_plots import agreement_plot
from flows.reports.page import Page, Tile
from flows.reports.thumbnails import file_names, thumbnails
from labeling.learning.clusters import cluster_raters
from labeling.learning.effects import Effect, Shortcut, effects_one_by_one, shortcut_report, standardised_effects
from labeling.learning.fewshot import Episode, Ground, Result, benchmark
from labeling.learning.figures import Figure
from labeling.learning.heads import HeadKind, fit_head
from labeling.learning.taste import (
    BASE,
    OWN_DIRECTIONS,
    Directions,
    features_of,
    find_directions,
    fit_taste,
    panel_of,
    rater_weights,
    with_own_taste,
)
from schemas.codes import Split
from schemas.errors import WrongUse

LEAST_RATERS = 20
"""Raters with votes on training photos below which no taste is learnt."""
NOT_FOR_EFFECTS = ("image_size", "aspect_ratio")
"""Properties that say how large a file is, not what it looks like: they are suspects, not effects."""
SHOWN = 6
MEASURES = (
    "brightness",
    "contrast",
    "colorfulness",
    "saturation",
    "sharpness",
    "entropy",
    "clipped_shadows",
    "clipped_highlights",
    "mean_a",
    "mean_b",
    "std_a",
    "std_b",
)


@dataclass(frozen=True)
class Lessons:
    """What goes with the score, as the page shows it.

    Attributes
    ----------
    effects, concepts : list of Effect
    why_no_concepts : str
        A sentence; empty where there are some.
    shortcuts : list of Shortcut
    """

    effects: list[Effect]
    concepts: list[Effect]
    why_no_concepts: str
    shortcuts: list[Shortcut]


def few_shot(run: Run, published: Published, votes: Votes) -> tuple[list[Result], str]:
    """The few-shot benchmark on the release's own test episodes, and a note on what was done or why nothing was.

    Raters and photos are disjoint: taste and generic score are learnt from votes on training photos by raters who
    are in no test episode.
    """
    try:
        table = config(published.folder, "fewshot")
    except WrongUse:
        return [], "The release has no few-shot episodes."
    rows = table.filter(pc.equal(table["split"], Split.TEST.value)).to_pylist()
    asked = {row["rater_id"] for row in rows}
    learners = np.array([rater not in asked for rater in votes.rater_ids], dtype=bool)
    train = np.zeros(len(published.score), dtype=bool)
    train[published.rows_in(Split.TRAIN)] = True
    own = learners[votes.rater] & train[votes.photo]
    if not rows:
        return [], "No rater has votes enough on test photos for an episode: release more photos or more votes of each."
    if len(np.unique(votes.rater[own])) < LEAST_RATERS:
        return [], f"Fewer than {LEAST_RATERS} raters are in no test episode and voted on training photos."
    ground = _ground(run, published, votes, own, learners[votes.rater])
    place = {photo: row for row, photo in enumerate(published.photo_ids)}
    pairs = [(ground, episode) for row in rows for episode in _episodes(row, place, run.settings.learn.shots)]
    results = benchmark(pairs, run.settings.learn.seed, run.settings.learn.draws)
    raters = len(np.unique(votes.rater[own]))
    return results, (
        f"Learnt from {raters} raters on training photos; judged on test episodes: other raters, other photos. "
        "Rank correlations are means over raters, intervals are over raters. Floors: generic and generic_fitted; "
        "mean_of_others, which nobody has in practice, is the ceiling."
    )


def _ground(run: Run, published: Published, votes: Votes, own: np.typing.NDArray[np.bool_], others: Floats) -> Ground:
    n, k = len(published.score), published.histogram.shape[1]
    count = np.bincount(votes.photo[own], minlength=n)
    total = np.bincount(votes.photo[own], votes.value[own], minlength=n)
    seen = np.flatnonzero(count)
    step = np.rint((votes.value - votes.low) / (votes.high - votes.low) * (k - 1)).astype(np.int64)
    histogram = np.zeros((n, k))
    np.add.at(histogram, (votes.photo[own], np.clip(step[own], 0, k - 1)), 1)
    mean = total[seen] / count[seen]
    head = fit_head(published.vectors[seen], mean, histogram[seen], HeadKind.KERNEL, run.settings.learn.seed)
    generic = head.score(published.vectors)
    generic[seen] = mean
    everyone = np.bincount(votes.photo[others], minlength=n)
    theirs = np.bincount(votes.photo[others], votes.value[others], minlength=n) / np.maximum(everyone, 1)
    directions = directions_of(run, published, OWN_DIRECTIONS)
    features = features_of(generic, float(mean.mean()), directions(published.vectors))
    shared = features[:, : BASE + run.settings.learn.taste_dimensions]
    panel = panel_of(votes.rater[own], votes.photo[own], votes.value[own], generic)
    return Ground(
        generic,
        features,
        fit_taste(shared, panel, kindred=False),
        with_own_taste(fit_taste(shared, panel), directions),
        np.where(everyone > 0, theirs, generic),
    )


def directions_of(run: Run, published: Published, least: int = 0) -> Directions:
    """Directions of taste from the training photos alone: as many as the settings say, or at least so many."""
    learn = run.settings.learn
    count = max(least, learn.taste_dimensions)
    return find_directions(published.vectors[published.rows_in(Split.TRAIN)], count, learn.seed)


def _episodes(row: dict[str, object], place: dict[str, int], shots: tuple[int, ...]) -> list[Episode]:
    """The release's episode, and with its query the same with no support (once per rater: from the smallest)."""
    support, query = row["support_photo_ids"], row["query_photo_ids"]
    assert isinstance(support, list) and isinstance(query, list)
    if any(photo not in place for photo in (*support, *query)):
        return []
    values = np.asarray(row["support_values"], dtype=np.float64)
    asked = np.asarray(row["query_values"], dtype=np.float64)
    rows = np.array([place[p] for p in support], dtype=np.int64)
    wanted = np.array([place[p] for p in query], dtype=np.int64)
    rater, size = str(row["rater_id"]), len(rows)
    found = [Episode(rater, size, rows, values, wanted, asked)]
    if 0 in shots:
        found.append(Episode(rater, 0, rows[:0], values[:0], wanted, asked))
    return found


def effects_of(published: Published, score: Floats | None = None) -> list[Effect]:
    """Effects of image properties on the score (or on what is handed in); none where properties are missing."""
    names = [name for name in MEASURES if name in published.rows.column_names]
    columns = {name: _numbers(published.rows, name) for name in names}
    known = {name: values for name, values in columns.items() if np.isfinite(values).sum() > len(values) / 2}
    try:
        return standardised_effects(known, published.score if score is None else score)
    except ValueError:
        return []


def shortcuts_of(published: Published, votes: Votes) -> list[Shortcut]:
    """Does the score follow resolution, compression, camera or date; and do votes follow the place in the session?"""
    rows = published.rows
    numbers = {}
    if {"width", "height"} <= set(rows.column_names):
        numbers["resolution (pixels)"] = _numbers(rows, "width") * _numbers(rows, "height")
        numbers["shape (width / height)"] = _numbers(rows, "width") / _numbers(rows, "height")
    if "bytes" in rows.column_names:
        pixels = _numbers(rows, "width") * _numbers(rows, "height")
        numbers["compression (bytes per pixel)"] = _numbers(rows, "bytes") / pixels
    if "captured_year" in rows.column_names:
        numbers["date (year)"] = _numbers(rows, "captured_year")
    names = {
        label: rows[column].to_pylist()
        for column, label in (("camera_make", "camera make"), ("camera_model", "camera"), ("source_format", "format"))
        if column in rows.column_names
    }
    known = np.isfinite(votes.position)
    if known.any():
        # Each photo's mean place: photos that happened to be shown late should not score otherwise.
        n = len(published.score)
        count = np.bincount(votes.photo[known], minlength=n)
        total = np.bincount(votes.photo[known], votes.position[known], minlength=n)
        numbers["position in the session"] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return shortcut_report(published.score, numbers, names)


def _numbers(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].cast(pa.float64()).fill_null(np.nan).to_numpy(), dtype=np.float64)


def write_lessons(
    run: Run,
    published: Published,
    votes: Votes,
    heads: dict[str, dict[str, list[Figure]]],
    taste: tuple[list[Result], str],
    predictions: Path,
    path: Path,
) -> Lessons:
    """The page on a release.

    Parameters
    ----------
    predictions : Path
        The kernel head's prediction file.
    """
    page = Page(
        f"What the ratings of {published.name} teach",
        f"In the space of {published.model}.",
        simulated=published.simulated,
    )
    tiles = {
        "scored photos": f"{len(published.score):,}",
        "raters": f"{len(votes.rater_ids):,}",
        "votes": f"{len(votes.value):,}",
    }
    if tested := {f.name: f for f in heads[HeadKind.KERNEL].get(Split.TEST, ())}:
        tiles["kernel head on test photos, SRCC"] = f"{tested['srcc'].value:.3f}"
        tiles["95 % intervals that hold there"] = f"{tested['coverage'].value:.0%}"
    page.numbers(tiles)
    heads_section(page, heads)
    _agreement(page, published, predictions)
    taste_section(page, *taste)
    concepts = concepts_of_photos(run, published)
    effects, named = effects_of(published), effects_one_by_one(concepts.scores, published.score)
    page.heading(
        "Why",
        "Change of the score, in its standard deviations, when a property rises by one of its own. Association, not "
        "cause.",
    )
    if effects:
        effects_section(page, effects, "Image properties", "effect on the score, the other properties held fixed")
    if named:
        effects_section(page, named, "Concepts", "effect on the score, each concept on its own")
    elif concepts.why_none:
        page.text(concepts.why_none)
    _clusters(run, published, votes, page, concepts)
    shortcuts = shortcuts_of(published, votes)
    shortcuts_section(page, shortcuts)
    page.write(path)
    return Lessons(effects, named, concepts.why_none, shortcuts)


def _agreement(page: Page, published: Published, predictions: Path) -> None:
    """Predictions of photos that were not trained on, against people."""
    told = pq.read_table(predictions).to_pydict()
    place = {photo: row for row, photo in enumerate(told["photo_id"])}
    for split in (Split.TEST, Split.VALIDATION):
        rows = published.rows_in(split)
        if len(rows):
            own = [place[published.photo_ids[row]] for row in rows]
            score, low, high = (np.array([told[name][k] for k in own]) for name in ("score", "ci_low", "ci_high"))
            plot = agreement_plot(score, low, high, published.score[rows], f"{split} photos")
            page.figure(plot, "The kernel head on photos that it was not trained on.")


def _clusters(run: Run, published: Published, votes: Votes, page: Page, concepts: Concepts) -> None:
    """Clusters of taste with what they like, in pictures, properties and concepts."""
    if len(votes.rater_ids) < LEAST_RATERS:
        return
    placed = directions_of(run, published)(published.vectors)
    n = len(published.score)
    count = np.bincount(votes.photo, minlength=n)
    mean = np.bincount(votes.photo, votes.value, minlength=n) / np.maximum(count, 1)
    features = features_of(mean, float(mean[count > 0].mean()), placed)
    panel = panel_of(votes.rater, votes.photo, votes.value, mean)
    weights = rater_weights(fit_taste(features, panel), features, panel)[:, BASE:]
    found = cluster_raters(weights, placed, run.settings.learn.clusters, run.settings.learn.seed)
    page.heading(
        "Clusters of taste",
        f"Raters who differ from the mean in the same direction. Separation {found.agreement:.2f} (0: none, taste is a "
        "continuum; 1: clean types). Under each picture, how many scale units more or less than others would give; "
        "blue frames: liked most, orange: least.",
    )
    ids = published.photo_ids
    best = [np.argsort(-liked, kind="stable") for liked in found.preference]
    shown = {ids[k] for order in best for k in (*order[:SHOWN], *order[-SHOWN:])}
    pictures, names = thumbnails(run, sorted(shown)), file_names(run, sorted(shown))
    for number, (order, liked) in enumerate(zip(best, found.preference, strict=True)):
        size = int(np.count_nonzero(found.label == number))
        effects = [e for e in effects_of(published, liked) if e.real][:4]
        effects += [e for e in effects_one_by_one(concepts.scores, liked) if e.real][:4]
        words = ", ".join(f"{'more' if e.effect > 0 else 'less'} {in_words(e.name)} ({e.effect:+.2f})" for e in effects)
        tiles = [
            Tile(pictures[ids[k]], names.get(ids[k], ids[k][:12]), f"{liked[k]:+.2f}", accent)
            for part, accent in ((order[:SHOWN], "good"), (order[-SHOWN:], "bad"))
            for k in part
            if ids[k] in pictures
        ]
        page.sheet(f"Cluster {number + 1}: {size} raters", tiles, f"Likes {words or 'nothing that properties name'}.")

"""The report on a batch that is to be sent: what was chosen against the pool, and what it will cost."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.context import Run
from flows.plan import read_pilot
from flows.reports.drawing import BLUE, GREY, styled, svg_of
from flows.reports.page import Page, Tile
from flows.reports.thumbnails import file_names, thumbnails
from flows.selection.plan import Chosen
from flows.selection.pool import LOGARITHMIC
from labeling.planning import cost_of, half_width
from labeling.protocols.catalogue import resolve
from labeling.selection.flattening import FINE_BINS, bins, flatness
from schemas.codes import TaskRole

MOST_TILES = 240
RATED = (TaskRole.RATE, TaskRole.AUDIT)


def write_report(run: Run, chosen: Chosen) -> Path:
    """Write ``reports/NAME.html``."""
    batch = chosen.batch
    page = Page(
        f"Batch {batch.batch_id}",
        "What raters will see; nothing is sent before `salon send`. Edit the list beside this page and hand it back "
        f"with `salon select --batch {batch.batch_id} --from-list {batch.batch_id}.csv`.",
        simulated=batch.simulated,
    )
    _figures(page, run, chosen)
    _strata(page, chosen)
    _histograms(page, chosen)
    _design(page, chosen)
    page.heading("Photos", "Random: part of the simple random share. Audit: rejected by the filter, shown to check it.")
    page.sheet("Contact sheet", _tiles(run, chosen), _tiles_note(chosen))
    return page.write(run.warehouse.location.local("reports", f"{batch.batch_id}.html"))


def write_list(run: Run, chosen: Chosen) -> Path:
    """Write ``reports/NAME.csv``: a line per photo, to be edited and handed back with --from-list."""
    path = run.warehouse.location.local("reports", f"{chosen.batch.batch_id}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    names = file_names(run, _photos(chosen))
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["photo_id", "file_name", "role", "selected_by", "stratum", "inclusion_probability"])
        for stimulus in sorted(chosen.stimuli, key=lambda s: s.photos):
            if stimulus.role in RATED and len(stimulus.photos) == 1:
                photo = stimulus.photos[0]
                values = (stimulus.role.value, stimulus.selected_by, stimulus.stratum or "", stimulus.probability)
                writer.writerow([photo, names.get(photo, ""), *values])
    part.replace(path)
    return path


def _figures(page: Page, run: Run, chosen: Chosen) -> None:
    study = run.settings.study
    votes = int(chosen.facts["votes"])
    seconds, sd, basis = _spread(run, chosen)
    cost = cost_of(votes, seconds, study.hourly_pay)
    width = half_width(study.overlap, sd)
    figures = {
        "photos": f"{chosen.batch.photos:,}",
        "tasks": f"{len(chosen.tasks):,}",
        "votes": f"{votes:,}",
        "hours of rating": f"{cost.hours:,.1f}",
        f"{study.currency} in pay": f"{cost.pay:,.0f}",
        "interval of a score": f"± {width:.2f}" if math.isfinite(width) else "none: one vote",
    }
    if "inclusion probability of the others" in chosen.facts:
        figures["inclusion probability, random share"] = f"{chosen.facts['inclusion probability of the others']:.4g}"
    page.numbers(figures)
    overlap = _in_other_batches(run, chosen)
    page.text(
        f"Hours and pay at {seconds:.3g} s a vote and {study.hourly_pay:g} {study.currency} an hour; the interval is "
        f"the half-width at 95 % for {study.overlap} votes with a standard deviation of {sd:.3g} scale units. {basis} "
        f"Of these photos, {overlap:,} are in other batches too. Distances between photos: {chosen.candidates.space}."
    )


def _spread(run: Run, chosen: Chosen) -> tuple[float, float, str]:
    """Seconds per vote, standard deviation of votes, and where both come from."""
    study = run.settings.study
    protocol = resolve(study.protocols, chosen.batch.protocol)
    pilot = None if protocol.is_comparison else read_pilot(run, None)
    if pilot is None or (pilot.question, pilot.scale) != (protocol.question, protocol.scale.id):
        return (
            study.seconds_per_vote,
            study.sd,
            "Both are the settings' figures: few or no ratings answer this question on this scale.",
        )
    votes = "simulated votes" if pilot.simulated else "votes"
    return pilot.seconds or study.seconds_per_vote, pilot.spread.sd, f"Both come from {pilot.spread.votes:,} {votes}."


def _strata(page: Page, chosen: Chosen) -> None:
    counts = Counter(
        (s.stratum or "-", s.selected_by) for s in chosen.stimuli if s.role in (TaskRole.RATE, TaskRole.AUDIT)
    )
    kinds = sorted({kind for _, kind in counts})
    names = sorted({name for name, _ in counts})
    if len(names) < 2 and len(kinds) < 2:
        return
    page.heading(
        "Strata",
        "How many photos each stratum gave, by the way they were chosen; 1/3: the lowest of three bins of equal width.",
    )
    page.table(["stratum", *kinds], [[name, *(counts[name, kind] for kind in kinds)] for name in names])


def _histograms(page: Page, chosen: Chosen) -> None:
    """Pool and batch side by side, per property."""
    pool = chosen.candidates.pool
    wanted = set(_photos(chosen))
    picked = [row for row, photo in enumerate(pool.photo_ids) if photo in wanted]
    if not picked or not pool.properties:
        return
    page.heading("Image properties", "Evenness is 1 where a histogram of ten bins is flat.")
    table = []
    for name, values in pool.properties.items():
        codes = bins(values, FINE_BINS)
        table.append([name, flatness(codes, FINE_BINS), flatness(codes[picked], FINE_BINS)])
    page.table(["property", "evenness of the pool", "evenness of the batch"], table)
    page.figure(_plot({name: (values, values[picked]) for name, values in pool.properties.items()}), PLOT_CAPTION)


PLOT_CAPTION = "Shares per bin: the pool (grey) and the batch (blue)."


def _plot(pairs: dict[str, tuple[Any, Any]]) -> str:
    """Small histograms, as SVG."""
    import numpy as np
    from matplotlib.figure import Figure

    columns = 3
    lines = -(-len(pairs) // columns)
    with styled():
        figure = Figure(figsize=(9, 2.1 * lines), layout="constrained")
        for number, (name, (pool, batch)) in enumerate(pairs.items(), start=1):
            axes = figure.add_subplot(lines, columns, number)
            known = pool[np.isfinite(pool)]
            if not len(known):
                continue
            low, high = np.percentile(known, (0.5, 99.5))
            if high <= low:
                low, high = low - 0.5, low + 0.5
            for values, color, alpha in ((known, GREY, 0.45), (batch[np.isfinite(batch)], BLUE, 0.75)):
                counts, edges = np.histogram(values, FINE_BINS, (low, high))
                axes.stairs(counts / max(1, len(values)), edges, fill=True, color=color, alpha=alpha)
            axes.set_title(f"log(1 + {name})" if name in LOGARITHMIC else name, fontsize=10)
            axes.tick_params(labelsize=8)
        return svg_of(figure)


def _design(page: Page, chosen: Chosen) -> None:
    page.heading("Design", "Who sees what.")
    rows = [[name.replace("_", " "), json.dumps(value) if isinstance(value, list) else value]
            for name, value in json.loads(chosen.batch.design).items()]  # fmt: skip
    roles = Counter(task.role for task in chosen.tasks)
    page.table(["", ""], rows + [[f"tasks: {role}", count] for role, count in sorted(roles.items())])


def _photos(chosen: Chosen) -> list[str]:
    """All photos of the batch, once each, in ascending order."""
    return sorted({photo for stimulus in chosen.stimuli for photo in stimulus.photos})


def _tiles_note(chosen: Chosen) -> str:
    total = len(_photos(chosen))
    return f"{MOST_TILES} of {total:,} photos; the list has all." if total > MOST_TILES else ""


def _tiles(run: Run, chosen: Chosen) -> list[Tile]:
    photos = _photos(chosen)
    shown = photos[:: max(1, -(-len(photos) // MOST_TILES))]
    facts = {photo: stimulus for stimulus in chosen.stimuli for photo in stimulus.photos}
    names, pictures = file_names(run, shown), thumbnails(run, shown)
    tiles = []
    for photo in sorted(pictures):
        stimulus = facts[photo]
        accent = {"random": "good", "audit": "doubt"}.get(stimulus.selected_by, "")
        note = f"{stimulus.selected_by}{', ' + stimulus.stratum if stimulus.stratum else ''}"
        tiles.append(Tile(pictures[photo], names.get(photo, photo[:12]), note, accent))
    return tiles


def _in_other_batches(run: Run, chosen: Chosen) -> int:
    rows = run.warehouse.query(
        """SELECT count(DISTINCT photo_id) AS n FROM tasks SEMI JOIN wanted USING (photo_id) WHERE batch_id <> $1""",
        [chosen.batch.batch_id],
        extra={"wanted": pa.table({"photo_id": pa.array(_photos(chosen), pa.string())})},
    )
    return int(rows["n"][0].as_py())

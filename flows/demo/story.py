"""The demo from its first step to its last, in the order in which a person would do it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding

from flows.cli.console import outcome_table
from flows.curate import curate
from flows.dedupe import dedupe
from flows.demo.photos import write_demo_photos
from flows.demo.raters import rate_batch
from flows.labelstudio.collect import collect
from flows.labelstudio.send import send
from flows.labelstudio.server import ServerFolder
from flows.outcome import Outcome
from flows.publish import publish
from flows.report import report
from flows.runtime import run_flow
from flows.score import score
from flows.select import select
from flows.settings import FILE_NAME
from labeling.scoring.measures import MEANING
from schemas.errors import IntegrityFault
from warehouse.renditions import SHOWN
from warehouse.store import Warehouse

NAME = "demo-beauty"
RATERS = 6
OVERLAP = 5
FIRST_BATCH = 16
WAREHOUSE = "warehouse"
PHOTOS = "photos"

SHOWN_FIGURES = frozenset({"icc1", "icc1k", "alpha_interval", "split_half"})
"""Of the reliability figures, those that the demo prints; `salon score` prints them all."""

SETTINGS = f"""\
# Settings of the demo; `salon init` writes a file with every setting.
[study]
protocol = "acr-5"
overlap = {OVERLAP}
# Every rater sees 16 photos: too few for repeats twenty tasks apart.
repeats = 0.0
audit_share = 0.0

[publish]
title = "Salon's demo"
description = "Photos that ship with scikit-image and scikit-learn, rated by a program: for trying things out only."

[publish.gates]
least_n = 2
"""


@dataclass(frozen=True)
class Story:
    """What the demo made.

    Parameters
    ----------
    warehouse : str
        Its folder.
    releases : tuple of str
        The folders of both versions.
    pages : dict of str to str
        What to look at: files, by what they show.
    """

    warehouse: str
    releases: tuple[str, str]
    pages: dict[str, str]


def tell_story(folder: Path, console: Console) -> Story:
    """Run the demo in a folder of its own, which is emptied first; returns what was made.

    Parameters
    ----------
    folder : Path
        Where everything is put.
    console : Console
        Where it is told.
    """
    root = _fresh(folder)
    server = ServerFolder.of(root)
    console.rule("[bold]Salon: the whole way, on photos that come with a dependency", align="left")
    photos = write_demo_photos(folder / PHOTOS)
    console.print(
        f"{photos.scenes} scenes, {photos.copies} near copies of some of them, {photos.broken} broken files "
        f"in {photos.path}"
    )
    _step(
        console,
        "Photos in, near copies and broken files out",
        lambda: run_flow(curate, root=root, sources=[str(photos.path)]),
    )
    groups = _step(console, "Look at the near copies", lambda: run_flow(dedupe, root=root, report=True))
    with _label_studio(server, root, console):
        batch = _round(console, root, FIRST_BATCH)
        first = _release(console, root)
        _round(console, root, None)
        second = _release(console, root)
    scores = _step(console, "Draw the scores", lambda: run_flow(report, root=root))
    _load(console, first, second)
    _show_difference(console, second)
    return Story(
        warehouse=root,
        releases=(first, second),
        pages={
            "groups of near copies": groups.files["report"],
            "the first batch": batch.files["report"],
            "scores and raters": next(iter(scores.files.values())),
            "the release's card": str(Path(second) / "README.md"),
        },
    )


def _fresh(folder: Path) -> str:
    """An empty warehouse with the demo's settings; a Label Studio that an earlier demo left is ended first."""
    root = folder / WAREHOUSE
    if root.exists():
        ServerFolder.of(str(root)).down()
    for part in (WAREHOUSE, PHOTOS):
        shutil.rmtree(folder / part, ignore_errors=True)
    Warehouse.create(root)
    (root / FILE_NAME).write_text(SETTINGS, encoding="utf-8")
    return str(root)


def _step(console: Console, title: str, work: Callable[[], Outcome]) -> Outcome:
    """One step: what it is, and what came of it."""
    console.print(f"\n[bold]{title}[/bold]")
    outcome = work()
    told = MEANING.keys() - SHOWN_FIGURES
    shown = {
        name: value
        for name, value in outcome.counts.items()
        if value not in (0, "") and name.rpartition(": ")[2] not in told
    }
    table = outcome_table(replace(outcome, counts=shown))
    table.title = None
    console.print(table)
    for note in outcome.notes:
        console.print("  " + note, markup=False, highlight=False)
    return outcome


@contextmanager
def _label_studio(server: ServerFolder, root: str, console: Console) -> Iterator[str]:
    """A real Label Studio for the length of the block."""
    console.print("\n[bold]A real Label Studio, on loopback[/bold] (the first time it is installed: some minutes)")
    running = server.up(Path(root) / SHOWN)
    console.print(f"  {running.url}", highlight=False)
    try:
        yield running.url
    finally:
        server.down()


def _round(console: Console, root: str, photos: int | None) -> Outcome:
    """A batch is chosen, sent, rated by the simulated panel, collected and scored; returns how it was chosen."""
    chosen = _step(console, "Choose a batch", lambda: run_flow(select, root=root, n=photos, simulated=True))
    batch = str(chosen.counts["batch"])
    _step(console, "Send it to Label Studio", lambda: run_flow(send, root=root, batch=batch))
    submitted = rate_batch(root, batch, RATERS)
    console.print(
        f"\n[bold]{RATERS} simulated raters[/bold] submitted {submitted} annotations through Label Studio's API. "
        "[yellow]They are a program, not people; every table and the card say so.[/yellow]"
    )
    _step(console, "Collect the ratings", lambda: run_flow(collect, root=root))
    _step(console, "Turn ratings into scores with intervals", lambda: run_flow(score, root=root))
    return chosen


def _release(console: Console, root: str) -> str:
    """Publish; returns the folder of the version."""
    outcome = _step(console, "Publish a release", lambda: run_flow(publish, root=root, name=NAME))
    return outcome.files["release"]


def _load(console: Console, *releases: str) -> None:
    """Load the releases as a researcher would, and look at every picture."""
    import datasets

    datasets.disable_progress_bars()
    console.print("\n[bold]Load both with datasets.load_dataset[/bold]")
    for release in releases:
        loaded = datasets.load_dataset(release, cache_dir=str(Path(release).parents[3] / "datasets-cache"))
        opened = sum(1 for split in loaded.values() for row in split if row["image"].size[0] > 0)
        if not opened:
            raise IntegrityFault(f"{release}: no picture could be opened.")
        sizes = ", ".join(f"{name} {part.num_rows}" for name, part in loaded.items())
        console.print(f"  {Path(release).name}: {sizes}; {opened} pictures opened", highlight=False)


def _show_difference(console: Console, second: str) -> None:
    """What came, what went, how scores moved."""
    console.print("\n[bold]What changed between the two[/bold]")
    text = (Path(second) / "CHANGES.md").read_text(encoding="utf-8")
    console.print(Padding(Markdown(text), (0, 2)))

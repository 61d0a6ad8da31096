"""Progress of long work: a bar for people at a terminal, nothing where nobody looks.

A stage calls `track` and never knows where its progress is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SHOWN = Console(stderr=True)


@dataclass
class Tracker:
    """Counts finished units of one piece of work."""

    _bar: Progress
    _task: int
    bytes_done: int = 0

    def advance(self, units: int = 1, size: int = 0, **details: int) -> None:
        """Some units are finished; `size` in bytes; details are shown by name behind the bar."""
        self.bytes_done += size
        text = " ".join(f"{name} {value}" for name, value in details.items())
        task = self._bar.tasks[self._task]
        rate = f"{self._bar.tasks[self._task].speed or 0:.0f}/s"
        if self.bytes_done and task.elapsed:
            rate += f" {self.bytes_done / 1e6 / task.elapsed:.0f} MB/s"
        self._bar.update(self._bar.task_ids[self._task], advance=units, details=f"{rate} {text}")

    def total(self, units: int) -> None:
        """The amount of work became known."""
        self._bar.update(self._bar.task_ids[self._task], total=units)


@contextmanager
def track(what: str, total: int | None) -> Iterator[Tracker]:
    """Show a bar named `what` while the block runs, where standard error is a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[details]}"),
        TimeRemainingColumn(),
        console=SHOWN,
        disable=not SHOWN.is_terminal,
        transient=True,
    )
    with bar:
        bar.add_task(what, total=total, details="")
        yield Tracker(bar, 0)

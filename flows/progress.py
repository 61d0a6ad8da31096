"""Progress of long work: a bar for people at a terminal, and an artifact of the run in Prefect's interface.

A stage calls `track` and never knows where its progress is shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.outcome import artifact_key

SHOWN = Console(stderr=True)
LOOK_S = 0.1
"""Seconds between two looks of the bar at what was counted."""
REPORT_S = 5.0
"""Seconds between two reports to Prefect; work that ends sooner makes none."""


@dataclass
class Report:
    """How far one piece of work has come, as a progress artifact of the flow run that does it."""

    what: str
    _next: float = field(default_factory=lambda: time.monotonic() + REPORT_S)
    _artifact: UUID | None = None

    def tell(self, done: float, total: float | None, *, over: bool = False) -> None:
        """Tell Prefect, where it is time, or the work is over and was told of before."""
        now = time.monotonic()
        if not total or not (now >= self._next or (over and self._artifact)):
            return
        self._next = now + REPORT_S
        from prefect.artifacts import create_progress_artifact, update_progress_artifact
        from prefect.context import FlowRunContext

        if FlowRunContext.get() is None:
            return
        percent = min(100.0, 100.0 * done / total)
        try:
            if self._artifact is None:
                key = artifact_key("progress", self.what)
                made = create_progress_artifact(percent, key=key, description=f"{self.what}: {total:,.0f} in all")
                self._artifact = made if isinstance(made, UUID) else None
            else:
                update_progress_artifact(self._artifact, percent)
        except Exception:  # noqa: BLE001 - a server that does not answer must not end the work that it only shows
            self._next = float("inf")


@dataclass
class Tracker:
    """Counts finished units of one piece of work."""

    _bar: Progress
    _task: int
    _report: Report
    bytes_done: int = 0
    _unseen: int = 0
    _details: dict[str, int] = field(default_factory=dict)
    _next_look: float = 0.0

    def advance(self, units: int = 1, size: int = 0, **details: int) -> None:
        """Some units are finished; `size` in bytes; details are shown by name behind the bar."""
        self.bytes_done += size
        self._unseen += units
        self._details = details
        now = time.monotonic()
        if now >= self._next_look:  # the bar's own sums over its past cost more than a small photo's hash
            self._next_look = now + LOOK_S
            self.show()

    def show(self) -> None:
        """Bring the bar up to date."""
        task = self._bar.tasks[self._task]
        rate = f"{task.speed or 0:.0f}/s"
        if self.bytes_done and task.elapsed:
            rate += f" {self.bytes_done / 1e6 / task.elapsed:.0f} MB/s"
        text = " ".join(f"{name} {value}" for name, value in self._details.items())
        self._bar.update(self._bar.task_ids[self._task], advance=self._unseen, details=f"{rate} {text}")
        self._unseen = 0
        self._report.tell(task.completed, task.total)

    def over(self) -> None:
        """The work is over."""
        self.show()
        task = self._bar.tasks[self._task]
        self._report.tell(task.completed, task.total, over=True)

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
        tracker = Tracker(bar, 0, Report(what))
        yield tracker
        tracker.over()

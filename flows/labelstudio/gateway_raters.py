"""A rater at work, as the gateway knows them while it runs: what is answered, and how long without a break."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

PAUSE_S = 300.0
"""A pause of so many seconds is a break."""


@dataclass
class Rater:
    """A rater who is logged in."""

    user: int
    rater_id: str
    device: str | None = None
    begun: float | None = None
    last: float = 0.0
    done: dict[int, set[int]] = field(default_factory=dict)
    """Per project: Label Studio's tasks that this rater has answered."""
    ended: set[int] = field(default_factory=set)
    """Shared queues that had nothing for this rater when they were last asked."""

    def count(self, project: int, task: int) -> None:
        """An answer came just now."""
        if project in self.done:
            self.done[project].add(task)
        now = time.monotonic()
        if self.begun is None or now - self.last > PAUSE_S:
            self.begun = now
        self.last = now

    def needs_break(self, after_s: float) -> bool:
        """Whether the rater has been at work for so many seconds."""
        return self.begun is not None and time.monotonic() - self.begun > after_s

    def note_queue(self, project: int, *, is_empty: bool) -> None:
        """A project was asked for the next task, and had none or some."""
        if is_empty:
            self.ended.add(project)
        else:
            self.ended.discard(project)

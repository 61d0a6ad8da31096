"""What a stage did: counts for people, machines and Prefect alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """The result of one run of one stage.

    Parameters
    ----------
    stage : str
        Name of the flow.
    counts : dict of str to int, float or str
        What was done, in reading order, such as ``{"new photos": 20, "quarantined": 1}``.
    notes : tuple of str
        Sentences that a person should read.
    files : dict of str to str
        What was written for people, by a short name: reports, releases.
    again : dict of str to int, float or str, optional
        Those of the counts that would be others if the stage ran again at once, such as ``{"new photos": 0}``; None
        where a run may find work that shows in no table (weights that have arrived, a file to be tried again).
    """

    stage: str
    counts: dict[str, int | float | str]
    notes: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    again: dict[str, int | float | str] | None = None


def artifact_key(*words: str) -> str:
    """The name of an artifact in Prefect, which takes lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(("salon", *words)).lower()).strip("-")


def together(stage: str, outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a stage that is several others, one after the other."""
    counts: dict[str, int | float | str] = {}
    notes: list[str] = []
    files: dict[str, str] = {}
    for outcome in outcomes:
        counts |= {f"{outcome.stage}: {name}": value for name, value in outcome.counts.items()}
        notes += outcome.notes
        files |= outcome.files
    return Outcome(stage=stage, counts=counts, notes=tuple(dict.fromkeys(notes)), files=files)

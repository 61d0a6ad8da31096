"""What a stage did: counts for people, machines and Prefect alike."""

from __future__ import annotations

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
    """

    stage: str
    counts: dict[str, int | float | str]
    notes: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)

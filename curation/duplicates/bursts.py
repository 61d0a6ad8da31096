"""Bursts: photos of one camera, seconds apart, and alike. Which frame is best is a question for raters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.photos import Burst

LONGEST_PAUSE_S = 60.0
"""Two exposures further apart than this are told apart by their looks alone: clocks and zones get lost on the way."""


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """When and with what a photo was taken."""

    photo_id: str
    camera: str
    captured_at: datetime | None
    phash64: int


def are_two_exposures(a: Exposure, b: Exposure) -> bool:
    """Whether two photos that look the same were taken one after the other: then neither is a copy of the other.

    Fractions of a second are lost in many copies, so a difference below one second counts only where both
    times have a fraction.
    """
    if not a.camera or a.camera != b.camera or a.captured_at is None or b.captured_at is None:
        return False
    apart = abs((a.captured_at - b.captured_at).total_seconds())
    if apart < 1 and not (a.captured_at.microsecond and b.captured_at.microsecond):
        return False
    return 0 < apart <= LONGEST_PAUSE_S


def bursts(photos: Iterable[Exposure], seconds: float, radius: int) -> list[Burst]:
    """The bursts among photos, each of at least two frames, ordered by camera, time and photo_id.

    Parameters
    ----------
    seconds : float
        Longest pause between two frames; 0 finds no bursts.
    radius : int
        Most bits by which the hashes of two neighbouring frames differ.
    """
    timed = [(p.camera, p.captured_at, p.photo_id, p) for p in photos if p.camera and p.captured_at is not None]
    if not seconds or not timed:
        return []
    runs: list[list[Exposure]] = []
    last: Exposure | None = None
    for camera, at, _, photo in sorted(timed, key=lambda entry: entry[:3]):
        near = (
            last is not None
            and last.captured_at is not None
            and last.camera == camera
            and (at - last.captured_at).total_seconds() <= seconds
            and (last.phash64 ^ photo.phash64).bit_count() <= radius
        )
        if near:
            runs[-1].append(photo)
        else:
            runs.append([photo])
        last = photo
    return [
        Burst(photo_id=photo.photo_id, burst_id=burst_id(run), position=position)
        for run in runs
        if len(run) > 1
        for position, photo in enumerate(run)
    ]


def burst_id(run: Iterable[Exposure]) -> str:
    """16 hex digits: a hash of the smallest photo_id."""
    return hashlib.sha256(b"burst:" + min(photo.photo_id for photo in run).encode()).hexdigest()[:16]

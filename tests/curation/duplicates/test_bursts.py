"""Frames of one camera, seconds apart and alike, are a burst; copies of one frame are not."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from curation.duplicates.bursts import Exposure, are_two_exposures, bursts

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def exposure(name: str, seconds: float | None, **changes: object) -> Exposure:
    at = None if seconds is None else NOON + timedelta(seconds=seconds)
    fields: dict[str, object] = {"photo_id": name, "camera": "Canon R5", "captured_at": at, "phash64": 0}
    return Exposure(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any change


def test_a_burst_goes_on_while_neighbours_are_near_in_time_and_alike() -> None:
    frames = [exposure("c", 0), exposure("a", 2), exposure("b", 4.5, phash64=0xFF), exposure("d", 60)]
    random.Random(1).shuffle(frames)
    rows = bursts(frames, seconds=3, radius=10)
    assert [(row.photo_id, row.position) for row in rows] == [("c", 0), ("a", 1), ("b", 2)]
    assert len({row.burst_id for row in rows}) == 1


@pytest.mark.parametrize("change", [{"camera": "Nikon Z8"}, {"phash64": 0xFFFF}, {"captured_at": None}, {"camera": ""}])
def test_another_camera_another_look_or_no_time_is_no_burst(change: dict[str, object]) -> None:
    assert bursts([exposure("a", 0), exposure("b", 1, **change)], seconds=3, radius=10) == []


def test_no_seconds_means_no_bursts() -> None:
    assert bursts([exposure("a", 0), exposure("b", 1)], seconds=0, radius=10) == []


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, False), (0.4, False), (2, True), (59, True), (3600, False), (None, False)],
)
def test_two_exposures_are_told_from_copies_by_their_times(seconds: float | None, expected: bool) -> None:
    assert are_two_exposures(exposure("a", 0), exposure("b", seconds)) is expected


def test_fractions_of_a_second_count_where_both_have_them() -> None:
    assert are_two_exposures(exposure("a", 0.1), exposure("b", 0.3))
    assert not are_two_exposures(exposure("a", 0.1), exposure("b", 0.3, camera="Nikon Z8"))

"""The representative is chosen by content, and the reason is the first thing that tells two photos apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from curation.duplicates.representative import Candidate, why


def candidate(**changes: object) -> Candidate:
    fields: dict[str, object] = {
        "photo_id": "b",
        "width": 400,
        "height": 300,
        "pixels": 120_000,
        "bits_per_pixel": 2.0,
        "format": "jpeg",
        "metadata": 3,
        "captured_at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Candidate(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any change


BETTER = [
    ({"width": 800, "height": 600, "pixels": 480_000, "bits_per_pixel": 0.1}, "larger: 800×600 px against 400×300 px"),
    ({"bits_per_pixel": 2.5, "format": "webp"}, "less compressed: 2.50 against 2.00 bits per pixel"),
    ({"format": "png", "metadata": 0}, "format closer to an original: png against jpeg"),
    ({"metadata": 5, "captured_at": None}, "more capture metadata: 5 against 3 facts"),
    ({"captured_at": datetime(2026, 1, 1, tzinfo=UTC)}, "captured earlier: 2026-01-01 00:00:00 against 2026-01-02"),
    ({"photo_id": "a"}, "the smaller photo_id"),
]


@pytest.mark.parametrize(("change", "reason"), BETTER)
def test_each_step_decides_before_the_later_ones(change: dict[str, object], reason: str) -> None:
    better, other = candidate(**({"photo_id": "c"} | change)), candidate()
    assert better.order < other.order
    assert reason in why(better, other)

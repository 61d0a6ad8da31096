from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from labeling.labelstudio.hours import active_seconds
from tests.labeling.labelstudio.annotations import SENT


def test_pauses_over_a_minute_are_no_work() -> None:
    moments = [SENT + timedelta(seconds=s) for s in (0, 10, 20, 500, 530)]
    assert active_seconds(moments, 60) == 50


def test_one_moment_is_no_time() -> None:
    assert active_seconds([SENT], 60) == 0
    assert active_seconds([], 60) == 0


@given(st.lists(st.integers(0, 5000), max_size=20), st.integers(1, 300))
def test_work_is_never_longer_than_the_whole_and_order_does_not_matter(seconds: list[int], idle: int) -> None:
    moments = [SENT + timedelta(seconds=s) for s in seconds]
    total = active_seconds(moments, idle)
    assert total == active_seconds(reversed(moments), idle)
    assert 0 <= total <= (max(seconds) - min(seconds) if seconds else 0)

"""In which order votes were stored changes no bit of what is worked out from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from labeling.scoring.counted import CountedVotes
from labeling.scoring.question import Question, score_question
from schemas.ratings import RATINGS, SCORINGS, Rating
from schemas.settings.score import ScoreSettings

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


def ratings(photos: int, raters: int) -> pa.Table:
    """Votes in a pattern whose trends cancel out, so that a sum's rounding is all that is left of them."""
    rows = [
        Rating(
            rating_id=f"{photo:03d}-{rater}",
            identity=f"{photo:03d}-{rater}",
            photo_id=f"photo {photo:03d}",
            rater_id=f"r{rater}",
            question="beauty",
            scale="acr-5",
            scale_low=1,
            scale_high=5,
            value=1.0 + (photo * 7 + rater * 2) % 5,
            position=photo + 1,
            role="rate",
            submitted_at=BEGAN + timedelta(minutes=photo + 1000 * rater),
            seconds=2.0,
            source="test",
            status="counted",
            simulated=True,
            recorded_at=BEGAN,
        )
        for photo in range(photos)
        for rater in range(raters)
    ]
    return RATINGS.to_arrow(rows)


@pytest.mark.parametrize("seed", range(8))
def test_shuffled_votes_give_the_same_bits(seed: int) -> None:
    table = ratings(12, 4)
    what, settings = Question("beauty", "acr-5", 1, 5), ScoreSettings()
    shuffled = table.take(pa.array(np.random.default_rng(seed).permutation(table.num_rows)))
    one, other = (score_question(CountedVotes.from_arrow(rows), what, settings) for rows in (table, shuffled))
    assert one.scores.equals(other.scores)
    assert one.raters.equals(other.raters)
    assert one.reliability.equals(other.reliability)
    assert SCORINGS.to_arrow([one.scoring]).equals(SCORINGS.to_arrow([other.scoring]))
    assert "drift" in one.reliability["measure"].to_pylist()

"""The release default's intervals hold the truth as often as they say, where the reference's do not."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.scoring.mos import Scores, mean_opinion_scores
from labeling.scoring.p910 import p910_scores
from labeling.scoring.two_way import two_way_least_squares, two_way_scores
from labeling.scoring.votes import Floats
from tests.labeling.simulated_votes import ROWS, Design, simulate


def covered(found: Scores, truth: Floats) -> float:
    return float(((found.low <= truth) & (truth <= found.high)).mean())


def error(score: Floats, truth: Floats) -> float:
    return float(((score - truth) ** 2).mean())


def measure(design: Design, seeds: int) -> tuple[float, dict[str, float]]:
    """Coverage of the release default, and the RMSE of every method."""
    inside, squares = [], []
    for seed in range(seeds):
        votes, truth = simulate(design, seed)
        default, _ = two_way_scores(votes, 1, 5)
        inside.append(covered(default, truth))
        squares.append(
            [
                error(default.score, truth),
                error(mean_opinion_scores(votes).score, truth),
                error(p910_scores(votes).score, truth),
                error(two_way_least_squares(votes)[0], truth),
            ]
        )
    rmse = np.sqrt(np.mean(squares, axis=0))
    return float(np.mean(inside)), dict(zip(("default", "mos", "p910", "least_squares"), rmse.tolist(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("design", ROWS, ids=str)
def test_coverage_is_93_to_97_percent_on_every_row_of_the_findings(design: Design) -> None:
    coverage, rmse = measure(design, 100)
    print(f"{design}: coverage {coverage:.4f}, RMSE {rmse}")
    assert 0.93 <= coverage <= 0.97
    assert rmse["default"] <= 1.02 * min(rmse.values())


def test_the_reference_fails_on_a_sparse_design_and_the_default_does_not() -> None:
    design = Design(300, 20, 5, 0)
    votes, truth = simulate(design, 1)
    assert covered(p910_scores(votes, 1, 5), truth) < 0.85
    assert covered(two_way_scores(votes, 1, 5)[0], truth) > 0.9

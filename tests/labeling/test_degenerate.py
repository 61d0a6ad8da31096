"""Every model and figure on designs that can say nothing: a defined result or one clear error, never an infinity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from labeling.scoring.agreement import alpha
from labeling.scoring.drift import alike_raters, own_residuals, rater_drift
from labeling.scoring.intraclass import one_way, sums
from labeling.scoring.mos import bimodality, histograms, mean_opinion_scores, photo_moments, sos_parameter, z_scores
from labeling.scoring.ordinal import cumulative_model
from labeling.scoring.p910 import alternating_projection, p910_scores, rater_biases
from labeling.scoring.reliability import leave_one_out, reliability
from labeling.scoring.resampling import bootstrap_raters
from labeling.scoring.screening import bt500
from labeling.scoring.taste import taste_components
from labeling.scoring.two_way import two_way, two_way_least_squares, two_way_scores
from labeling.scoring.votes import VoteSet
from schemas.errors import BadInput

GAP = float("nan")
DESIGNS = {
    "one vote": [[4.0]],
    "one rater": [[3.0], [5.0], [4.0]],
    "one photo": [[1.0, 2.0, 3.0]],
    "all equal": [[2.0] * 4] * 4,
    "two parts": [[4.0, 5.0, GAP, GAP], [3.0, 4.0, GAP, GAP], [GAP, GAP, 1.0, 2.0], [GAP, GAP, 2.0, 2.0]],
    "a rater with one vote": [[4.0, 5.0, GAP], [3.0, 3.0, 1.0], [2.0, 2.0, GAP]],
    "a vote each": [[4.0, GAP], [GAP, 2.0]],
    "a rater of one value": [[4.0, 3.0, 5.0], [4.0, 2.0, 1.0], [4.0, 5.0, 2.0]],
}
MODELS: dict[str, Callable[[VoteSet], Any]] = {
    "mean_opinion_scores": lambda votes: mean_opinion_scores(votes, 1, 5),
    "sos_parameter": lambda votes: sos_parameter(*photo_moments(votes)[:2], 1, 5),
    "z_scores": z_scores,
    "histograms": lambda votes: histograms(votes, "1-5", 1, 5),
    "bimodality": bimodality,
    "rater_biases": rater_biases,
    "alternating_projection": alternating_projection,
    "p910_scores": lambda votes: p910_scores(votes, 1, 5),
    "two_way": two_way,
    "two_way_scores": lambda votes: two_way_scores(votes, 1, 5),
    "two_way_least_squares": two_way_least_squares,
    "cumulative_model": cumulative_model,
    "bt500": bt500,
    "alpha": lambda votes: [alpha(votes, level) for level in ("nominal", "ordinal", "interval")],
    "one_way": lambda votes: one_way(*sums(votes)),
    "leave_one_out": leave_one_out,
    "reliability": lambda votes: reliability(votes, 100, 100),
    "taste_components": taste_components,
    "bootstrap_raters": lambda votes: bootstrap_raters(votes, 10),
    "drift": lambda votes: rater_drift(
        votes, votes.value - votes.value.mean(), np.arange(len(votes.value), dtype=np.float64)
    ),
    "alike_raters": lambda votes: alike_raters(votes, own_residuals(votes, photo_moments(votes)[0])),
}
REFUSED = {
    "cumulative_model": {"one vote", "all equal"},
    "taste_components": {"one vote", "one rater", "one photo"},
}
"""What has no defined result is refused in words."""


def numbers(found: Any) -> list[float]:
    """All numbers in a result, however it is nested."""
    if is_dataclass(found):
        return [number for field in fields(found) for number in numbers(getattr(found, field.name))]
    if isinstance(found, np.ndarray):
        return np.asarray(found, np.float64).ravel().tolist()
    if isinstance(found, list | tuple):
        return [number for part in found for number in numbers(part)]
    return [float(found)] if isinstance(found, int | float | np.number) else []


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", MODELS)
def test_a_design_that_says_nothing_has_a_defined_result_or_one_clear_error(name: str, design: str) -> None:
    votes = VoteSet.from_matrix(DESIGNS[design])
    if design in REFUSED.get(name, set()):
        with pytest.raises(BadInput):
            MODELS[name](votes)
        return
    found = MODELS[name](votes)
    assert not np.isinf(numbers(found)).any()
    scores = found[0] if isinstance(found, tuple) else found
    for field in ("score", "quality"):
        assert not np.isnan(numbers(getattr(scores, field, 0.0))).any(), field

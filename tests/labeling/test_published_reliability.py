"""Reliability figures against published tables."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.scoring.agreement import alpha
from labeling.scoring.intraclass import intraclass, one_way, sums
from labeling.scoring.reliability import half_correlation, leave_one_out, reliability, spearman_brown
from labeling.scoring.votes import VoteSet
from tests.labeling.votes_files import sureal

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
KRIPPENDORFF = """1 2 3 3 2 1 4 1 2 - - -
1 2 3 3 2 2 4 1 2 5 - 3
- 3 3 3 2 3 4 2 2 5 1 -
1 2 3 3 2 4 4 1 2 5 1 -"""


def test_shrout_and_fleiss_have_their_six_coefficients() -> None:
    found = intraclass(SHROUT_FLEISS)
    assert [found.icc1, found.icc2, found.icc3] == pytest.approx([0.165742, 0.289764, 0.714841], abs=5e-7)
    assert [found.icc1k, found.icc2k, found.icc3k] == pytest.approx([0.442797, 0.620051, 0.909316], abs=5e-7)


def test_krippendorffs_example_has_his_alphas() -> None:
    rows = [[np.nan if mark == "-" else float(mark) for mark in line.split()] for line in KRIPPENDORFF.splitlines()]
    votes = VoteSet.from_matrix(np.transpose(rows))
    assert alpha(votes, "nominal") == pytest.approx(0.7434211, abs=5e-8)
    assert alpha(votes, "ordinal") == pytest.approx(0.8153875, abs=5e-8)
    assert alpha(votes, "interval") == pytest.approx(0.8491071, abs=5e-8)


PUBLISHED = {
    "nflx_public": {
        "icc": [0.74411567, 0.74457290, 0.78084992, 0.98697752],
        "alpha": [0.74177581, 0.71426595],
        "leave_one_out": [0.881328, 0.742902, 6],
        "halves": [0.945623, 0.972051],
    },
    "nflx_public_last4outliers": {
        "icc": [0.58326809, 0.58382002, 0.60797664, 0.97678963],
        "alpha": [0.58027121, 0.55637520],
        "leave_one_out": [0.771692, -0.215227, 26],
        "halves": [0.936609, 0.967267],
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_real_votes_have_the_published_reliability(name: str) -> None:
    votes, wanted = sureal(name), PUBLISHED[name]
    icc = intraclass(votes.matrix())
    assert [icc.icc1, icc.icc2, icc.icc3, icc.icc2k] == pytest.approx(wanted["icc"], abs=5e-9)
    assert [alpha(votes), alpha(votes, "ordinal")] == pytest.approx(wanted["alpha"], abs=5e-9)
    agreement = leave_one_out(votes)
    found = [agreement.mean(), agreement.min(), int(agreement.argmin())]
    assert found == pytest.approx(wanted["leave_one_out"], abs=5e-7)
    half = half_correlation(votes, np.arange(votes.raters) % 2 == 0)
    assert [half, spearman_brown(half)] == pytest.approx(wanted["halves"], abs=5e-7)
    assert one_way(*sums(votes))[0] == pytest.approx(icc.icc1, rel=1e-12)  # balanced: the same thing


def test_alpha_agrees_with_another_implementation_on_votes_with_gaps() -> None:
    import krippendorff

    rng = np.random.default_rng(7)
    ratings = rng.integers(1, 6, (40, 9)).astype(float)
    ratings[rng.random(ratings.shape) < 0.4] = np.nan
    ratings = ratings[(~np.isnan(ratings)).any(axis=1)]
    votes = VoteSet.from_matrix(ratings)
    for level in ("nominal", "ordinal", "interval"):
        other = krippendorff.alpha(reliability_data=ratings.T, level_of_measurement=level)
        assert alpha(votes, level) == pytest.approx(other, abs=1e-9)


def test_every_figure_stands_inside_its_interval_and_repeats_with_its_seed() -> None:
    votes = sureal("nflx_public")
    figures = reliability(votes, splits=100, resamples=100, seed=3)
    assert figures == reliability(votes, splits=100, resamples=100, seed=3)
    for figure in figures:
        assert figure.low < figure.value < figure.high, figure
    by_name = {figure.measure: figure.value for figure in figures}
    assert by_name["alpha_ordinal"] == pytest.approx(0.71426595, abs=5e-9)

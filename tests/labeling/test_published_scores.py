"""Models of absolute ratings against the results that their authors published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labeling.scoring.mos import mean_opinion_scores, photo_moments, sos_parameter, z_scores
from labeling.scoring.p910 import alternating_projection, p910_scores, rater_biases
from labeling.scoring.two_way import two_way, two_way_least_squares
from labeling.scoring.votes import VoteSet
from tests.labeling.votes_files import matrix, sureal

THREE_BY_THREE = [[3, 2, 4], [4, 1, 1], [1, 3, 3]]
"""Rows as published: Tom, Jerry and Pinokio; photos are the columns."""


def exactly(value: float) -> object:
    return pytest.approx(value, rel=1e-6)


def test_p910_sample_has_the_demos_scores() -> None:
    found = alternating_projection(VoteSet.from_matrix(matrix("sureal_demo_p910_sample.csv")))
    assert found.quality[0] == exactly(4.926232195563247)
    assert found.quality[78] == exactly(4.5726059728251345)
    assert found.quality.sum() == exactly(279.9983432176)
    assert found.se_residual[0] == exactly(0.1548785178603921)
    assert found.se_residual[78] == exactly(0.16654764193759772)
    assert found.se_residual.sum() == exactly(13.712083371807)
    assert found.bias[0] == exactly(-0.189852445792812)
    assert found.bias[9] == exactly(0.8101475542071879)
    assert found.inconsistency[0] == exactly(1.8339364220090855)
    assert found.inconsistency.sum() == exactly(21.0293737257)


def test_p910_small_has_the_demos_scores() -> None:
    found = alternating_projection(VoteSet.from_matrix(matrix("sureal_demo_p910_small.csv")))
    assert found.quality[0] == exactly(4.824887709558456)
    assert found.quality.sum() == exactly(111.822670514)
    assert found.se_residual.sum() == exactly(6.0519133004)


def test_nflx_has_the_published_means() -> None:
    votes = sureal("nflx_public")
    mean, sd, n = photo_moments(votes)
    assert mean[0] == exactly(4.884615384615385)
    assert mean[10] == exactly(2.0769230769230771)
    assert mean.mean() == exactly(3.544790652385589)
    assert (sd / np.sqrt(n)).mean() == exactly(0.12986637295658307)
    assert sd.mean() == exactly(0.6621911698651353)
    assert sos_parameter(mean, sd, 1, 5) == exactly(0.19799501)


def test_nflx_has_the_published_maximum_likelihood_model() -> None:
    found = alternating_projection(sureal("nflx_public"))
    assert found.quality.sum() == exactly(280.0384615384633)
    assert found.quality.var() == exactly(1.4355485462027884)
    assert found.bias.var() == exactly(0.089032585621095)
    assert found.inconsistency.sum() == exactly(15.681766163430936)
    assert found.inconsistency.var() == exactly(0.012565584832977776)


def test_last4outliers_has_both_named_intervals() -> None:
    votes = sureal("nflx_public_last4outliers")
    found = alternating_projection(votes)
    assert found.quality.mean() == exactly(3.5535865)
    assert found.quality.var() == exactly(1.38340386)
    assert found.inconsistency.sum() == exactly(22.25580459)
    assert int(found.inconsistency.argmax()) == 26
    assert found.se.sum() == exactly(8.83588646)
    assert found.se_residual.sum() == exactly(11.54672391)
    assert sos_parameter(*photo_moments(votes)[:2], 1, 5) == exactly(0.26996781)


def test_the_reference_collapses_on_the_3_by_3_and_the_release_default_does_not() -> None:
    votes = VoteSet.from_matrix(np.transpose(THREE_BY_THREE))
    reference = alternating_projection(votes)
    assert reference.quality[0] == exactly(2.444444460976023)
    assert reference.inconsistency.sum() == exactly(2.8802122896041467)
    assert reference.inconsistency.min() < 1e-3  # one rater has taken all the weight
    found = two_way(votes)
    assert found.inconsistency.min() > 0.5 * found.inconsistency.max()
    assert (found.se > 0.5).all()


def test_bias_removal_centres_raters_and_equals_least_squares_on_a_full_matrix() -> None:
    votes = sureal("nflx_public")
    mean, _, _ = photo_moments(votes)
    biases = rater_biases(votes)
    assert biases == pytest.approx(votes.matrix().mean(axis=0) - mean.mean(), abs=1e-12)
    quality, bias = two_way_least_squares(votes)
    assert bias == pytest.approx(biases, abs=1e-9)
    assert quality == pytest.approx(mean, abs=1e-9)


def test_a_mean_of_one_vote_has_no_interval() -> None:
    found = mean_opinion_scores(VoteSet.from_matrix([[4.0, np.nan], [3.0, 5.0]]), 1, 5)
    assert np.isnan(found.low[0]) and np.isnan(found.high[0])
    assert found.low[1] == 1 and found.high[1] == 5  # kept inside the scale


def test_raters_intervals_and_z_scores_are_those_of_sureal() -> None:
    # sureal 0.9: Subject_MLE_Projection, ZscoringMosModel and BiasremvMosModel on nflx_public.
    votes = sureal("nflx_public")
    found = p910_scores(votes)
    assert found.bias_low is not None and found.bias_high is not None
    assert found.inconsistency_low is not None and found.inconsistency_high is not None
    assert (found.bias_high - found.bias_low).sum() / 2 / 1.96 == exactly(1.7643365394085722)
    assert found.inconsistency[:2] - found.inconsistency_low[:2] == pytest.approx([0.07835936236, 0.07649937376])
    assert found.inconsistency_high[:2] - found.inconsistency[:2] == pytest.approx([0.1074355996, 0.1048854386])
    z = replace(votes, value=z_scores(votes))
    mean, sd, n = photo_moments(z)
    assert mean[:2] == pytest.approx([0.9964054655082831, 0.9971257174514618])
    assert mean.var() == exactly(0.7832158907771206)
    assert (sd / np.sqrt(n)).sum() == exactly(6.952735252326431)
    unbiased = replace(votes, value=votes.value - rater_biases(votes)[votes.rater])
    mean, sd, n = photo_moments(unbiased)
    assert mean[0] == exactly(4.884615384615385)
    assert (sd / np.sqrt(n)).sum() == exactly(9.390585886473401)

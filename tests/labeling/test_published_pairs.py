"""Pairwise models against published values and another implementation."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from labeling.scoring.pairs import Wins, bradley_terry, thurstone
from labeling.scoring.votes import Ints
from schemas.errors import BadInput
from tests.conftest import real_data

FOUR = [[0, 3, 2, 7], [1, 0, 6, 3], [4, 3, 0, 0], [1, 2, 5, 0]]


def lukas() -> Wins:
    matrix = np.zeros((40, 40))
    with real_data("ratings", "sureal_lukas_pc.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            matrix[int(row["asset_id"]), int(row["other_asset_id"])] += float(row["preference"])
    return Wins.from_matrix(matrix)


def all_pairs(photos: int) -> tuple[Ints, Ints]:
    first, second = np.triu_indices(photos, 1)
    return first, second


def test_four_items_have_the_published_scores_and_errors() -> None:
    found = bradley_terry(Wins.from_matrix(FOUR))
    assert found.score == pytest.approx([0.50989191, 0.07398442, -0.47040696, -0.11346937], rel=1e-6)
    assert found.standard_errors() == pytest.approx([0.38042455, 0.36801425, 0.35803048, 0.36512323], rel=1e-6)
    assert found.difference_errors(np.array([0]), np.array([1]))[0] == pytest.approx(0.63420512, rel=1e-6)


def test_lukas_falls_into_five_parts_and_has_the_correct_errors() -> None:
    wins = lukas()
    first, second = all_pairs(40)
    found = bradley_terry(wins)
    assert np.bincount(found.part).tolist() == [8] * 5
    assert found.score.var() == pytest.approx(2.97935378, rel=1e-6)
    assert [found.score[0], found.score[39]] == pytest.approx([0.62829048, -0.62703729], rel=1e-6)
    errors = found.difference_errors(first, second, 1e-12)
    assert np.nansum(errors) == pytest.approx(57.0928, abs=5e-5)
    assert (np.isnan(errors) == (found.part[first] != found.part[second])).all()


def test_thurstones_errors_are_those_of_the_right_normal_distribution() -> None:
    first, second = all_pairs(40)
    # The published figure is that of the likelihood's own curvature; the expected information, nφ²/(Φ(1-Φ)), is within
    # 0.1 % of it: both are named.
    observed = thurstone(lukas(), information="observed").difference_errors(first, second, 1e-12)
    assert np.nansum(observed) == pytest.approx(30.527, abs=5e-4)  # 30.52651, to the printed digits
    expected = thurstone(lukas()).difference_errors(first, second, 1e-12)
    assert np.nansum(expected) == pytest.approx(30.5501, abs=5e-5)


def test_choixs_example_has_its_scores() -> None:
    wins = Wins.from_judgements(np.array([0, 0, 1, 2]), np.array([1, 1, 2, 0]), np.ones(4), 3)
    assert bradley_terry(wins).score == pytest.approx([0.419617624, -0.419617624, 0], abs=1e-8)


def test_a_hundred_photos_agree_with_choix_and_dense_errors_with_sparse_ones() -> None:
    import choix

    rng = np.random.default_rng(5)
    quality = rng.normal(size=100)
    left, right = rng.integers(0, 100, 3000), rng.integers(0, 100, 3000)
    left, right = left[left != right], right[left != right]
    won = rng.random(len(left)) < 1 / (1 + np.exp(quality[right] - quality[left]))
    found = bradley_terry(Wins.from_judgements(left, right, won, 100))
    pairs = np.where(won[:, None], np.c_[left, right], np.c_[right, left])
    other = choix.ilsr_pairwise(100, pairs.tolist())
    assert found.score == pytest.approx(other - other.mean(), abs=1e-5)
    covariance = found.covariance()
    first, second = all_pairs(100)
    dense = np.diag(covariance)[first] + np.diag(covariance)[second] - 2 * covariance[first, second]
    assert found.difference_errors(first, second, 1e-12) ** 2 == pytest.approx(dense, rel=1e-6)
    assert covariance.sum(axis=0) == pytest.approx(np.zeros(100), abs=1e-9)


def test_errors_of_differences_cover_the_truth() -> None:
    rng = np.random.default_rng(11)
    inside = []
    for _ in range(60):
        quality = rng.uniform(-1.5, 1.5, 30)
        left, right = rng.integers(0, 30, 1500), rng.integers(0, 30, 1500)
        left, right = left[left != right], right[left != right]
        won = rng.random(len(left)) < 1 / (1 + np.exp(quality[right] - quality[left]))
        found = bradley_terry(Wins.from_judgements(left, right, won, 30))
        first, second = all_pairs(30)
        off = (found.score[first] - found.score[second]) - (quality[first] - quality[second])
        inside.append((np.abs(off) <= 1.96 * found.difference_errors(first, second)).mean())
    assert 0.93 < np.mean(inside) < 0.97


def test_a_photo_that_always_wins_is_refused_without_a_prior_and_scored_with_one() -> None:
    wins = Wins.from_matrix([[0, 3, 3], [0, 0, 1], [0, 2, 0]])
    with pytest.raises(BadInput, match="infinity"):
        bradley_terry(wins)
    found = bradley_terry(wins, prior=1.0)
    assert found.score[0] > found.score[2] > found.score[1]
    assert np.isfinite(found.standard_errors()).all()


def test_ties_pull_scores_together() -> None:
    left, right = np.zeros(10, np.int64), np.ones(10, np.int64)
    apart = bradley_terry(Wins.from_judgements(left, right, [1] * 8 + [0] * 2, 2)).score
    tied = bradley_terry(Wins.from_judgements(left, right, [1] * 6 + [0.5] * 4, 2)).score
    assert tied == pytest.approx(apart)  # 6 wins and 4 ties are 8 half-counted wins
    even = bradley_terry(Wins.from_judgements(left, right, [0.5] * 10, 2)).score
    assert even == pytest.approx([0, 0], abs=1e-12)


def test_a_photo_is_not_compared_with_itself() -> None:
    with pytest.raises(BadInput, match="itself"):
        Wins.from_judgements(np.array([1]), np.array([1]), [1], 2)

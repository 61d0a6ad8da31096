"""The release default on awkward designs, its exactness, and the bootstrap over raters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from labeling.scoring import crossed
from labeling.scoring import two_way as module
from labeling.scoring.crossed import quadratic_forms
from labeling.scoring.mos import photo_moments
from labeling.scoring.resampling import bootstrap_raters
from labeling.scoring.two_way import two_way, two_way_least_squares, two_way_scores
from labeling.scoring.votes import VoteSet
from schemas.errors import BadInput
from tests.labeling.simulated_votes import Design, simulate


def textbook(votes: VoteSet, rounds: int = 300, prior: float = 8.0) -> tuple[object, object]:
    """The formulas of the specification on dense matrices, as they are written."""
    u = votes.matrix()
    mask = (~np.isnan(u)).astype(float)
    u = np.nan_to_num(u)
    photos, raters = u.shape
    variance = np.ones(raters)
    ones = np.ones((raters, raters))
    for _ in range(rounds):
        w = mask / variance
        d = w.sum(axis=1)
        a = np.diag(w.sum(axis=0)) - w.T @ (w / d[:, None])
        c = (w * u).sum(axis=0) - w.T @ ((w * u).sum(axis=1) / d)
        bias = np.linalg.solve(a + ones, c)
        bias -= bias.mean()
        quality = (w * (u - bias)).sum(axis=1) / d
        p = w / d[:, None]
        gauge = np.linalg.pinv(a)
        se = np.sqrt(1 / d + np.einsum("ji,ik,jk->j", p, gauge, p))
        error = mask * (u - quality[:, None] - bias)
        pooled = (error**2).sum() / (mask.sum() - photos - raters + 1)
        left = (mask * (1 - w / d[:, None])).sum(axis=0) - 1
        variance = ((error**2).sum(axis=0) + prior * pooled) / (left + prior)
    return quality, se


def test_the_sparse_solution_is_the_textbooks() -> None:
    votes, _ = simulate(Design(60, 15, 6, 2), 3)
    quality, se = textbook(votes)
    found = two_way(votes)
    assert found.quality == pytest.approx(quality, abs=1e-7)
    assert found.se == pytest.approx(se, rel=1e-6)


def test_conjugate_gradients_give_the_direct_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    votes, _ = simulate(Design(200, 40, 6, 4), 5)
    direct = two_way(votes)
    monkeypatch.setattr(module, "DIRECT_RATERS", 0)
    iterative = two_way(votes)
    assert iterative.quality == pytest.approx(direct.quality, abs=1e-8)
    assert iterative.bias == pytest.approx(direct.bias, abs=1e-8)


def test_the_first_order_errors_of_very_many_raters_are_close(monkeypatch: pytest.MonkeyPatch) -> None:
    votes, _ = simulate(Design(200, 80, 10, 0), 6)
    exact = two_way(votes)
    monkeypatch.setattr(crossed, "DENSE_RATERS", 0)
    rough = two_way(votes)
    assert (exact.exact, rough.exact) == (True, False)
    assert rough.se == pytest.approx(exact.se, rel=0.03)


def test_order_of_votes_and_names_does_not_matter() -> None:
    votes, _ = simulate(Design(50, 12, 5, 1), 7)
    shuffled = np.random.default_rng(0).permutation(len(votes.value))
    other = VoteSet(votes.photo[shuffled], votes.rater[shuffled], votes.value[shuffled], 50, 12)
    assert two_way(other).quality == pytest.approx(two_way(votes).quality, abs=1e-9)


def test_unconnected_parts_are_each_centred() -> None:
    left, right = simulate(Design(20, 6, 4, 0), 1)[0], simulate(Design(20, 6, 4, 0), 2)[0]
    both = VoteSet(
        np.r_[left.photo, right.photo + 20],
        np.r_[left.rater, right.rater + 6],
        np.r_[left.value, right.value],
        40,
        12,
    )
    found = two_way(both)
    assert found.components == 2
    assert [found.bias[:6].mean(), found.bias[6:].mean()] == pytest.approx([0, 0], abs=1e-9)
    quality, _ = two_way_least_squares(both)
    assert quality[:20] == pytest.approx(two_way_least_squares(left)[0], abs=1e-9)
    assert np.isfinite(found.se).all()


@pytest.mark.parametrize(
    ("matrix", "score"),
    [
        ([[4.0]], [4.0]),
        ([[3.0], [5.0]], [3.0, 5.0]),
        ([[1.0, 2.0, 3.0]], [2.0]),
        ([[2.0, 2.0], [2.0, 2.0]], [2.0, 2.0]),
    ],
    ids=["one vote", "one rater", "one photo", "all equal"],
)
def test_degenerate_designs_have_a_score(matrix: list[list[float]], score: list[float]) -> None:
    found = two_way(VoteSet.from_matrix(matrix))
    assert found.quality == pytest.approx(score)
    assert not np.isinf(found.se).any()


def test_a_rater_with_one_vote_on_a_photo_of_their_own_breaks_nothing() -> None:
    votes, _ = simulate(Design(30, 8, 4, 0), 2)
    alone = VoteSet(np.r_[votes.photo, 30], np.r_[votes.rater, 8], np.r_[votes.value, 5.0], 31, 9)
    found = two_way(alone)
    assert np.isfinite(found.quality).all() and np.isfinite(found.se).all()
    assert found.components == 2


def test_votes_must_be_there_and_be_numbers() -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(BadInput, match="no votes"):
        VoteSet(none, none, np.empty(0), 0, 0)
    with pytest.raises(BadInput, match="finite"):
        VoteSet(np.array([0]), np.array([0]), np.array([np.inf]), 1, 1)
    with pytest.raises(BadInput, match="every index"):
        VoteSet(np.array([1]), np.array([0]), np.array([1.0]), 2, 1)


def test_quadratic_forms_are_those_of_dense_algebra() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(90, 90))
    matrix = matrix + matrix.T
    dense = np.where(rng.random((50, 90)) < 0.6, rng.normal(size=(50, 90)), 0.0)  # some rows long, some short
    dense[25:] *= rng.random((25, 90)) < 0.2
    rows = sparse.csr_array(dense)
    assert quadratic_forms(rows, matrix) == pytest.approx(np.einsum("ja,ab,jb->j", dense, matrix, dense))


def test_the_bootstrap_over_raters_knows_the_error_of_a_mean_and_repeats_with_its_seed() -> None:
    votes, _ = simulate(Design(40, 20, 20, 0), 4)
    found = bootstrap_raters(votes, draws=600, seed=1, model=lambda sample: photo_moments(sample)[0])
    assert found.se == pytest.approx(np.nanstd(votes.matrix(), axis=1) / np.sqrt(20), rel=0.2, abs=0.01)
    default = bootstrap_raters(votes, draws=3, seed=1)
    assert (default.se == bootstrap_raters(votes, draws=3, seed=1).se).all()
    assert (default.low <= default.high).all()


def test_raters_intervals_hold_their_bias_and_inconsistency_as_often_as_they_say() -> None:
    rng = np.random.default_rng(8)
    inside = []
    for _ in range(40):
        photo = np.repeat(np.arange(150), 6)
        rater = np.concatenate([rng.choice(25, 6, replace=False) for _ in range(150)])
        bias, spread = rng.normal(0, 0.4, 25), rng.uniform(0.4, 0.8, 25)
        bias -= bias.mean()
        value = rng.uniform(1, 5, 150)[photo] + bias[rater] + spread[rater] * rng.normal(size=900)
        found, _ = two_way_scores(VoteSet(photo, rater, value, 150, 25))
        assert found.bias_low is not None and found.bias_high is not None
        assert found.inconsistency_low is not None and found.inconsistency_high is not None
        inside.append(
            [
                ((found.bias_low <= bias) & (bias <= found.bias_high)).mean(),
                ((found.inconsistency_low <= spread) & (spread <= found.inconsistency_high)).mean(),
            ]
        )
    assert 0.92 < np.mean(inside, axis=0)[0] < 0.98
    assert 0.92 < np.mean(inside, axis=0)[1] < 0.98


def test_scores_without_errors_are_the_same_scores() -> None:
    votes, _ = simulate(Design(50, 12, 5, 1), 7)
    quick = two_way(votes, errors=False)
    assert (quick.quality == two_way(votes).quality).all() and np.isnan(quick.se).all()

"""Ridge and kernel regression against scikit-learn and against leaving rows out one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import Ridge as SklearnRidge

from labeling.learning.kernel import kernel_map, typical_distance
from labeling.learning.ridge import fit_ridge

Floats = npt.NDArray[np.float64]


def planted(n: int, p: int, seed: int, noise: float = 0.5) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + 3
    weights = rng.normal(size=p) * (np.arange(p) < 3)
    return x, (x @ weights + rng.normal(0, noise, n))[:, None], weights


@pytest.mark.parametrize(("n", "p"), [(80, 10), (40, 100)])
def test_the_coefficients_are_those_of_scikit_learn_at_the_same_strength(n: int, p: int) -> None:
    x, y, _ = planted(n, p, 1)
    fitted = fit_ridge(lambda part: x[part], n, y)
    peer = SklearnRidge(alpha=fitted.strength).fit(x, y[:, 0])
    np.testing.assert_allclose(fitted.coefficients[:, 0], peer.coef_, atol=1e-8)
    np.testing.assert_allclose(fitted.predict(x)[:, 0], peer.predict(x), atol=1e-8)


def test_the_criterion_is_the_mean_squared_error_of_rows_left_out_one_by_one() -> None:
    x, y, _ = planted(40, 6, 2)
    fitted = fit_ridge(lambda part: x[part], 40, y)
    gaps = []
    for row in range(40):
        rest = np.arange(40) != row
        peer = SklearnRidge(alpha=fitted.strength).fit(x[rest], y[rest, 0])
        gaps.append(y[row, 0] - peer.predict(x[[row]])[0])
    assert fitted.criterion == pytest.approx(np.mean(np.square(gaps)), rel=1e-9)


def test_reading_rows_block_by_block_gives_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, _ = planted(100, 8, 3)
    whole = fit_ridge(lambda part: x[part], 100, y)
    monkeypatch.setattr("labeling.learning.ridge.BLOCK", 7)
    parts = fit_ridge(lambda part: x[part], 100, y)
    np.testing.assert_allclose(parts.coefficients, whole.coefficients, rtol=1e-9)


def test_noise_without_a_signal_is_shrunk_to_almost_nothing() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 50))
    y = rng.normal(size=(200, 1))
    fitted = fit_ridge(lambda part: x[part], 200, y)
    assert np.std(fitted.predict(rng.normal(size=(200, 50)))) < 0.35


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.1, 20))
def test_shifting_and_stretching_the_outputs_shifts_and_stretches_predictions(
    seed: int, shift: float, factor: float
) -> None:
    x, y, _ = planted(30, 4, seed)
    plain = fit_ridge(lambda part: x[part], 30, y).predict(x)
    moved = fit_ridge(lambda part: x[part], 30, y * factor + shift).predict(x)
    np.testing.assert_allclose(moved, plain * factor + shift, atol=1e-6 * (1 + factor))


def test_two_rows_are_too_few() -> None:
    with pytest.raises(ValueError, match="at least 3 rows"):
        fit_ridge(lambda part: np.zeros((2, 1))[part], 2, np.zeros((2, 1)))


def test_with_all_rows_as_landmarks_the_kernel_is_the_gaussian_process_of_scikit_learn() -> None:
    x, y, _ = planted(60, 5, 5)
    rate = 1 / typical_distance(x)
    features = kernel_map(x, rate)
    fitted = fit_ridge(lambda part: features(x[part]), 60, y)
    # The intercept is free here, so the peer is given the generalised least-squares mean of the same process.
    kernel = RBF(np.sqrt(1 / (2 * rate)), "fixed")
    inverse = np.linalg.inv(kernel(x) + fitted.strength * np.eye(60))
    mean = inverse.sum(axis=0) @ y[:, 0] / inverse.sum()
    peer = GaussianProcessRegressor(kernel, alpha=fitted.strength, optimizer=None).fit(x, y[:, 0] - mean)
    new = planted(20, 5, 6)[0]
    np.testing.assert_allclose(fitted.predict(features(new))[:, 0], peer.predict(new) + mean, atol=1e-3)

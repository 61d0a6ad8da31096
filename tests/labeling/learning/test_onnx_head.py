"""Heads as ONNX graphs say what the heads say: scores, uncertainty and histograms, near the photos and far off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest

from labeling.learning.heads import Head, HeadKind, Prediction, fit_head
from labeling.learning.onnx_head import HISTOGRAM, SCORE, SD, VECTOR, head_graph
from tests.labeling.learning.test_heads import Floats, rated

Vectors = npt.NDArray[np.float32]


def run(head: Head, vectors: Vectors) -> Prediction:
    model = head_graph(head, 18)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    score, sd, histogram = session.run([SCORE, SD, HISTOGRAM], {VECTOR: vectors})
    return Prediction(score, sd, histogram)


def unit(rows: Floats) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("photos", [5, 400])
@pytest.mark.parametrize("kind", HeadKind)
def test_the_graph_says_what_the_head_says(kind: HeadKind, photos: int) -> None:
    """With 5 photos the basis spans less than the space, so that most of the variance is what was never seen."""
    x, score, histogram = rated(photos)
    head = fit_head(x.astype(np.float32), score, histogram, kind)
    for vectors in (x[:5].astype(np.float32), unit(np.random.default_rng(3).normal(size=(300, 12)))):
        own, found = head.predict(vectors), run(head, vectors)
        np.testing.assert_allclose(found.score, own.score, atol=2e-5)
        np.testing.assert_allclose(found.sd, own.sd, atol=2e-5)
        np.testing.assert_allclose(found.histogram, own.histogram, atol=2e-5)


def test_quantiles_that_fall_become_the_nearest_proper_histogram_in_the_graph_too() -> None:
    x, score, histogram = rated(60)
    rng = np.random.default_rng(4)
    head = fit_head(x, score, rng.permuted(histogram, axis=1), HeadKind.LINEAR)
    # Coefficients this large throw the quantiles about, so that most rows break the order.
    head.ridge.coefficients[:, 1:] = rng.normal(0, 3, head.ridge.coefficients[:, 1:].shape)
    vectors = unit(rng.normal(size=(500, 12)))
    quantiles = head.ridge.predict(vectors)[:, 1:]
    assert np.mean(np.any(np.diff(quantiles, axis=1) < 0, axis=1)) > 0.5
    found = run(head, vectors).histogram
    np.testing.assert_allclose(found, head.predict(vectors).histogram, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)

"""A head as an ONNX graph: unit vectors in, score, uncertainty and histogram out.

Everything is worked out in float64 inside: features of a kernel head are differences of large numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labeling.learning.heads import Head

Floats = npt.NDArray[np.float64]

VECTOR, SCORE, SD, HISTOGRAM = "head_vector", "score", "sd", "histogram"
"""Names of the graph's input and outputs."""
IR_VERSION = 10
FAR = 1e6


class _Graph:
    """Nodes and constants, put down one after the other; every value has a name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: npt.ArrayLike, kind: type = np.float64) -> str:
        from onnx import numpy_helper

        name = f"head_c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def exact(self, value: Floats) -> str:
        """A constant that is kept in float32 where that loses nothing: half the bytes of a large matrix."""
        from onnx import TensorProto

        small = value.astype(np.float32)
        if not np.array_equal(small.astype(np.float64), value):
            return self.constant(value)
        return self.op("Cast", self.constant(small, np.float32), to=TensorProto.DOUBLE)

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = name or f"head_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def total(self, value: str) -> str:
        """Sums of rows."""
        return self.op("ReduceSum", value, self.constant([1], np.int64), keepdims=1)


def head_graph(head: Head, opset: int) -> Any:
    """The head as an ONNX model.

    Returns
    -------
    onnx.ModelProto
        Input `head_vector`: float32, shape (n, d). Outputs, float32: `score` (n,), `sd` (n,), `histogram` (n, k), as
        `Head.predict` gives them.
    """
    from onnx import TensorProto, helper

    graph, ridge = _Graph(), head.ridge
    vectors = graph.op("Cast", VECTOR, to=TensorProto.DOUBLE)
    mapped = vectors if head.features is None else _kernel_features(graph, head, vectors)
    centred = graph.op("Sub", mapped, graph.constant(ridge.centre))
    outputs = graph.op(
        "Add", graph.op("MatMul", centred, graph.constant(ridge.coefficients)), graph.constant(ridge.intercept)
    )
    steps = len(ridge.intercept)
    results = {
        SCORE: graph.op("Gather", outputs, graph.constant(0, np.int64), axis=1),
        SD: graph.op("Squeeze", _deviation(graph, head, mapped, centred), graph.constant([1], np.int64)),
        HISTOGRAM: _histogram(graph, outputs, steps),
    }
    for name, value in results.items():
        graph.op("Cast", value, name=name, to=TensorProto.FLOAT)
    width = len(ridge.centre) if head.features is None else head.features.landmarks.shape[1]
    made = helper.make_graph(
        graph.nodes,
        "head",
        [helper.make_tensor_value_info(VECTOR, TensorProto.FLOAT, ["n", width])],
        [
            helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info(SD, TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info(HISTOGRAM, TensorProto.FLOAT, ["n", steps]),
        ],
        initializer=graph.constants,
    )
    return helper.make_model(made, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", opset)])


def _kernel_features(graph: _Graph, head: Head, vectors: str) -> str:
    """exp(-rate |x - landmark|^2), whitened."""
    assert head.features is not None
    landmarks = head.features.landmarks.astype(np.float64)
    own = graph.total(graph.op("Mul", vectors, vectors))
    inner = graph.op("MatMul", vectors, graph.exact(-2 * landmarks.T))
    squared = graph.op("Add", graph.op("Add", inner, own), graph.constant(np.sum(landmarks**2, axis=1)))
    near = graph.op("Max", squared, graph.constant(0.0))
    kernel = graph.op("Exp", graph.op("Mul", near, graph.constant(-head.features.rate)))
    return graph.op("MatMul", kernel, graph.constant(head.features.whitening))


def _deviation(graph: _Graph, head: Head, mapped: str, centred: str) -> str:
    """The calibrated standard deviation, shape (n, 1)."""
    ridge = head.ridge
    noise = float(ridge.noise[0])
    turned = graph.op("MatMul", centred, graph.exact(ridge.basis))
    squares = graph.op("Mul", turned, turned)
    seen = graph.op("MatMul", squares, graph.constant(ridge.weight[:, None]))
    all_of_it = graph.total(graph.op("Mul", centred, centred))
    unseen = graph.op("Max", graph.op("Sub", all_of_it, graph.total(squares)), graph.constant(0.0))
    leverage = graph.op("Add", seen, graph.op("Mul", unseen, graph.constant(1 / ridge.strength)))
    variance = graph.op("Mul", graph.op("Add", leverage, graph.constant(1 + 1 / ridge.rows)), graph.constant(noise))
    if head.features is not None:
        left = graph.op("Sub", graph.constant(1.0), graph.total(graph.op("Mul", mapped, mapped)))
        between = graph.op("Min", graph.op("Max", left, graph.constant(0.0)), graph.constant(1.0))
        variance = graph.op("Add", variance, graph.op("Mul", between, graph.constant(noise / ridge.strength)))
    return graph.op("Mul", graph.op("Sqrt", variance), graph.constant(head.calibration))


def _histogram(graph: _Graph, outputs: str, steps: int) -> str:
    """Normal quantiles to shares: the distribution function, its nearest rising sequence, differences."""
    from onnx import TensorProto

    k = steps - 1
    quantiles = graph.op("Gather", outputs, graph.constant(np.arange(1, steps), np.int64), axis=1)
    scaled = graph.op("Cast", graph.op("Mul", quantiles, graph.constant(np.sqrt(0.5))), to=TensorProto.FLOAT)
    erf = graph.op("Cast", graph.op("Erf", scaled), to=TensorProto.DOUBLE)
    share = graph.op("Mul", graph.op("Add", erf, graph.constant(1.0)), graph.constant(0.5))
    # Means of elements j to m for all j and m at once; the minimum over m >= i, the maximum over j <= i.
    averaging, order = np.zeros((k, k, k)), np.arange(k)
    for j in range(k):
        for m in range(j, k):
            averaging[j : m + 1, j, m] = 1 / (m - j + 1)
    means = graph.op("MatMul", share, graph.constant(averaging.reshape(k, k * k)))
    means = graph.op("Reshape", means, graph.constant([-1, k, 1, k], np.int64))
    later = np.where((order[None, :] >= order[:, None])[None] & (order[None, None, :] >= order[:, None, None]), 0, FAR)
    least = graph.op(
        "ReduceMin", graph.op("Add", means, graph.constant(later)), graph.constant([3], np.int64), keepdims=0
    )
    earlier = np.where(order[:, None] <= order[None, :], 0, -2 * FAR)
    risen = graph.op(
        "ReduceMax", graph.op("Add", least, graph.constant(earlier)), graph.constant([1], np.int64), keepdims=0
    )
    risen = graph.op("Min", graph.op("Max", risen, graph.constant(0.0)), graph.constant(1.0))
    # Shares are differences of the rising sequence between 0 and 1.
    apart = np.eye(k, steps) - np.eye(k, steps, 1)
    return graph.op("Add", graph.op("MatMul", risen, graph.constant(apart)), graph.constant(np.eye(steps)[-1]))

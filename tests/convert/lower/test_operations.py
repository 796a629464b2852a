"""Operations on tensors that are no layers: equal to Keras, whoever wrote them down; what is not covered is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import drawn, graph_of, lowering_error, outputs, problems, randomised, record, simulation_error
from tests.keras_files import functional, node, write
from tfsnn.convert.lower.driver import ONE, lower
from tfsnn.convert.read.operations import plain_operation
from tfsnn.convert.read.read import from_live, read
from tfsnn.input.encoder import Encoder


def model(function: Callable[..., Any], shape: tuple[int, ...] = (6, 5, 3)) -> Any:
    """A model of a function of a convolution's output."""
    import keras

    inputs = keras.Input(shape)
    return randomised(keras.Model(inputs, function(keras.layers.Conv2D(3, 1)(inputs), keras.ops, keras.layers)))


FUNCTIONS: list[Callable[..., Any]] = [
    lambda x, ops, L: ops.relu(x),
    lambda x, ops, L: ops.relu6(2 * x),
    lambda x, ops, L: ops.leaky_relu(x),
    lambda x, ops, L: ops.leaky_relu(x, negative_slope=0.4),
    lambda x, ops, L: ops.elu(x, alpha=0.5),
    lambda x, ops, L: ops.celu(x),
    lambda x, ops, L: ops.selu(x),
    lambda x, ops, L: ops.gelu(x),
    lambda x, ops, L: ops.gelu(x, approximate=False),
    lambda x, ops, L: ops.hard_sigmoid(ops.tanh(x)),
    lambda x, ops, L: ops.softplus(ops.silu(x)),
    lambda x, ops, L: ops.hard_tanh(ops.hard_silu(x)),
    lambda x, ops, L: ops.softsign(x),
    lambda x, ops, L: ops.sigmoid(x),
    lambda x, ops, L: ops.clip(x, -0.5, 0.25),
    lambda x, ops, L: L.Conv2D(2, 3, padding="same")(ops.clip(x, 0, 1)),
    lambda x, ops, L: ops.mean(x, axis=(1, 2)),
    lambda x, ops, L: ops.mean(ops.relu(x), axis=-1, keepdims=True),
    lambda x, ops, L: ops.sum(x, axis=[2]),
    lambda x, ops, L: ops.max(x, axis=(1, 2), keepdims=True),
    lambda x, ops, L: ops.max(ops.relu(x), axis=1),
    lambda x, ops, L: L.Flatten()(ops.transpose(x, (0, 3, 1, 2))),
    lambda x, ops, L: L.Conv2D(2, 2)(ops.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)))),
    lambda x, ops, L: L.Dense(2)(ops.reshape(x, (-1, 90))),
    lambda x, ops, L: ops.squeeze(ops.expand_dims(x, 1), 1),
    lambda x, ops, L: x[:, 2:, ::2],
    lambda x, ops, L: x[:, 1],
    lambda x, ops, L: x[..., 0],
    lambda x, ops, L: x[:, :, -1],
    lambda x, ops, L: L.Conv2D(2, 2)(x[..., ::-1]),
    lambda x, ops, L: x[:, -3:-1, 1:5:3, ::-2],
    lambda x, ops, L: ops.cast(x, "float32") + 1,
    lambda x, ops, L: ops.concatenate([x, ops.relu(x)], axis=2),
    lambda x, ops, L: ops.maximum(x, 0.25),
    lambda x, ops, L: ops.minimum(ops.relu(x), np.array([0.25, 0.5, 0.125], np.float32)),
    lambda x, ops, L: L.Maximum()([x, ops.tanh(x), L.Conv2D(3, 1)(x)]),
    lambda x, ops, L: L.Conv2D(2, 3)(L.Minimum()([x, L.Conv2D(3, 1, activation="relu")(x)])),
    lambda x, ops, L: L.Activation("relu")(ops.subtract(ops.divide(x, 0.5), 0.25)),
    lambda x, ops, L: ops.nn.softmax(L.Dense(3)(L.Flatten()(x))),
]


@pytest.mark.parametrize("number", range(len(FUNCTIONS)))
def test_what_keras_computes(number: int) -> None:
    assert lowering_error(model(FUNCTIONS[number])) < 1e-5


@pytest.mark.parametrize("number", range(len(FUNCTIONS)))
def test_simulated(number: int) -> None:
    assert simulation_error(model(FUNCTIONS[number])) < 0.02


def test_every_operation_is_among_them() -> None:
    """But for two that keras.ops does not have."""
    made = {layer.class_name for function in FUNCTIONS for layer in from_live(model(function)).layers.values()}
    assert {name for name in ONE if name.startswith("ops.")} - made <= {"ops.ReLU", "ops.Mish"}


def test_activations_called_on_a_tensor() -> None:
    def function(x: Any, ops: Any, L: Any) -> Any:
        import keras

        return keras.activations.relu(x, negative_slope=0.1)

    assert lowering_error(model(function)) < 1e-5


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("ops.Clip", {"x_min": 1, "x_max": 1}, "limits 1 and 1; expected two numbers, the first below the second"),
        ("ops.Clip", {"x_min": 1}, "limits 1 and None"),
        ("ops.Mean", {"axis": None}, r"axis is None; expected axes from 1 to 3: that of the samples \(0\) must stay as it is"),
        ("ops.Mean", {"axis": (0, 1)}, "axis is \\(0, 1\\)"),
        ("ops.Mean", {"axis": (1, 2, 3)}, "one axis must be left: keepdims = True"),
        ("ops.Transpose", {"axes": None}, "axes None; each axis from 0 to 3 must appear once"),
        ("ops.Transpose", {"axes": (1, 0, 2, 3)}, "0 \\(that of the samples\\) first"),
        ("ops.Pad", {"pad_width": ((0, 0), (1, 1), (0, 0), (0, 0)), "mode": "reflect"}, "only zeros can be put around"),
        ("ops.Pad", {"pad_width": ((1, 0), (1, 1), (0, 0), (0, 0))}, "expected 4 pairs of whole numbers"),
        ("ops.Reshape", {"newshape": (2, 30)}, "shape \\(2, 30\\) for a tensor of shape \\(5, 4, 3\\); write it as \\(-1, ...\\)"),
        ("ops.Squeeze", {"axis": 1}, "only axes of length 1 can be left out"),
        ("ops.ExpandDims", {"axis": 0}, "axis is 0; expected axes from 1 to 4"),
        ("ops.Cast", {"dtype": "uint8"}, "a cast to uint8; whole numbers would be cut off"),
        ("ops.GetItem", {"key": ({"start": 1}, 2)}, "and all samples"),
        ("ops.GetItem", {"key": ({"start": None}, {"step": 0})}, "expected whole numbers and slices"),
        ("ops.GetItem", {"key": ({"start": None}, 7)}, "nothing is left along an axis"),
        ("ops.GetItem", {"key": ({"start": None}, 0, 0, 0)}, "one axis must be left"),
        ("ops.Celu", {"alpha": 2.0}, "alpha is 2; use elu"),
        ("ops.Relu", {"odd": 2}, "settings odd; tfsnn does not know what they change"),
        ("ops.Sort", {"axis": -1}, "an unknown layer"),
    ],
)
def test_what_is_not_covered(name: str, settings: dict[str, Any], message: str) -> None:
    (found,) = problems(record((5, 4, 3), (name, settings)))
    assert re.search(message, found)


def test_a_long_axis_turned_round() -> None:
    key = ({"start": None}, {"step": -1})
    (found,) = problems(record((65, 2), ("ops.GetItem", {"key": key})))
    assert "an axis of 65 values turned round; 64 at most" in found


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"function": "math.subtract"}, "Subtract"),
        ({"function": "__operators__.add"}, "Add"),
        ({"function": "nn.bias_add"}, "Add"),
        ({"function": "nn.leaky_relu"}, "ops.LeakyRelu"),
        ({"function": "compat.v1.transpose"}, "ops.Transpose"),
        ({"function": "math.top_k"}, "ops.math.top_k"),
    ],
)
def test_names_of_tensorflow(config: dict[str, Any], expected: str) -> None:
    found = plain_operation("TFOpLambda", config)
    assert found is not None and found[0] == expected


def test_operations_of_tf_keras_files(tmp_path: Any) -> None:
    """preprocess_input in the manner of Caffe, as tf.keras 2.4 to 2.15 write it; then what surrounds a network."""
    mean, dots = [-103.5, -116.5, -123.5], {"class_name": "__ellipsis__"}
    turned = {"slice_spec": [dots, {"start": None, "stop": None, "step": -1}]}
    layers = [
        node("x", "InputLayer", batch_input_shape=[None, 4, 5, 3]),
        node("get", "SlicingOpLambda", [["x", 0, 0, turned]], function="__operators__.getitem"),
        node("bias", "TFOpLambda", [["get", 0, 0, {"bias": mean, "data_format": None}]], function="nn.bias_add"),
        node("clip", "TFOpLambda", [["bias", 0, 0, {"clip_value_min": -115, "clip_value_max": 90.0}]], function="clip_by_value"),
        node("mean", "TFOpLambda", [["clip", 0, 0, {"axis": [1, 2], "keepdims": False}]], function="math.reduce_mean"),
        node("cat", "TFOpLambda", [[["mean", 0, 0, {"axis": -1}], ["mean", 0, 0, {"axis": -1}]]], function="concat"),
        node("leaky", "TFOpLambda", [["cat", 0, 0, {"alpha": 0.5, "name": None}]], function="nn.leaky_relu"),
        node("sub", "TensorFlowOpLayer", [[["leaky", 0, 0, {}]]], node_def={"op": "Sub"}, constants={"0": 2.0}),
        node("div", "TensorFlowOpLayer", [[["sub", 0, 0, {}]]], node_def='{"op": "RealDiv"}', constants={"1": 4.0}),
    ]
    config = functional(layers, [["x", 0, 0]], [["div", 0, 0]])
    path = write(tmp_path / "model.h5", config, {}, version="2.15.0")
    graph = lower(read(path), Encoder("graded"))
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype(np.float32)
    means = np.clip(x[..., ::-1] + mean, -115, 90).mean((1, 2))
    both = np.concatenate([means, means], 1)
    expected = (2 - np.where(both > 0, both, 0.5 * both)) / 4
    assert np.abs(outputs(graph, {"input": x})[0] - expected).max() < 1e-4


def test_channels_turned_round_cost_no_population() -> None:
    graph = graph_of(model(lambda x, ops, L: L.Conv2D(2, 2)(ops.relu(x)[..., ::-1])))
    assert len(graph.nodes) == 3 and drawn(graph)

"""Arithmetic between tensors, and between a tensor and constants: equal to Keras, in every notation of the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert_parts import graph_of, layer, lowering_error, problems, randomised, record
from tfsnn.errors import ConversionError

C = np.array([0.5, -2.0, 1.5], np.float32)


def two(first: str = "Conv2D(3, 1, activation='relu')", second: str = "Conv2D(3, 1)", behind: str = "") -> Callable[[str], Any]:
    """A model of two branches that a layer merges."""

    def build(merge: str) -> Any:
        import keras

        inputs = keras.Input((5, 4, 3))
        result = layer(merge)([layer(first)(inputs), layer(second)(inputs)])
        return randomised(keras.Model(inputs, layer(behind)(result) if behind else result))

    return build


@pytest.mark.parametrize("merge", ["Add()", "Subtract()", "Average()", *(f"Concatenate(axis={axis})" for axis in (1, 2, 3, -1, -2, -3))])
@pytest.mark.parametrize(
    "branches",
    [
        two(),
        two("Activation('relu')", "Identity()", "Conv2D(2, 2)"),
        two("BatchNormalization()", "BatchNormalization()", "Conv2D(2, 3, padding='same')"),
        two("Conv2D(3, 1)", "ReLU()", "MaxPooling2D(2)"),
        two("Permute((1, 2, 3))", "BatchNormalization()", "AveragePooling2D(3, 1, padding='same')"),
    ],
    ids=["ends", "relu", "norm", "max", "mean"],
)
def test_two_tensors(branches: Callable[[str], Any], merge: str) -> None:
    assert lowering_error(branches(merge)) < 1e-5


@pytest.mark.parametrize(
    "function",
    [
        lambda x, L: L.Add()([x, x, L.ReLU()(x), x]),
        lambda x, L: L.Concatenate()([L.Concatenate()([L.ReLU()(x), x]), L.Conv2D(2, 1)(x), x]),
        lambda x, L: L.Concatenate(axis=1)([L.Conv2D(3, 1, data_format="channels_last")(x), L.ReLU()(x)]),
        lambda x, L: L.Add()([L.Permute((2, 1, 3))(L.ReLU()(x)), L.Permute((2, 1, 3))(L.Conv2D(3, 1)(x))]),
        lambda x, L: L.Add()([L.Flatten()(L.ReLU()(x)), L.Flatten()(L.Permute((2, 1, 3))(x))]),
        lambda x, L: L.Concatenate()([L.Flatten()(L.MaxPooling2D()(x)), L.Dense(3)(L.Flatten()(x))]),
        lambda x, L: x * 2.5,
        lambda x, L: 0.5 * L.ReLU()(x),
        lambda x, L: L.Conv2D(3, 2)(x) / 4,
        lambda x, L: x / C,
        lambda x, L: 2 - L.ReLU()(x),
        lambda x, L: x - 1,
        lambda x, L: L.Conv2D(3, 2)(x) * 2 - 1,
        lambda x, L: -x + 3.0,
        lambda x, L: x + C,
        lambda x, L: L.ReLU()(x * C.reshape(1, 1, 3)) + x,
        lambda x, L: L.Multiply()([L.Conv2D(3, 2)(x), C[None]]),
        lambda x, L: L.Subtract()([x, C.reshape(1, 1, 1, 3)]),
        lambda x, L: L.Conv2D(2, 3, padding="same")(x + C),
    ],
)
def test_constants_and_many(function: Callable[..., Any]) -> None:
    import keras

    inputs = keras.Input((5, 4, 3))
    assert lowering_error(randomised(keras.Model(inputs, function(inputs, keras.layers)))) < 1e-5


def test_a_skip_costs_one_synapse() -> None:
    graph = graph_of(two("Conv2D(3, 1, activation='relu')", "Conv2D(3, 1)", "ReLU()")("Add()"))
    assert [len(getattr(node, "synapses", ())) for node in graph.nodes] == [0, 1, 2]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, L: L.Multiply()([x, L.ReLU()(x)]), "a product of two tensors; events carry sums only: rebuild the model with Add"),
        (lambda x, L: L.Maximum()([x, L.ReLU()(x)]), r"\(Maximum\): a choice between two tensors; tfsnn knows the layers of its support"),
        (lambda x, L: x / L.ReLU()(x), "a quotient with a tensor below; only a tensor can be divided, and only by constants"),
        (lambda x, L: 1 / x, "a quotient with a tensor below"),
        (lambda x, L: x / 0.0, "a division by 0; the model that it came from is broken"),
        (lambda x, L: x * np.ones((5, 4, 3), "float32"), r"a constant of shape \(5, 4, 3\); a number can be folded, or 3 values, one each"),
        (lambda x, L: x + L.GlobalAveragePooling2D(keepdims=True)(x), r"shapes \(1, 1, 3\), \(5, 4, 3\); only equal shapes can be merged"),
        (lambda x, L: L.Dropout(0.5)(x, training=True), "called with training = True; tfsnn does not know what that changes"),
    ],
)
def test_refusals(function: Callable[..., Any], message: str) -> None:
    import keras

    inputs = keras.Input((5, 4, 3))
    with pytest.raises(ConversionError, match=message):
        graph_of(keras.Model(inputs, function(inputs, keras.layers)))


@pytest.mark.parametrize(
    ("name", "constants", "message"),
    [
        ("Add", {"1": "x"}, "an argument is 'x'; expected numbers"),
        ("Multiply", {"1": (1.0, (2.0, 3.0))}, "expected numbers"),
        ("Add", {"alpha": 3.0}, "an argument alpha = 3.0; tfsnn does not know what it changes"),
        ("Average", {}, "1 tensors and 0 constants; two tensors or more can be averaged"),
        ("Subtract", {}, "1 tensors and 0 constants; two can be subtracted"),
        ("Concatenate", {"1": 2.0}, "tensors whose other axes agree can be joined"),
    ],
)
def test_refused_arguments(name: str, constants: dict[str, Any], message: str) -> None:
    (found,) = problems(record((5, 4, 3), (name, {}), **constants))
    assert found.startswith("layer 'l0'") and message in found


def test_concatenate_that_does_not_fit() -> None:
    import keras

    inputs = keras.Input((5, 4, 3))
    model = keras.Model(inputs, keras.layers.Concatenate(axis=1)([inputs, keras.layers.ZeroPadding2D(((1, 0), (0, 0)))(inputs)]))
    model.layers[-1].axis = 3
    with pytest.raises(ConversionError, match=r"inputs of shapes \(5, 4, 3\), \(6, 4, 3\) along axis 3; tensors whose other axes agree"):
        graph_of(model)


def test_a_branch_meets_its_own_weights_alone() -> None:
    """Behind a concatenation each branch has the part of the kernel that belongs to its channels: nothing is stored or counted twice."""
    import keras

    L = keras.layers
    inputs = keras.Input((6, 5, 3))
    branches = [L.Conv2D(2, 1, activation="relu")(inputs), L.ReLU()(inputs), L.Conv2D(4, 1, activation="tanh")(inputs)]
    padded = L.ZeroPadding2D(1)
    joined = L.Concatenate()(branches)
    wide = L.Conv2D(7, 3, padding="same", activation="relu", use_bias=False)(padded(L.BatchNormalization()(joined)))
    flat = L.Dense(5, use_bias=False)(L.GlobalAveragePooling2D()(L.Concatenate()([wide, padded(joined)])))
    model = randomised(keras.Model(inputs, flat))
    graph = graph_of(model)
    assert lowering_error(model) < 1e-5
    kernels = [synapse.weight.shape for node in graph.nodes[-2:] for synapse in getattr(node, "synapses", ())]
    assert kernels == [(3, 3, 2, 7), (3, 3, 3, 7), (3, 3, 4, 7), (7, 5), (2, 5), (3, 5), (4, 5)]
    assert graph.macs(borders=True)[graph.nodes[-2].name] == 8 * 7 * 9 * 9 * 7

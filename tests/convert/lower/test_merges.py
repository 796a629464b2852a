"""Arithmetic between tensors, and between a tensor and constants: equal to Keras, in every notation of the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import graph_of, layer, lowering_error, problems, randomised, record, simulation_error
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


M = np.random.default_rng(4).normal(size=(5, 4, 3)).astype(np.float32)


def context(x: Any, L: Any) -> Any:
    """What is one for the whole image, as global-context blocks have it."""
    return L.Dense(3, activation="tanh")(L.GlobalAveragePooling2D(keepdims=True)(L.Conv2D(3, 2, activation="relu")(x)))


BROADCASTS: dict[str, Callable[..., Any]] = {
    "context": lambda x, L: L.Conv2D(2, 2)(L.ReLU()(L.Add()([L.Conv2D(3, 1)(x), context(x, L)]))),
    "context first": lambda x, L: L.Subtract()([context(x, L), L.ReLU()(x)]),
    "three": lambda x, L: L.Average()([x, context(x, L), L.MaxPooling2D((5, 1))(x)]),
    "rows and columns": lambda x, L: L.Add()([L.AveragePooling2D((5, 1))(x), L.Conv2D(3, (1, 4), activation="relu")(x)]),
    "channels": lambda x, L: L.Conv2D(2, 2)(L.ReLU()(x) - L.Conv2D(1, 1, activation="sigmoid")(x)),
    "all alone": lambda x, L: L.Conv2D(2, 2)(x) + L.Dense(1)(context(x, L)),
    "batch norm": lambda x, L: L.Add()([L.ReLU()(x), L.BatchNormalization()(context(x, L))]),
    "pending": lambda x, L: L.Flatten()(L.ReLU()(L.Conv2D(3, 2, strides=2, padding="same")(x) + L.GlobalMaxPooling2D(keepdims=True)(x))),
    "first channels": lambda x, L: L.Add()([L.Permute((3, 1, 2))(x), L.Permute((3, 1, 2))(context(x, L))]),
    "flat": lambda x, L: L.Add()([L.Flatten()(x), L.Dense(1)(L.Flatten()(x))]),
    "map": lambda x, L: L.Conv2D(2, 2)(L.ReLU()(x) * M + M),
    "map on a pending sum": lambda x, L: L.ReLU()(L.Conv2D(3, 3, padding="same")(x) * M + 0.5),
    "map below": lambda x, L: L.Dense(4)(L.Flatten()(L.Permute((2, 1, 3))(x) / (np.abs(M.transpose(1, 0, 2)) + 1))),
    "rows": lambda x, L: x * M[:, :1, :1] + M[:, :1, :1][None],
    "first axis": lambda x, L: L.Permute((3, 1, 2))(L.ReLU()(x)) * C.reshape(3, 1, 1),
    "wider": lambda x, L: L.Dense(1)(context(x, L)) - M,
    "wider twice": lambda x, L: context(x, L) * M[:, :1],
}


@pytest.mark.parametrize("name", BROADCASTS)
def test_shapes_that_broadcast(name: str) -> None:
    """Repeating is a relay: equal to Keras in float, and simulated by both engines under both schedules."""
    import keras

    inputs = keras.Input((5, 4, 3))
    model = randomised(keras.Model(inputs, BROADCASTS[name](inputs, keras.layers)))
    assert lowering_error(model) < 1e-5
    assert simulation_error(model) < 4e-3


def test_a_skip_costs_one_synapse() -> None:
    graph = graph_of(two("Conv2D(3, 1, activation='relu')", "Conv2D(3, 1)", "ReLU()")("Add()"))
    assert [len(getattr(node, "synapses", ())) for node in graph.nodes] == [0, 1, 2]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, L: L.Multiply()([x, L.ReLU()(x)]), "a product of two tensors; events carry sums only: rebuild the model with Add"),
        (lambda x, L: x / L.ReLU()(x), "a division by a tensor; only a tensor can be divided, and only by constants"),
        (lambda x, L: 1 / x, "a division by a tensor"),
        (lambda x, L: x / 0.0, "a division by 0; the model that it came from is broken"),
        (lambda x, L: L.Add()([x, L.GlobalAveragePooling2D()(x)]), r"shapes \(3,\), \(5, 4, 3\); axis by axis they must be equal, or one"),
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
        ("Add", {"1": (1.0, 2.0)}, "a constant of shape (2,) with a tensor of shape (5, 4, 3); they must fit each other axis by axis"),
        ("Multiply", {"1": np.ones((2, 5, 4, 3)).tolist()}, "a constant of shape (2, 5, 4, 3) with a tensor of shape (5, 4, 3)"),
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

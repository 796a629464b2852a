"""The denominator of the ledger: multiply-accumulates of Keras' own layers, counted apart from the network that became of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import PIXELS, difference, drawn, graph_of, keras_outputs, outputs, randomised, sequential
from tests.data_folder import cases
from tfsnn.convert.lower.driver import lower
from tfsnn.convert.read.read import read
from tfsnn.evaluate.baselines.ann import ann


def counted(model: Any) -> int:
    """MACs of a Keras model on one frame, border taps included: values that a kernel is laid on, times its size."""
    total = 0
    for layer in model.layers:
        for node in layer._inbound_nodes if layer.weights else ():
            given, made = node.input_tensors[0].shape[1:], node.outputs[0].shape[1:]
            kind = type(layer).__name__
            if kind == "Dense":
                total += int(np.prod(given)) * layer.units
            elif kind.endswith("Transpose"):
                total += int(np.prod(given)) * int(np.prod(layer.kernel_size)) * layer.filters
            elif kind.startswith("SeparableConv"):
                middle = given[-1] * layer.depth_multiplier
                total += int(np.prod(made[:-1])) * middle * (int(np.prod(layer.kernel_size)) + layer.filters)
            elif kind.startswith("DepthwiseConv"):
                total += int(np.prod(made)) * int(np.prod(layer.kernel_size))
            elif kind.startswith("Conv"):
                total += int(np.prod(made)) * int(np.prod(layer.kernel_size)) * given[-1] // layer.groups
    return total


def added(L: Any, model: Any) -> Any:
    inputs = L.Input((8, 7, 2))
    x, y = (L.Conv2D(3, 3, padding="same", activation="relu")(inputs) for _ in range(2))
    return model(inputs, L.Conv2D(4, 3, padding="same")(L.Add()([x, y, x])))


def joined(L: Any, model: Any) -> Any:
    inputs = L.Input((8, 7, 2))
    x, y = (L.Conv2D(n, 3, padding="same", activation="relu")(inputs) for n in (3, 5))
    z = L.Concatenate()([x, L.Add()([y, L.Conv2D(5, 1, activation="relu")(inputs)])])
    return model(inputs, [L.Conv2D(4, 3)(z), L.DepthwiseConv2D(3)(L.Concatenate()([x, y])), L.Dense(2)(L.Flatten()(z))])


def shared(L: Any, model: Any) -> Any:
    inputs, conv, dense = L.Input((8, 7, 2)), L.Conv2D(2, 3, padding="same", activation="relu"), L.Dense(3)
    x = conv(conv(inputs))
    return model(inputs, L.Concatenate()([dense(L.GlobalMaxPooling2D()(x)), dense(L.GlobalAveragePooling2D()(L.AveragePooling2D(2)(x)))]))


def transposed(L: Any, model: Any) -> Any:
    inputs = L.Input((5, 4, 2))
    x = L.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu")(inputs)
    return model(inputs, L.SeparableConv2D(3, 3)(L.UpSampling2D(2)(L.Conv2DTranspose(2, 2, strides=2)(x))))


def broadcast(L: Any, model: Any) -> Any:
    inputs = L.Input((6, 5, 3))
    x = L.Conv2D(4, 3, activation="relu")(inputs)
    gate = L.Dense(4, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(x))
    return model(inputs, L.Conv2D(2, 2)(L.BatchNormalization()(L.Add()([x, gate]))))


@pytest.mark.parametrize("build", [added, joined, shared, transposed, broadcast])
def test_as_keras_computes_it(build: Callable[..., Any]) -> None:
    import keras

    model = randomised(build(keras.layers, keras.Model))
    graph = graph_of(model)
    frames = drawn(graph)
    assert difference(outputs(graph, frames), keras_outputs(model, frames)) < 1e-5
    assert sum(graph.macs(borders=True).values()) == counted(model)
    # What reaches into a border or lies between the values of a transposed convolution is all that differs.
    assert 0.4 * counted(model) < sum(graph.macs().values()) <= counted(model)


def test_inside_the_borders() -> None:
    """By hand: 3 taps of a row of 4 meet 2, 3, 3 and 2 values; a transposed one loses what is cut off."""
    graph = graph_of(sequential((4, 2), "Conv1D(3, 3, padding='same', name='a')"))
    assert (graph.macs(), graph.macs(borders=True)) == ({"a": 10 * 6}, {"a": 12 * 6})
    graph = graph_of(sequential((4, 2), "Conv1DTranspose(3, 3, strides=2, padding='same', name='a')"))
    assert (graph.macs(), graph.macs(borders=True)) == ({"a": 11 * 6}, {"a": 12 * 6})


def test_nothing_is_skipped_where_nothing_is_zero() -> None:
    """The zero-skipping network does what the dense one does inside the borders, if no activation is 0."""
    import keras

    model = randomised(broadcast(keras.layers, keras.Model))
    for layer in model.layers:
        if hasattr(layer, "activation"):
            layer.activation = keras.activations.linear
    graph = graph_of(model)
    found = ann(graph, drawn(graph))
    assert {name: values.tolist() for name, values in found.nonzero_macs.items()} == {n: [m] * 3 for n, m in graph.macs().items()}


def test_a_small_file() -> None:
    assert sum(lower(read(cases("models", "tiny_skip.h5")), PIXELS).macs().values()) == 109_952

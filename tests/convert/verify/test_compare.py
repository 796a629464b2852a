"""Verification notices what is wrong, says where, and keeps what it measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import PIXELS, drawn, sequential
from tfsnn.convert.lower.driver import LayerOutput, Lowered, examine, graph_or_error
from tfsnn.convert.quantize import quantize
from tfsnn.convert.read.read import from_live
from tfsnn.convert.verify.compare import Difference, compare_rounding, compared, softmaxed, summary
from tfsnn.errors import ConversionError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons

TEXTS = (
    *("Conv2D(4, 3, padding='same', data_format='channels_first', name='conv')", "BatchNormalization(axis=1)", "ReLU(name='act')"),
    *("MaxPooling2D(2, data_format='channels_first', name='pool')", "Flatten()", "Dense(5, activation='tanh', name='hidden')"),
    *("Dense(4, name='logits')", "Softmax(name='out')"),
)


def lowered(model: Any) -> tuple[Lowered, Graph]:
    found = examine(from_live(model), PIXELS)
    return found, graph_or_error(found)


def verify(original: Any, graph: Graph, quantized: Graph, frames: Any, shown: Mapping[str, LayerOutput] | None = None) -> dict[str, Any]:
    """Both comparisons, as conversion makes them."""
    rounding = compare_rounding(graph, quantized, frames, shown or ())
    return summary(rounding, compared(original, quantized, frames, rounding.exact, shown))


def broken(graph: Graph, name: str) -> Graph:
    """The graph with the weights of one population changed."""
    node = graph[name]
    assert isinstance(node, Neurons)
    changed = replace(node, synapses=(replace(node.synapses[0], weight=node.synapses[0].weight * 1.1), *node.synapses[1:]))
    return Graph(tuple(changed if n is node else n for n in graph.nodes), graph.outputs)


def test_every_shown_layer_is_compared() -> None:
    model = sequential((3, 6, 5), *TEXTS)
    found, graph = lowered(model)
    report = verify(model, graph, quantize(graph), drawn(graph, 5), found.layer_outputs)
    assert report["samples"] == 5
    layers = {name: shown.layer for name, shown in found.layer_outputs.items()}
    assert layers == {"conv": "act", "pool": "pool", "hidden": "hidden", "logits": "out"}
    assert all(set(layer) == {"largest", "difference", "keras"} for layer in report["layers"].values()) and len(report["layers"]) == 4
    assert max(layer["keras"] for layer in report["layers"].values()) <= 1e-5 and max(report["keras"].values()) <= 1e-5
    assert 0 < report["layers"]["hidden"]["difference"] < 0.1 * report["layers"]["hidden"]["largest"]
    assert report["same_class"]["logits"] >= 0.8


@pytest.mark.parametrize(("population", "layer"), [("conv", "act"), ("hidden", "hidden"), ("logits", "out")])
def test_a_wrong_conversion_is_stopped(population: str, layer: str) -> None:
    model = sequential((3, 6, 5), *TEXTS)
    found, graph = lowered(model)
    wrong = broken(graph, population)
    message = f"layer '{layer}': differs from Keras by .* of its largest value on seeded inputs, 0.001 is allowed; this conversion would be"
    with pytest.raises(ConversionError, match=message):
        verify(model, wrong, quantize(wrong), drawn(graph), found.layer_outputs)
    with pytest.raises(ConversionError, match="output logits: differs from Keras by"):
        verify(model, wrong, quantize(wrong), drawn(graph))


def test_nothing_to_compare_with() -> None:
    _, graph = lowered(sequential((7,), "Dense(3)"))
    assert verify("no original", graph, quantize(graph), drawn(graph))["keras"] == "no original"


def test_a_model_that_keras_cannot_run() -> None:
    model = sequential((7,), "Dense(3)")
    _, graph = lowered(model)
    other = sequential((8,), "Dense(3)")
    found = verify(other, graph, quantize(graph), drawn(graph))["keras"]
    assert found.startswith("not compared: Keras cannot run the model (")
    assert found.endswith("; only the float and the integer network were compared")


def test_layers_of_other_models() -> None:
    """A layer that a second model calls too is compared with what it gives in this one."""
    import keras

    model = sequential((7,), "Dense(5, activation='relu')", "Dense(5, activation='relu')", "Dense(3)")
    keras.Sequential([keras.Input((5,)), model.layers[1], model.layers[2]])
    found, graph = lowered(model)
    report = verify(model, graph, quantize(graph), drawn(graph), found.layer_outputs)
    assert [layer["keras"] == 1e-5 for layer in report["layers"].values()] == [True] * 3


def test_several_inputs_and_half_precision() -> None:
    import keras

    L = keras.layers
    first, second = L.Input((4,), name="z"), L.Input((3,), name="a")
    policy = "mixed_bfloat16"
    joined = L.Concatenate(dtype=policy)([L.Dense(3, dtype=policy)(first), L.Dense(5, activation="relu", dtype=policy)(second)])
    model = keras.Model([first, second], L.Dense(2, dtype=policy)(joined))
    found, graph = lowered(model)
    report = verify(model, graph, quantize(graph), drawn(graph), found.layer_outputs)
    assert 1e-3 <= max(report["keras"].values()) <= 0.1


def test_large_networks_go_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = sequential((3, 6, 5), *TEXTS)
    found, graph = lowered(model)
    frames, whole_weights = drawn(graph, 5), quantize(graph)
    at_once = verify(model, graph, whole_weights, frames, found.layer_outputs)
    monkeypatch.setattr("tfsnn.convert.verify.compare.BATCH_NEURONS", 2 * graph.neurons)
    one_by_one = verify(model, graph, whole_weights, frames, found.layer_outputs)
    for name, layer in at_once["layers"].items():
        assert one_by_one["layers"][name]["difference"] == pytest.approx(layer["difference"], rel=1e-3)
    assert one_by_one["samples"] == 5


def test_nan_is_a_difference() -> None:
    difference = Difference()
    difference.add(np.ones(2), np.array([1.0, np.nan]))
    assert not difference.relative <= 1e9


def test_another_shape_is_a_difference() -> None:
    difference = Difference()
    difference.add(np.ones((2, 3)), np.ones((2, 1)))
    assert not difference.relative <= 1e9


def test_values_that_wait_for_keras_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large networks are compared with Keras on fewer samples, on one at least; the first ones, whatever the batches."""
    _, graph = lowered(sequential((3, 6, 5), *TEXTS))
    frames = drawn(graph, 5)
    everything = compare_rounding(graph, graph, frames, ["conv"]).exact
    assert {name: values.shape for name, values in everything.items()} == {"conv": (5, 120), "logits": (5, 4)}
    monkeypatch.setattr("tfsnn.convert.verify.compare.BATCH_NEURONS", 2 * graph.neurons)
    for room, kept in ((3 * 124, 3), (0, 1)):
        monkeypatch.setattr("tfsnn.convert.verify.compare.KEPT", room)
        found = compare_rounding(graph, graph, frames, ["conv"])
        assert found.samples == 5 and {len(values) for values in found.exact.values()} == {kept}
        for name, values in found.exact.items():
            np.testing.assert_allclose(values, everything[name][:kept], rtol=1e-5, atol=1e-6)


def test_softmax_of_large_numbers() -> None:
    np.testing.assert_allclose(softmaxed(np.array([[1000.0, 1000.0], [0.0, -1000.0]])), [[0.5, 0.5], [1.0, 0.0]])

"""Average pooling as a population: the same answers when every change is sent, where it costs less, and nowhere else."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tests.nets import ONE, conv, dense, given, network
from tfsnn.convert import pipeline
from tfsnn.convert.pooled import Pooling, poolings, with_pooled
from tfsnn.errors import InputError
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons
from tfsnn.network.ops import AveragePool, Conv, Reshape

HALF = AveragePool((2, 2), (2, 2))


def pooled_network(filters: int = 6) -> Graph:
    """(8, 8, 1) - convolution - average pooling 2x2 - convolution - average pooling 2x2 - dense."""
    draw = np.random.default_rng(0)
    image = given(8, 8, 1)
    first = conv("first", image, Conv(2, (3, 3), padding=ONE), draw.integers(-3, 5, (3, 3, 1, 2)))
    second = conv("second", first, Conv(filters, (3, 3), padding=ONE), draw.integers(-3, 5, (3, 3, 2, filters)), relays=(HALF,))
    return network(image, first, second, dense("out", second, 3, 2, relays=(HALF, Reshape((4 * filters,))), f="linear"))


def frames(count: int = 5) -> dict[str, Any]:
    return {"in": np.random.default_rng(1).uniform(0, 1, (count, 8, 8, 1)).astype(np.float32)}


def test_poolings_are_found_once() -> None:
    assert poolings(pooled_network()) == [Pooling("first", (HALF,)), Pooling("second", (HALF,))]


def test_the_answers_are_the_same() -> None:
    graph = pooled_network()
    found, names = with_pooled(graph, None, "population")
    assert names == ["first~pooled", "second~pooled"] and [node.name for node in found][2] == "first~pooled"
    one, other = (forward(each, frames())["out"] for each in (graph, found))
    assert np.allclose(one, other)
    assert found.macs()["second"] == graph.macs()["second"] and sum(found.macs().values()) == sum(graph.macs().values())
    assert found["first~pooled"].shape == (4, 4, 2) and found["first~pooled"].sources == ("first",) and poolings(found) == []
    assert [found[name].description for name in names] == ["average pooling"] * 2


def test_where_it_costs_less() -> None:
    # Behind the first pooling lies a fan-out of up to 54, behind the second one of 3: four neurons pay 12, or 4 and then 3.
    assert with_pooled(pooled_network(), frames(), "auto")[1] == ["first~pooled", "second~pooled"]
    # One neuron of four changes in each window, and so does the mean: 1 and 1 instead of 1.
    image = given(4, 4, 1)
    narrow = conv("first", image, Conv(1, (1, 1)), 4)
    graph = network(image, narrow, dense("out", narrow, 1, 4, relays=(HALF, Reshape((4,))), f="linear"))
    one = np.zeros((1, 4, 4, 1), np.float32)
    one[0, ::2, ::2] = 1
    assert with_pooled(graph, {"in": one}, "auto")[1] == []
    assert with_pooled(graph, {"in": np.ones((1, 4, 4, 1), np.float32)}, "auto")[1] == []
    wide = network(image, narrow, dense("out", narrow, 8, 4, relays=(HALF, Reshape((4,))), f="linear"))
    assert with_pooled(wide, {"in": np.ones((1, 4, 4, 1), np.float32)}, "auto")[1] == ["first~pooled"]
    assert with_pooled(wide, {"in": one}, "auto")[1] == []


def test_nothing_is_chosen_without_data_or_against_ones_will() -> None:
    graph = pooled_network()
    assert with_pooled(graph, None, "auto") == (graph, []) and with_pooled(graph, frames(), "synapse") == (graph, [])


def test_a_pooling_that_several_read_is_one_population() -> None:
    graph = pooled_network()
    first, second = graph["first"], conv("second", graph["first"], Conv(3, (1, 1)), 4, relays=(HALF,))
    third = conv("third", first, Conv(3, (1, 1)), 4, relays=(HALF,))
    both = Graph((graph["in"], first, second, third), ("second", "third"))
    found, names = with_pooled(both, frames(), "auto")
    assert names == ["first~pooled"] and found["second"].sources == found["third"].sources == ("first~pooled",)


def test_conversion_chooses_and_zeros_stay_zeros() -> None:
    keras = pytest.importorskip("keras")
    layers = keras.layers
    first, second = (layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in (4, 8))
    model = keras.Sequential([keras.Input((8, 8, 1)), first, layers.AveragePooling2D(2), second, layers.Flatten(), layers.Dense(3)])
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = pipeline.convert_model(model, calibration=x)
        plain = pipeline.convert_model(model, calibration=x, pooling="synapse")
    (name,) = net.provenance["pooling"]["populations"]
    assert name == f"{first.name}~pooled" and plain.provenance["pooling"] == {"chosen": "synapse", "populations": []}
    means = net.graph[name]
    assert isinstance(means, Neurons) and not np.any(means.bias) and means.scale > 0
    given_frames = {net.graph.inputs[0].name: net.graph.inputs[0].encoder.frames(x)}
    one, other = (forward(each.graph, given_frames)[each.graph.outputs[0]] for each in (net, plain))
    assert np.abs(one - other).max() < 0.02 * np.abs(other).max()


def test_refusal() -> None:
    with pytest.raises(InputError, match="pooling 'max'; choose one of auto, synapse, population"):
        pipeline.convert_model("none.h5", pooling="max")

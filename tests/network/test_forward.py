"""The dense forward pass against TensorFlow, and on whole numbers without an error."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.nets import ONE, branches, conv, dense
from tests.nets import given as given_input
from tests.nets import network, three_layers
from tfsnn.network.arithmetic import linear
from tfsnn.network.forward import evaluated, forward
from tfsnn.network.nodes import Neurons, Node
from tfsnn.network.ops import Conv, Dense, Shape, relayed


def in_tensorflow(node: Neurons, sent: dict[str, NDArray[Any]], graph_shapes: dict[str, Shape]) -> NDArray[Any]:
    """x of a population whose synapses are plain convolutions and dense layers, by TensorFlow."""
    import tensorflow as tf

    x = np.zeros((2, *node.shape)) + node.bias
    for s in node.synapses:
        image, weight = sent[s.source].reshape(2, *relayed(s.relays, graph_shapes[s.source])), s.real_weight()
        if isinstance(s.op, Dense):
            x += tf.matmul(image.reshape(2, -1), weight).numpy()
        elif isinstance(s.op, Conv):
            padded = np.pad(image, [(0, 0), *s.op.padding, (0, 0)])
            x += tf.nn.conv2d(padded, weight, s.op.strides, "VALID", dilations=s.op.dilation).numpy()
    return x.reshape(2, -1)


def test_forward_against_tensorflow() -> None:
    graph = three_layers()
    states = forward(graph, {"in": np.random.default_rng(1).normal(size=(2, 3, 3, 1))})
    shapes = {node.name: node.shape for node in graph}
    sent = {"in": states["in"]} | {name: np.maximum(states[name], 0) for name in ("first", "second")}
    for name in ("first", "second", "out"):
        node = graph[name]
        assert isinstance(node, Neurons)
        np.testing.assert_allclose(states[name], in_tensorflow(node, sent, shapes), rtol=1e-12, atol=1e-12)


def test_forward_gives_every_population_its_state_before_f() -> None:
    image = given_input(1)
    graph = network(image, dense("hidden", image, 2, [[4, -4]], bias=1.0), dense("out", dense("hidden", image, 2), 1, f="linear"))
    states = forward(graph, {"in": np.array([[3.0]])})
    assert {name: x.tolist() for name, x in states.items()} == {"in": [[3.0]], "hidden": [[4.0, -2.0]], "out": [[1.0]]}


def test_sent_replaces_what_a_population_sends() -> None:
    def nothing_but_inputs(node: Node, value: NDArray[Any]) -> NDArray[Any]:
        return value * (node.name == "in")

    states = forward(branches(), {"in": np.ones((1, 32))}, sent=nothing_but_inputs)
    assert not states["out"].any() and states["merged"].any()


def test_what_nobody_receives_any_more_is_forgotten() -> None:
    """A chain takes the room of two populations, a skip that of what it waits for."""
    image = given_input(8)
    nodes, sent = [dense("d0", image, 8, np.eye(8, dtype=int))], list[Any]()
    for number in range(1, 30):
        nodes.append(dense(f"d{number}", nodes[-1], 8, np.eye(8, dtype=int)))
    graph = network(image, *nodes)
    for node, x, value in evaluated(graph, {"in": np.ones((2, 8))}):
        assert node is graph.nodes[len(sent)] and x.shape == value.shape == (2, 8)
        sent.append(weakref.ref(value))
        # The one at hand and its source; the loop's own names hold no more.
        assert sum(array() is not None for array in sent) <= 2
    assert len(sent) == 31


def test_float32_is_half_the_cost_and_nearly_the_same() -> None:
    frames = {"in": np.random.default_rng(2).normal(size=(3, 4, 4, 2))}
    exact, fast = forward(branches(), frames), forward(branches(), frames, dtype=np.float32)
    assert {x.dtype for x in fast.values()} == {np.dtype(np.float32)}
    for name, x in exact.items():
        np.testing.assert_allclose(fast[name], x, rtol=1e-4, atol=1e-4)


def test_float64_on_whole_numbers_makes_no_error() -> None:
    image = given_input(3, 3, 2)
    graph = network(image, conv("out", image, Conv(3, (3, 3), padding=ONE), np.arange(54).reshape(3, 3, 2, 3) - 27, f="linear"))
    x = np.random.default_rng(3).integers(-(1 << 40), 1 << 40, (1, 3, 3, 2))
    node = graph["out"]
    assert isinstance(node, Neurons)
    exact = linear(node.synapses[0].op, node.synapses[0].weight.astype(object), x.astype(object).reshape(1, -1), image.shape)
    assert (forward(graph, {"in": x})["out"] * 4).astype(object).tolist() == exact.tolist()


@pytest.mark.parametrize("shape", [(2, 4, 4, 2), (2, 32)])
def test_frames_may_be_flat(shape: Shape) -> None:
    frames = np.arange(64.0).reshape(shape)
    assert forward(branches(), {"in": frames})["in"].shape == (2, 32)

"""The dense forward pass against its equations in loops, against TensorFlow, and on whole numbers without an error."""

from __future__ import annotations

import weakref
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.nets import ONE, branches, conv, dense
from tests.nets import given as given_input
from tests.nets import network, neurons, synapse, three_layers
from tests.strategies import convolutions
from tfsnn.network.forward import drive, evaluated, flat_bias, forward, gathered, linear, pooled_max, real_weight
from tfsnn.network.nodes import MaxPool, Neurons, Node
from tfsnn.network.ops import AveragePool, Conv, Dense, OneToOne, Shape, relayed


def looped(op: Conv, weight: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """A convolution of one image as its docstring writes it."""
    rows, columns, filters = op.output(x.shape)
    y = np.zeros((rows, columns, filters), np.int64)
    inner, outer = x.shape[2] // op.groups, filters // op.groups
    for r, c, o, i, j, k in product(range(rows), range(columns), range(filters), *map(range, op.window), range(inner)):
        row, column = r * op.strides[0] + i * op.dilation[0] - op.padding[0][0], c * op.strides[1] + j * op.dilation[1] - op.padding[1][0]
        if 0 <= row < x.shape[0] and 0 <= column < x.shape[1]:
            y[r, c, o] += weight[i, j, k, o] * x[row, column, o // outer * inner + k]
    return y


@settings(max_examples=30)
@given(st.tuples(st.integers(1, 4), st.integers(1, 5), st.sampled_from([1, 2, 3])), st.data())
def test_convolution_against_loops(shape: Shape, data: st.DataObject) -> None:
    op = data.draw(convolutions(shape))
    rng = np.random.default_rng(0)
    weight, x = rng.integers(-9, 10, op.weight_shape(shape)), rng.integers(-9, 10, shape)
    np.testing.assert_array_equal(linear(op, weight, x.reshape(1, -1), shape)[0], looped(op, weight, x).reshape(-1))


def test_dense_reads_row_major() -> None:
    assert linear(Dense(2), np.array([[1, 10], [2, 20], [3, 30], [4, 40]]), np.array([[1, 0, 0, 1]]), (2, 2)).tolist() == [[5, 50]]


def test_one_to_one_has_a_weight_a_channel_or_a_map() -> None:
    x = np.arange(8).reshape(1, 8)
    assert linear(OneToOne(), np.array([2, -1]), x, (2, 2, 2)).tolist() == [[0, -1, 4, -3, 8, -5, 12, -7]]
    assert linear(OneToOne(), np.arange(8).reshape(2, 2, 2), x, (2, 2, 2)).tolist() == [[n * n for n in range(8)]]


def test_gathered_sums_the_terms_and_leaves_out_the_border() -> None:
    assert gathered(np.array([[1, 10, 100]]), np.array([[0, 2], [-1, 1], [-1, -1], [2, 2]])).tolist() == [[101, 10, 0, 200]]


def test_gathering_one_term_each_keeps_the_numbers() -> None:
    assert gathered(np.array([[1.5, 2.5]]), np.array([[1], [0], [1]])).tolist() == [[2.5, 1.5, 2.5]]


def test_the_border_never_wins_a_maximum() -> None:
    pool = MaxPool("pool", (2, 2, 1), "in", (2, 2), (2, 2), ((1, 0), (0, 1)))
    x = -np.arange(1.0, 10).reshape(1, 9)
    # Rows -1..0 and 1..2, columns 0..1 and 2..3 of -1 -2 -3 / -4 -5 -6 / -7 -8 -9.
    assert pooled_max(pool, x, (3, 3, 1)).tolist() == [[-1, -3, -4, -6]]


def test_overlapping_windows_share_their_maximum() -> None:
    pool = MaxPool("pool", (1, 2, 2), "in", (1, 2), (1, 1))
    assert pooled_max(pool, np.array([[1.0, 6, 2, 5, 0, 4]]), (1, 3, 2)).tolist() == [[2, 6, 2, 5]]


def test_real_weights_are_whole_numbers_times_their_scale() -> None:
    image = given_input(2)
    assert real_weight(synapse(image, Dense(2), [[1, -2], [3, 4]], [0.5, 2.0])).tolist() == [[0.5, -4.0], [1.5, 8.0]]


def test_flat_bias_repeats_a_channel_and_keeps_a_map() -> None:
    each = neurons("n", (2, 1, 2), bias=[1.0, 2.0])
    mapped = neurons("n", (2, 1, 2), bias=np.array([[[1.0, 2.0]], [[3.0, 4.0]]]))
    assert (flat_bias(each).tolist(), flat_bias(mapped).tolist()) == ([1, 2, 1, 2], [1, 2, 3, 4])


def test_drive_divides_an_average_by_its_window() -> None:
    image = given_input(2, 2, 1)
    averaged = synapse(image, Dense(1), 4, 0.5, (AveragePool((2, 2), (2, 2)),))
    assert drive(averaged, np.array([[1.0, 2.0, 3.0, 6.0]]), image.shape).tolist() == [[6.0]]


def in_tensorflow(node: Neurons, told: dict[str, NDArray[Any]], graph_shapes: dict[str, Shape]) -> NDArray[Any]:
    """x of a population whose synapses are plain convolutions and dense layers, by TensorFlow."""
    import tensorflow as tf

    x = np.zeros((2, *node.shape)) + node.bias
    for s in node.synapses:
        image, weight = told[s.source].reshape(2, *relayed(s.relays, graph_shapes[s.source])), real_weight(s)
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
    told = {"in": states["in"]} | {name: np.maximum(states[name], 0) for name in ("first", "second")}
    for name in ("first", "second", "out"):
        node = graph[name]
        assert isinstance(node, Neurons)
        np.testing.assert_allclose(states[name], in_tensorflow(node, told, shapes), rtol=1e-12, atol=1e-12)


def test_forward_gives_every_population_its_state_before_f() -> None:
    image = given_input(1)
    graph = network(image, dense("hidden", image, 2, [[4, -4]], bias=1.0), dense("out", dense("hidden", image, 2), 1, f="linear"))
    states = forward(graph, {"in": np.array([[3.0]])})
    assert {name: x.tolist() for name, x in states.items()} == {"in": [[3.0]], "hidden": [[4.0, -2.0]], "out": [[1.0]]}


def test_sent_replaces_what_a_population_tells() -> None:
    def nothing_but_inputs(node: Node, value: NDArray[Any]) -> NDArray[Any]:
        return value * (node.name == "in")

    states = forward(branches(), {"in": np.ones((1, 32))}, sent=nothing_but_inputs)
    assert not states["out"].any() and states["merged"].any()


def test_what_nobody_hears_any_more_is_forgotten() -> None:
    """A chain takes the room of two populations, a skip that of what it waits for."""
    image = given_input(8)
    nodes, told = [dense("d0", image, 8, np.eye(8, dtype=int))], list[Any]()
    for number in range(1, 30):
        nodes.append(dense(f"d{number}", nodes[-1], 8, np.eye(8, dtype=int)))
    graph = network(image, *nodes)
    for node, x, value in evaluated(graph, {"in": np.ones((2, 8))}):
        assert node is graph.nodes[len(told)] and x.shape == value.shape == (2, 8)
        told.append(weakref.ref(value))
        # The one at hand and its source; the loop's own names hold no more.
        assert sum(array() is not None for array in told) <= 2
    assert len(told) == 31


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

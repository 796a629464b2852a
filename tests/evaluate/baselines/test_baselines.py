"""Rate and time-to-first-spike coding: worked by hand, and against the network that they code."""

from __future__ import annotations

import numpy as np
import pytest

from tests.nets import conv, dense, given, network, neurons, synapse, three_layers
from tfsnn.errors import InputError
from tfsnn.evaluate.baselines.rate import rate_coded
from tfsnn.evaluate.baselines.ttfs import ttfs_coded
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool
from tfsnn.network.ops import Activation, AveragePool, Conv, OneToOne


def chain() -> Graph:
    """One input a, h = ReLU(a / 4), out = 2 h / 4: weights are multiples of 1/4."""
    image = given(1)
    hidden = dense("hidden", image, 1, [[1]])
    return network(image, hidden, dense("out", hidden, 1, [[2]], f="linear"))


def test_rate_by_hand() -> None:
    # a = 1.2, so 0.3 a step and a threshold of 1: v is 0.3, 0.6, 0.9, 1.2 -> a spike, 0.2, 0.5, 0.8, 1.1 -> a spike.
    found = rate_coded(chain(), {"in": np.array([[1.2], [0.0]])}, 8)
    assert found.spikes.tolist() == [2, 0] and found.operations.tolist() == [2, 0] and found.input_macs == 1
    assert found.outputs[:, 0] == pytest.approx([2 * 0.5 / 8, 0.0])


def test_rate_fires_once_a_step() -> None:
    found = rate_coded(chain(), {"in": np.array([[400.0]])}, 5)
    assert found.spikes.tolist() == [5]


def test_ttfs_by_hand() -> None:
    # a = 1 gives a current of 0.25: with dt = 0.5, v reaches 1 in step 8; its spike drives out by 0.5 dt in steps 8 to 10.
    found = ttfs_coded(chain(), {"in": np.array([[1.0], [0.1]])}, 5.0, 0.5)
    assert found.spikes.tolist() == [1, 0] and found.operations.tolist() == [1, 0]
    assert found.outputs[:, 0] == pytest.approx([3 * 0.5 * 0.5 / 5.0, 0.0])


def pooled() -> Graph:
    """Four pixels, each through a neuron of its own, the largest of them to the output."""
    image = given(2, 2, 1)
    first = conv("first", image, Conv(1, (1, 1)), 4)
    pool = MaxPool("pool", (1, 1, 1), "first", (2, 2), (2, 2))
    return network(image, first, pool, conv("out", pool, Conv(1, (1, 1)), 4, f="linear"))


def test_max_pooling_lets_the_leader_through() -> None:
    frame = {"in": np.array([[[[0.11], [0.5]], [[0.3], [0.2]]]])}
    found = rate_coded(pooled(), frame, 40)
    # 4 + 20 + 12 + 8 spikes of the first layer, 20 of the pooling.
    assert found.outputs[0, 0] == pytest.approx(0.5, abs=0.03)
    assert abs(int(found.spikes[0]) - 64) <= 5
    timed = ttfs_coded(pooled(), frame, 10.0, 0.1)
    # The pooling fires with the first of them, at 1 / 0.5 = 2: a ramp of slope 1 over the 8 that are left.
    assert timed.outputs[0, 0] == pytest.approx(0.8, abs=0.02) and timed.spikes[0] == 5


def test_with_more_steps_the_rate_is_the_activation() -> None:
    graph = three_layers(scale=20.0)
    frames = {"in": np.random.default_rng(0).uniform(0, 1, (6, 3, 3, 1))}
    exact = forward(graph, frames)[graph.outputs[0]]
    errors = [np.abs(rate_coded(graph, frames, steps).outputs - exact).max() for steps in (50, 2000)]
    assert errors[1] < 0.05 * np.abs(exact).max() and errors[1] < errors[0] / 4


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, done = three_layers(), list[int]()
    frames = {"in": np.random.default_rng(1).uniform(0, 1, (5, 3, 3, 1))}
    whole = rate_coded(graph, frames, 10), ttfs_coded(graph, frames, 4.0, 0.1)
    monkeypatch.setattr("tfsnn.evaluate.baselines.coding.LARGEST", 2)
    parts = rate_coded(graph, frames, 10, done.append), ttfs_coded(graph, frames, 4.0, 0.1)
    assert done == [2, 2, 1]
    for one, other in zip(whole, parts):
        assert np.allclose(one.outputs, other.outputs) and np.array_equal(one.operations, other.operations)


def test_refusals() -> None:
    frames = {"in": np.zeros((1, 3, 3, 1))}
    with pytest.raises(InputError, match="baseline rate: first has the activation 'tanh'"):
        rate_coded(three_layers(Activation("tanh")), frames, 3)
    with pytest.raises(InputError, match="baseline rate: 0 steps; give 1 or more"):
        rate_coded(three_layers(), frames, 0)
    with pytest.raises(InputError, match="baseline ttfs: duration 1.0 in steps of 2.0"):
        ttfs_coded(three_layers(), frames, 1.0, 2.0)
    image = given(2)
    first = dense("first", image, 2)
    with pytest.raises(InputError, match="baseline ttfs: output first sends to others; the baseline reads outputs that do not fire"):
        ttfs_coded(Graph((image, first, dense("out", first, 1)), ("first", "out")), {"in": np.zeros((1, 2))}, 2.0, 1.0)
    lower = neurons("lower", (2,), synapse(first, OneToOne(), -1), f="linear")
    with pytest.raises(InputError, match="baseline rate: lower has the activation 'linear'; a spike carries no negative value"):
        rate_coded(network(image, first, lower, dense("out", lower, 1)), {"in": np.zeros((1, 2))}, 3)


def test_an_average_pooling_may_be_a_population() -> None:
    image = given(2, 2, 1)
    first = conv("first", image, Conv(1, (1, 1)), 4)
    mean = neurons("mean", (1, 1, 1), synapse(first, OneToOne(), 4, relays=(AveragePool((2, 2), (2, 2)),)), f="linear")
    graph = network(image, first, mean, conv("out", mean, Conv(1, (1, 1)), 4, f="linear"))
    frame = {"in": np.array([[[[0.1], [0.5]], [[0.3], [0.3]]]])}
    found = rate_coded(graph, frame, 40)
    # 4 + 20 + 12 + 12 spikes, each to the one mean, whose 12 reach the output.
    assert found.outputs[0, 0] == pytest.approx(0.3, abs=0.03) and abs(int(found.spikes[0]) - 60) <= 4
    assert found.operations[0] == found.spikes[0]


def test_pooled_input_is_analog_too() -> None:
    image = given(2, 2, 1)
    pool = MaxPool("pool", (1, 1, 1), "in", (2, 2), (2, 2))
    graph = network(image, pool, conv("first", pool, Conv(1, (1, 1)), 4), dense("out", given(1, 1, 1, name="first"), 1, 4, f="linear"))
    found = rate_coded(graph, {"in": np.array([[[[0.1], [0.5]], [[0.3], [0.3]]]])}, 10)
    assert found.spikes.tolist() == [5] and found.input_macs == 1 and found.outputs[0, 0] == pytest.approx(0.5)


def test_outputs_are_activations() -> None:
    graph = network(given(1), dense("out", given(1), 1, 4, f="tanh"))
    assert rate_coded(graph, {"in": np.array([[0.5]])}, 3).outputs[0, 0] == pytest.approx(np.tanh(0.5))

"""The algebra behind lowering: gains, biases and views that move through linear layers without loss."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.convert_parts import PIXELS
from tfsnn.aliases import Array
from tfsnn.convert.lower.builder import Builder
from tfsnn.convert.lower.chains import CHANNELS_FIRST
from tfsnn.convert.lower.signal import Signal, behind_view, per_channel
from tfsnn.errors import ConversionError
from tfsnn.network.forward import forward
from tfsnn.network.nodes import Neurons
from tfsnn.network.ops import Activation, AveragePool, Conv, Dense, Pad, Permute, Reshape, Shape, Stretch, Upsample


def value(builder: Builder, signal: Signal, x: Array) -> Array:
    """What a signal is for an input, by the dense network that closes it."""
    builder.prefix = "out"
    closed = builder.materialized(builder.settle(signal))
    graph = builder.graph([closed.terms[0].source])
    return forward(graph, {"in": x[None]})[graph.outputs[0]].reshape(signal.keras_shape)


STEPS = ("affine", "map", "pad", "mean", "up", "stretch", "turn", "conv", "depth", "add")


@given(st.integers(0, 1 << 30), st.lists(st.sampled_from(STEPS), max_size=6))
def test_whatever_the_order_nothing_is_lost(seed: int, steps: list[str]) -> None:
    """Random chains of linear steps against the same steps on arrays, to float32's own precision."""
    generator, builder = np.random.default_rng(seed), Builder()
    x = generator.normal(size=(5, 4, 2))
    signal, y = builder.input("in", (5, 4, 2), PIXELS), x
    for step in steps:
        builder.prefix, channels = "step", y.shape[2]
        if step == "affine":
            scale, shift = generator.normal(size=(2, channels))
            signal, y = builder.affine(signal, scale, shift), y * scale + shift
        elif step == "map":
            signal, y = builder.average_pool(signal, AveragePool((2, 1), (1, 1)), ((0, 1), (0, 0))), _mean_down(y)
        elif step == "pad":
            signal, y = builder.relay(signal, Pad(((1, 0), (0, 2), (0, 0)))), np.pad(y, ((1, 0), (0, 2), (0, 0)))
        elif step == "mean":
            signal, y = builder.relay(signal, AveragePool((2, 2), (1, 1))), (y[1:, 1:] + y[1:, :-1] + y[:-1, 1:] + y[:-1, :-1]) / 4
        elif step == "up":
            signal, y = builder.relay(signal, Upsample((1, 2))), y.repeat(2, axis=1)
        elif step == "stretch":
            wide = np.zeros((2 * y.shape[0] - 1, y.shape[1], channels))
            wide[::2] = y
            signal, y = builder.relay(signal, Stretch((2, 1))), wide
        elif step == "turn":
            signal, y = builder.relay(signal, Permute((1, 0, 2))), y.transpose(1, 0, 2)
        elif step == "add":
            signal, y = builder.add([signal, signal]), 2 * y
        else:
            groups = channels if step == "depth" else 1
            if y.shape[0] < 2:
                break
            weight = generator.normal(size=(2, 1, channels // groups, channels))
            signal = builder.linear(signal, Conv(channels, (2, 1), groups=groups), weight, np.ones(channels))
            full = weight if groups == 1 else weight * np.eye(channels)
            y = np.einsum("rci,io->rco", y[:-1], full[0, 0]) + np.einsum("rci,io->rco", y[1:], full[1, 0]) + 1
        if min(y.shape) < 3 and step != "add":
            break
    np.testing.assert_allclose(value(builder, signal, x), y, atol=2e-5 * max(1.0, float(np.abs(y).max())))


def _mean_down(y: Array) -> Array:
    """Mean of each value and the one below it; the last row has none below."""
    mean = y.copy()
    mean[:-1] = (y[:-1] + y[1:]) / 2
    return mean


def test_a_bias_becomes_a_map_at_borders_alone() -> None:
    builder = Builder()
    signal = builder.affine(builder.input("in", (5, 4, 1), PIXELS), np.ones(1), np.ones(1))
    conv = Conv(1, (3, 3), padding=((1, 1), (1, 1)))
    inside, at_border = (builder.linear(signal, op, np.ones((3, 3, 1, 1))) for op in (Conv(1, (3, 3)), conv))
    for one, shape in ((inside, (1,)), (at_border, (5, 4, 1))):
        builder.neurons(one, Activation(), name="n")
        node = builder.nodes[-1]
        assert isinstance(node, Neurons) and node.bias.shape == shape
        assert node.bias.reshape(-1)[0] == (9 if shape == (1,) else 4) and node.bias.max() == 9


def test_uneven_gains_cost_a_population() -> None:
    """A mean over values of different gain cannot be one gain behind the mean: the values are closed first, and only then."""
    builder = Builder()
    builder.prefix = "layer"
    signal = builder.input("in", (4, 4, 2), PIXELS)
    scaled = builder.affine(signal, np.array([1.0, 2.0]), np.zeros(2))
    mixed = builder.relay(scaled, Reshape((4, 8, 1)))
    assert len(builder.nodes) == 1 and mixed.terms[0].gain.ndim == 3
    builder.relay(mixed, AveragePool((2, 1), (2, 1)))
    assert len(builder.nodes) == 1
    builder.relay(mixed, AveragePool((1, 2), (1, 2)))
    assert [type(node).__name__ for node in builder.nodes] == ["Input", "Neurons"]
    assert builder.materialized(mixed) is builder.materialized(mixed)


def test_max_pooling_takes_positive_gains_through() -> None:
    for gain, nodes in (([1.0, 2.0], ["Input", "MaxPool"]), ([1.0, -2.0], ["Input", "Neurons", "MaxPool"])):
        builder = Builder()
        signal = builder.affine(builder.input("in", (4, 4, 2), PIXELS), np.array(gain), np.ones(2))
        builder.max_pool(signal, (2, 2), (2, 2), ((0, 0), (0, 0)))
        assert [type(node).__name__ for node in builder.nodes] == nodes


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 2, 1)])
def test_behind_view_is_the_inverse_of_the_view(shape: Shape) -> None:
    builder = Builder()
    signal = builder.input("in", shape, PIXELS).viewed(CHANNELS_FIRST, Reshape((shape[2], shape[0] * shape[1])), Permute((1, 0)))
    values = np.arange(prod(shape)).reshape(shape)
    seen = values.transpose(2, 0, 1).reshape(shape[2], -1).T
    np.testing.assert_array_equal(behind_view(signal, seen), values)


def test_per_channel() -> None:
    gain = np.array([[1.0, np.nan, 2.0], [1.0, np.nan, 2.0]])
    np.testing.assert_array_equal(per_channel(gain), [1.0, np.nan, 2.0])
    assert per_channel(np.array([[1.0, 2.0], [1.0, 3.0]])) is None
    assert per_channel(np.ones(())) is not None


def test_sizes_are_bounded() -> None:
    builder = Builder()
    builder.prefix = "big"
    signal = builder.input("in", (600, 600, 3), PIXELS)
    message = r"layer 'big': an output of shape \(.*; below 134,217,728 values can be converted: give a smaller input"
    for relay in (Upsample((1 << 12, 1)), AveragePool((300, 300), (1, 1)), Pad(((0, 1 << 20), (0, 0), (0, 0)))):
        with pytest.raises(ConversionError, match=message):
            builder.relay(signal, relay)
    with pytest.raises(ConversionError, match=message):
        builder.max_pool(signal, (300, 300), (1, 1), ((0, 0), (0, 0)))


def test_every_operation_takes_a_gain() -> None:
    builder = Builder()
    signal = builder.affine(builder.input("in", (3,), PIXELS), np.array([1.0, 2.0, 3.0]), np.ones(3))
    dense = builder.linear(signal, Dense(2), np.ones((3, 2)))
    np.testing.assert_array_equal(dense.terms[0].weight, [[1, 1], [2, 2], [3, 3]])
    assert dense.bias.tolist() == [3, 3]
    image = builder.affine(builder.input("image", (2, 2, 4), PIXELS), np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4))
    grouped = builder.linear(image, Conv(4, (1, 1), groups=2), np.ones((1, 1, 2, 4)))
    np.testing.assert_array_equal(grouped.terms[0].weight, [[[[1, 1, 3, 3], [2, 2, 4, 4]]]])

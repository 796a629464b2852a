"""Quantized weights: within half a step, in the narrowest type, and with their mean error taken out of the bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.convert_parts import difference, drawn, graph_of, outputs, sequential
from tfsnn.convert.calibrate import calibrate
from tfsnn.convert.quantize import quantize, quantized_synapse
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons, Synapse
from tfsnn.network.ops import Conv, Dense, OneToOne


@given(st.integers(2, 16), st.booleans(), st.integers(0, 1 << 30))
def test_error_is_half_a_step(bits: int, per_tensor: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    weight = (generator.normal(size=(2, 3, 2, 4)) * 10.0 ** generator.integers(-6, 6, 4)).astype(np.float32)
    weight[..., generator.integers(0, 4)] *= generator.integers(0, 2)
    rounded = quantized_synapse(Synapse("a", (), Conv(4, (2, 3)), weight), bits, per_tensor)
    scale = np.broadcast_to(np.asarray(rounded.scale), (4,))
    assert rounded.weight.dtype == (np.int8 if bits <= 8 else np.int16)
    assert np.abs(rounded.weight.astype(int)).max(initial=0) <= (1 << bits - 1) - 1
    assert np.all(np.abs(rounded.real_weight() - weight) <= scale * (0.5 + 1e-3))
    assert np.asarray(rounded.scale).shape == (() if per_tensor else (4,)) and np.all(scale > 0)


@pytest.mark.parametrize("per_tensor", [False, True])
def test_blocks_leave_no_trace(per_tensor: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large layer is rounded block by block, to the same weights as at once."""
    synapse = Synapse("a", (), Conv(4, (2, 3)), np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32))
    at_once = quantized_synapse(synapse, 8, per_tensor)
    exact = np.rint(synapse.weight.astype(np.float64) / np.asarray(at_once.scale))
    np.testing.assert_array_equal(at_once.weight, exact)
    for size in (1, 7, 12):
        monkeypatch.setattr("tfsnn.convert.quantize.BLOCK", size)
        np.testing.assert_array_equal(quantized_synapse(synapse, 8, per_tensor).weight, at_once.weight)


def test_a_skip_loses_nothing() -> None:
    weight = np.array([[0.3, -2.5], [0.0, 1.0]], np.float32)
    rounded = quantized_synapse(Synapse("a", (), OneToOne(), weight), 2, True)
    assert rounded.weight.tolist() == [[127, -127], [0, 127]]
    np.testing.assert_allclose(rounded.real_weight(), weight, rtol=1e-6)


def test_a_tensor_of_zeros() -> None:
    rounded = quantized_synapse(Synapse("a", (), Dense(3), np.zeros((2, 3), np.float32)), 8, False)
    assert not rounded.weight.any() and np.all(np.asarray(rounded.scale) > 0)


@pytest.mark.parametrize("bits", [1, 17, 8.0, True, "8"])
def test_bits(bits: Any) -> None:
    with pytest.raises(InputError, match=f"weight bits {bits!r}; choose a whole number from 2 to 16"):
        quantize(graph_of(sequential((3,), "Dense(2)")), bits=bits)


def uneven() -> Graph:
    """A network whose channels differ a hundredfold, as after folding a batch norm: one scale for all loses the small ones."""
    model = sequential((8, 7, 3), "Conv2D(16, 3, activation='relu')", "Conv2D(16, 3, activation='relu')", "Flatten()", "Dense(6)")
    generator = np.random.default_rng(0)
    for part in model.layers[:2]:
        kernel, bias = part.get_weights()
        part.set_weights([(kernel + 0.1) * 10 ** generator.uniform(-2, 0, kernel.shape[-1]), bias])
    return graph_of(model)


@pytest.mark.parametrize(("bits", "per_tensor"), [(8, True), (4, False), (3, False), (5, True)])
def test_bias_correction_helps(bits: int, per_tensor: bool) -> None:
    graph = uneven()
    seen, fresh = ({name: np.abs(x) for name, x in drawn(graph, 64, seed).items()} for seed in (1, 2))
    exact = outputs(graph, fresh)[0]
    means = calibrate(graph, seen).means
    plain, corrected = (outputs(quantize(graph, bits=bits, per_tensor=per_tensor, means=m), fresh)[0] for m in (None, means))
    # What it takes out is the mean error of each output; the error of single outputs gets no larger by it.
    assert np.abs((corrected - exact).mean(axis=0)).mean() < 0.5 * np.abs((plain - exact).mean(axis=0)).mean()
    assert np.abs(corrected - exact).mean() < np.abs(plain - exact).mean()


def test_sixteen_bits_are_as_good_as_float() -> None:
    graph = uneven()
    frames = drawn(graph)
    assert difference(outputs(quantize(graph, bits=16), frames), outputs(graph, frames)) < 1e-3
    nodes = [node for node in quantize(graph, bits=9).nodes if isinstance(node, Neurons)]
    assert all(synapse.weight.dtype == np.int16 for node in nodes for synapse in node.synapses)

"""What a network answers: by output, as Keras would, without an encoder built by hand; and nothing overwritten unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfsnn
from tests.nets import dense, given, three_layers
from tfsnn.artifact import Net, load, save
from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events, merged
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, Neurons
from tfsnn.network.ops import Activation
from tfsnn.simulate import simulate

SETTINGS: dict[str, Any] = {"threshold": 1e-3, "unit": "absolute", "engine": "eager"}
RAW = np.random.default_rng(3).integers(0, 5, (6, 3, 3, 1)).astype(np.uint8)


def fed(encoder: Encoder) -> Net:
    source, *rest = three_layers().nodes
    return Net(Graph((Input(source.name, source.shape, encoder), *rest), three_layers().outputs))


def two() -> Graph:
    first, second = given(2, name="a"), given(3, name="b")
    return Graph((first, second, dense("one", first, 2), dense("other", second, 3)), ("one", "other"))


@pytest.mark.parametrize("kind", ["graded", "delta"])
def test_predict_is_the_forward_pass_at_a_small_threshold(kind: str) -> None:
    net = fed(Encoder(kind, scale=0.25, threshold=0.0))
    expected = forward(net.graph, {"in": net.graph.inputs[0].encoder.frames(RAW)})["out"]
    found = net.predict(RAW, **SETTINGS)
    assert found.shape == (6, 2) and np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_softmax_is_applied_where_keras_applies_it() -> None:
    net = fed(Encoder("graded", scale=0.25))
    *front, last = net.graph.nodes
    assert isinstance(last, Neurons)
    shares = Net(Graph((*front, replace(last, softmax=True)), net.graph.outputs)).predict(RAW, **SETTINGS)
    assert np.allclose(shares.sum(axis=1), 1) and np.array_equal(shares.argmax(axis=1), net.predict(RAW, **SETTINGS).argmax(axis=1))


def test_several_inputs_and_outputs_by_name() -> None:
    graph = two()
    raw = {"a": np.arange(8).reshape(4, 2), "b": np.arange(12).reshape(4, 3) - 5}
    net = Net(graph)
    result = simulate(graph, net.events(raw), **SETTINGS)
    # Its neurons are ReLUs, and forward gives their states.
    states = forward(graph, {name: values.astype(np.float64) for name, values in raw.items()})
    expected = {name: np.maximum(x, 0) for name, x in states.items()}
    for name in ("one", "other"):
        assert np.allclose(result.by_output[name], expected[name]) and np.allclose(net.predict(raw, **SETTINGS)[name], expected[name])
        assert np.array_equal(result.predictions[name], expected[name].argmax(axis=1))


def test_a_single_value_names_a_class_only_as_a_sigmoid() -> None:
    source = given(2)
    raw = np.array([[1, -3], [5, 2], [0, 0]])
    graph = Graph((source, dense("out", source, 1)), ("out",))
    with pytest.raises(InputError, match="output out is one number and names no class; take result.outputs"):
        simulate(graph, Net(graph).events(raw), **SETTINGS).predictions
    node = graph.nodes[1]
    assert isinstance(node, Neurons)
    graph = Graph((source, replace(node, activation=Activation("sigmoid"))), ("out",))
    result = simulate(graph, Net(graph).events(raw), **SETTINGS)
    assert np.array_equal(result.predictions, (result.outputs[:, 0] > 0.5).astype(int))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((2, 2)), "data for a; the network's inputs are a, b: give a dict with an array for each"),
        ({"a": np.zeros((2, 2), int), "c": 1}, "data for a, c; the network's inputs are a, b"),
        ({"a": np.zeros((2, 2), int), "b": np.zeros((2, 2), int)}, r"data of shape \(2, 2\) for input b; give \(samples, 3\)"),
    ],
)
def test_data_that_do_not_fit_the_inputs(raw: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"net.events: {message}"):
        Net(two()).events(raw)


def test_inputs_of_other_samples_or_ticks_do_not_merge() -> None:
    one, other = (Events([0], [0], [1], offsets, (2,), tick=tick) for offsets, tick in (([0, 1], 1.0), ([0, 1], 0.5)))
    with pytest.raises(InputError, match="inputs of 1 samples in ticks of 1 TU and 1 samples in ticks of 0.5 TU; give the same"):
        merged([one, other])
    with pytest.raises(InputError, match="inputs of 1 samples in ticks of 1 TU and 2 samples in ticks of 1 TU"):
        merged([one, Events([0], [0], [1], [0, 1, 1], (2,))])


def test_merged_streams_keep_time_and_order() -> None:
    one, other = Events([1, 5], [0, 1], [1, 2], [0, 2], (2,)), Events([0, 1], [1, 0], [3, 4], [0, 2], (2,))
    found = merged([one, other])
    assert (found.t.tolist(), found.neuron.tolist(), found.payload.tolist()) == ([0, 1, 1, 5], [3, 0, 2, 1], [3, 1, 4, 2])
    assert found.shape == (4,)


def test_save_overwrites_nothing_unasked(tmp_path: Path) -> None:
    net, path = fed(Encoder("graded")), tmp_path / "net.snn.h5"
    save(net, path)
    content = path.read_bytes()
    with pytest.raises(InputError, match="net.snn.h5: exists already; choose another name, or overwrite with force=True"):
        tfsnn.save(fed(Encoder("delta")), path)
    assert path.read_bytes() == content
    save(fed(Encoder("delta")), path, force=True)
    assert load(path).graph.inputs[0].encoder == Encoder("delta")

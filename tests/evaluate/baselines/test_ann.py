"""The ANNs beside the events: against loops over every multiplication, and against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nets import branches, conv, dense
from tests.nets import given as image
from tests.nets import network, three_layers
from tests.strategies import graphs
from tfsnn.errors import RangeError
from tfsnn.evaluate.baselines import ann
from tfsnn.evaluate.measure import papers
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons
from tfsnn.network.ops import Activation, AveragePool, Conv
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings

PAD = ((2, 2), (2, 2))


def papers_network(filters: int = 8) -> Graph:
    """16C5-2AP2-8C5-2AP2-256-10 on 28 x 28."""
    source, halves = image(28, 28, 1), (AveragePool((2, 2), (2, 2)),)
    first = conv("first", source, Conv(16, (5, 5), padding=PAD))
    second = conv("second", first, Conv(filters, (5, 5), padding=PAD), relays=halves)
    third = dense("third", second, 256, relays=halves)
    return network(source, first, second, third, dense("out", third, 10, f="linear"))


def frames_for(graph: Graph, frames: int, seed: int) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    return {
        node.name: draw.integers(-3, 4, (frames, *node.shape)) * draw.integers(0, 2, (frames, *node.shape)) for node in graph.inputs
    }


def values_of(graph: Graph, frames: dict[str, Any]) -> dict[str, Any]:
    """f(x) of every population."""
    found: dict[str, Any] = {}
    forward(graph, frames, sent=lambda node, value: found.setdefault(node.name, value))
    return found


@settings(max_examples=40)
@given(graphs(), st.integers(0, 99))
def test_outputs_and_dense_bound(graph: Graph, seed: int) -> None:
    frames = frames_for(graph, 3, seed)
    found, values = ann.ann(graph, frames), values_of(graph, frames)
    assert np.array_equal(found.outputs, np.concatenate([values[name] for name in graph.outputs], axis=1))
    np.testing.assert_allclose(ann.dense_outputs(graph, frames), found.outputs, rtol=1e-4, atol=1e-3)
    for name, macs in graph.macs().items():
        assert found.nonzero_macs[name].shape == (3,) and (found.nonzero_macs[name] <= macs).all()
    # Where nothing is 0 nothing is skipped.
    if all((values[node.name] != 0).all() for node in graph.nodes):
        assert all((found.nonzero_macs[name] == macs).all() for name, macs in graph.macs().items())


def test_skipped_by_hand() -> None:
    source = image(3, 3, 1)
    graph = network(source, conv("out", source, Conv(2, (3, 3), padding=((1, 1), (1, 1))), f="linear"))
    frames = np.zeros((3, 3, 3, 1))
    frames[0, 0, 0], frames[1, 1, 1], frames[2, 0, 1], frames[2, 2, 2] = 1, -2, 5, 1
    # A corner lies under 4 of the nine positions, an edge under 6, the middle under 9; two filters each.
    assert ann.ann(graph, {"in": frames}).nonzero_macs["out"].tolist() == [8, 18, 12 + 8]


def test_skipping_behind_an_average() -> None:
    source = image(2, 4, 1)
    graph = network(source, dense("out", source, 5, relays=(AveragePool((2, 2), (2, 2)),), f="linear"))
    frames = np.zeros((2, 2, 4, 1))
    frames[0, :, :2], frames[1, 0, 0], frames[1, 1, 3] = 1, 1, 1
    # One average that is not 0, however many pixels make it; then two.
    assert ann.ann(graph, {"in": frames}).nonzero_macs["out"].tolist() == [5, 10]


def test_skipped_like_a_loop() -> None:
    graph = branches()
    frames = frames_for(graph, 4, 1)
    values, found = values_of(graph, frames), ann.ann(graph, frames)
    merged, out = values["merged"].reshape(4, 2, 2, 2), values["added"]
    # Two skips: sums have no kernel, and no multiply-accumulates.
    assert found.nonzero_macs["added"].tolist() == [0] * 4
    assert found.nonzero_macs["out"].tolist() == [3 * (out[s] != 0).sum() for s in range(4)]
    # Depthwise 3x3 with a border of one over 2x2: each value reaches all four positions of its own channel.
    assert found.nonzero_macs["inner"].tolist() == [4 * (merged[s] != 0).sum() for s in range(4)]


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = three_layers()
    done: list[int] = []
    frames = frames_for(graph, 7, 2)
    whole = ann.ann(graph, frames, done.append)
    monkeypatch.setattr(ann, "BATCH", 2)
    parts = ann.ann(graph, frames, done.append)
    assert np.array_equal(whole.outputs, parts.outputs) and whole.zeros == parts.zeros
    assert all(np.array_equal(whole.nonzero_macs[name], parts.nonzero_macs[name]) for name in graph.macs())
    assert done == [7, 2, 2, 2, 1]


def test_zeros() -> None:
    graph = three_layers()
    values = values_of(graph, frames_for(graph, 5, 3))
    hidden = np.concatenate([values[name] for name in ("first", "second")], axis=1)
    assert ann.ann(graph, frames_for(graph, 5, 3)).zeros == np.mean(hidden == 0)


def test_quantized_by_hand() -> None:
    source = image(1)
    hidden = dense("hidden", source, 1, 1, f="linear")
    graph = network(source, hidden, dense("out", hidden, 1, 4, f="linear"))
    plan = make(graph, Settings(1.0, "absolute"))
    # x = v / 4, what is sent is its floor, and the output receives it with a weight of 4 / 4.
    assert ann.quantized_ann(plan, {"in": np.array([[7], [8], [-1], [-9]])}).tolist() == [[1], [2], [-1], [-3]]


def test_quantized_output_that_spikes() -> None:
    source = image(1)
    graph = network(source, dense("out", source, 1, 1, f="linear"))
    for spiking, expected in ((False, 1.75), (True, 1.5)):
        plan = make(graph, Settings(0.5, "absolute", spiking_output=spiking))
        assert ann.quantized_ann(plan, {"in": np.array([[7]])}).tolist() == [[expected]]


@settings(max_examples=30)
@given(graphs(), st.integers(0, 99))
def test_finely_quantized_is_the_ann(graph: Graph, seed: int) -> None:
    smooth = all(node.activation.kind != "hard_silu" for node in graph.nodes if isinstance(node, Neurons))
    if not smooth:
        return
    frames = frames_for(graph, 2, seed)
    try:
        plan = make(graph, Settings(1e-7, "absolute"))
    except RangeError:
        # Numbers far apart, some grid has no room for: another threshold is asked for by name.
        return
    assert np.allclose(ann.quantized_ann(plan, frames), ann.ann(graph, frames).outputs, atol=1e-2)


def test_papers_count() -> None:
    graph = papers_network()
    assert papers.papers_macs(graph) == 455_712
    assert (sum(graph.macs(borders=True).values()), sum(graph.macs().values())) == (1_043_712, 914_496)


@pytest.mark.parametrize(
    "graph", [papers_network(filters=9), three_layers(), branches(), three_layers(Activation("tanh"))]
)
def test_papers_count_of_another_network(graph: Graph) -> None:
    assert papers.papers_macs(graph) is None

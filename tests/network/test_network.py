"""The graph: what it says about itself, and a message for each way in which it does not fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.nets import ONE, branches, conv, dense, given, network, neurons, synapse, three_layers
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph, synapse_macs
from tfsnn.network.nodes import MaxPool, Neurons, Node
from tfsnn.network.ops import Activation, AveragePool, Conv, Dense, OneToOne, Permute, Reshape

BRANCHES = """\
population  what it is                 shape  receives from  parameters  MACs  scale
------------------------------------------------------------------------------------
in          input, graded              4x4x2
pool        max pooling 2x2            2x2x2  in
merged      conv 3x3 / 2 + skip, relu  2x2x2  in, pool               40   100      1
inner       depthwise conv 3x3, tanh   2x2x2  merged                 20    32      1
added       skip + skip, relu          2x2x2  merged, inner           6     0      1
out         dense, output              3      added                  27    24      1
35 neurons, 93 parameters, 156 MACs a frame inside the borders"""


def test_print_shows_the_whole_network() -> None:
    assert str(branches()) == BRANCHES


def test_a_graph_is_one_line_elsewhere() -> None:
    assert repr(branches()) == "<Graph in 4x4x2 -> out 3: 6 populations, 35 neurons, 93 parameters>"


def test_print_names_softmax_constants_and_groups() -> None:
    image = given(2, 2, 4)
    grouped = conv("grouped", image, Conv(6, (1, 1), groups=2), scale=1234.5678)
    graph = network(image, neurons("constant", (2,)), grouped, dense("out", grouped, 1000, f="linear", softmax=True))
    lines = str(graph).splitlines()
    assert [line.split("  ")[0] for line in lines[3:6]] == ["constant", "grouped", "out"]
    assert "constant, relu" in lines[3] and "conv in 2 groups 1x1, relu" in lines[4] and lines[4].endswith("48   1235")
    assert "dense, softmax, output" in lines[5] and "25,000" in lines[5]


def test_populations_are_found_by_name_and_in_order() -> None:
    graph = branches()
    assert [node.name for node in graph] == ["in", "pool", "merged", "inner", "added", "out"]
    assert graph["inner"].name == "inner" and [node.name for node in graph.inputs] == ["in"]
    with pytest.raises(InputError, match="^graph: no population 'nowhere'; there are in, pool, merged, inner, added, out"):
        graph["nowhere"]


def test_sizes() -> None:
    # Neurons: 8 pooled, 8 merged, 8 inner, 8 added, 3 out. Parameters: 36 + 2 + 2, 18 + 2, 2 + 2 + 2, 24 + 3.
    assert (branches().neurons, branches().parameters) == (35, 93)


def test_consumers_and_sources() -> None:
    graph = branches()
    assert [node.name for node in graph.consumers("merged")] == ["inner", "added"]
    assert [node.name for node in graph.consumers("in")] == ["pool", "merged"]
    assert [graph[name].sources for name in ("in", "pool", "merged", "added")] == [(), ("in",), ("in", "pool"), ("merged", "inner")]


def test_a_source_of_two_synapses_is_named_once() -> None:
    image = given(3)
    assert neurons("n", (3,), synapse(image, OneToOne(), 1), synapse(image, Dense(3), 1)).sources == ("in",)


def test_macs_with_and_without_the_border() -> None:
    # 3x3 windows at the 4 positions of a 2x2 image cover 4 pixels each: 16 of 36 taps lie inside; 2 channels to 3 filters.
    image = given(2, 2, 2)
    same = conv("same", image, Conv(3, (3, 3), padding=ONE))
    graph = network(image, same, dense("out", same, 5))
    assert graph.macs() == {"same": 16 * 2 * 3, "out": 12 * 5}
    assert graph.macs(borders=True) == {"same": 36 * 2 * 3, "out": 12 * 5}


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_macs_of_strides_and_groups(groups: int) -> None:
    # 5x5, padded by 1, stride 2: windows cover rows 0-1, 1-3, 3-4, that is (2 + 3 + 2)^2 = 49 of 81 taps.
    image = given(5, 5, 4)
    made = synapse(image, Conv(4, (3, 3), (2, 2), ONE, groups=groups), 1)
    assert synapse_macs(made, image.shape, borders=False) == 49 * 4 * 4 // groups
    assert synapse_macs(made, image.shape, borders=True) == 81 * 4 * 4 // groups


def test_relays_cost_no_macs() -> None:
    image = given(4, 4, 1)
    pooled = synapse(image, Dense(3), 1, relays=(AveragePool((2, 2), (2, 2)),))
    assert synapse_macs(pooled, image.shape, borders=True) == 4 * 3


Change = Callable[[dict[str, Node]], tuple[tuple[Node, ...], tuple[str, ...]]]


def changed(which: str, /, **changes: Any) -> Change:
    """three_layers with one population changed."""
    return lambda nodes: (tuple(replace(node, **changes) if node.name == which else node for node in nodes.values()), ("out",))


def with_synapse(which: str, /, **changes: Any) -> Change:
    """three_layers with a synapse changed."""

    def change(nodes: dict[str, Node]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
        node = nodes[which]
        assert isinstance(node, Neurons)
        return changed(which, synapses=(replace(node.synapses[0], **changes),))(nodes)

    return change


def also(node: Node) -> Change:
    """three_layers with one more population."""
    return lambda nodes: ((*nodes.values(), node), ("out",))


def pool(window: tuple[int, int] = (1, 1), shape: tuple[int, ...] = (2, 2, 2), **settings: Any) -> MaxPool:
    """Max pooling of the first layer, (2, 2, 2)."""
    return MaxPool("pool", shape, "first", window, settings.pop("strides", (1, 1)), **settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (also(given(3, name="second")), "two populations are named 'second'; names must be unique"),
        (lambda nodes: ((nodes["in"],), ()), "1 inputs and 0 outputs; there must be at least one of each"),
        (lambda nodes: ((neurons("n", (2,)),), ("n",)), "0 inputs and 1 outputs; there must be at least one of each"),
        (lambda nodes: (tuple(nodes.values()), ("in",)), "output 'in' is no population of neurons; choose among in, first, second, out"),
        (lambda nodes: (tuple(nodes.values()), ("last",)), "output 'last' is no population of neurons; choose among"),
        (changed("second", softmax=True), "second: softmax inside the network; only an output can have it"),
        (lambda nodes: (tuple(reversed(nodes.values())), ("out",)), "out: receives from 'second', which does not come before it; list"),
        (with_synapse("out", source="out"), "out: receives from 'out', which does not come before it"),
        (changed("first", shape=(2, 0, 2)), r"first: shape \(2, 0, 2\); every axis must be 1 or longer"),
        (changed("first", shape=()), r"first: shape \(\); every axis must be 1 or longer"),
        (changed("in", name=""), r": shape \(3, 3, 1\); every axis must be 1 or longer, their product below"),
        (changed("first", shape=(2, 2, 3), bias=np.zeros(3)), r"first: synapse 0 from in: shape \(2, 2, 3\); expected \(2, 2, 2\)"),
        (changed("first", activation=Activation("sine")), "first: activation 'sine'; choose one of linear, relu"),
        (
            changed("first", activation=Activation("relu", slope=(0.1, 0.2, 0.3))),
            r"first: Activation\(.*slope one number or an array that broadcasts to \(2, 2, 2\)",
        ),
        (changed("first", activation=Activation("relu", slope="steep")), "first: Activation.*its settings must be numbers"),
        (changed("first", activation=Activation("relu", top=float("nan"))), "first: Activation.*top 0 or above"),
        (changed("first", activation=Activation("elu", alpha=float("inf"))), "first: Activation.*its settings must be numbers"),
        (changed("first", bias=np.zeros(3)), r"first: bias of shape \(3,\); expected \(2,\) or \(2, 2, 2\)"),
        (changed("first", bias=np.array([0.0, np.nan])), "first: bias holds NaN or infinity; the model that it came from is broken"),
        (
            changed("first", shape=(1 << 16, 1 << 14, 2)),
            r"first: shape \(65536, 16384, 2\); every axis must be 1 or longer, their product below 2\^31",
        ),
        (changed("first", scale="wide"), "first: scale is 'wide'; it must be a positive number"),
        (changed("first", scale=0.0), "first: scale is 0.0; it must be a positive number"),
        (changed("first", threshold=float("nan")), "first: threshold is nan; it must be a positive number"),
        (with_synapse("first", op=Conv(2, (2, 2), groups=2)), r"first: synapse 0 from in: a convolution in 2 groups over \(3, 3, 1\)"),
        (
            with_synapse("second", op=Conv(3, (1, 1)), relays=(Reshape((8,)),)),
            r"second: synapse 0 from first: a convolution in 1 groups over \(8,\)",
        ),
        (
            with_synapse("first", op=Conv(2, (2, 2), strides=(0, 1))),
            r"first: synapse 0 from in: window \(2, 2\), strides \(0, 1\), .*must be 1 or above",
        ),
        (with_synapse("first", op=Conv(2, (2, 2), padding=((-1, 0), (0, 0)))), r"padding \(\(-1, 0\), \(0, 0\)\), .*padding 0 or above"),
        (with_synapse("first", op=Conv(2, (2, 2), dilation=(1, 0))), r"dilation \(1, 0\), groups 1; each must be 1 or above"),
        (
            with_synapse("first", op=Conv(2, (2,), (1,))),  # type: ignore[arg-type]
            r"window \(2,\), strides \(1,\), .*one for rows and one for columns",
        ),
        (
            with_synapse("first", relays=(Reshape((3, 2, 1)),)),
            r"first: synapse 0 from in: Reshape\(shape=\(3, 2, 1\)\) of shape \(3, 3, 1\)",
        ),
        (with_synapse("second", op=Dense(4)), r"second: synapse 0 from first: shape \(3,\); expected \(4,\)"),
        (
            with_synapse("second", weight=np.zeros((3, 8), np.int8)),
            r"second: synapse 0 from first: weight shape \(3, 8\); expected \(8, 3\)",
        ),
        (with_synapse("second", weight=np.full((8, 3), np.inf)), "second: synapse 0 from first: weight holds NaN or infinity"),
        (with_synapse("second", scale=np.ones(2, np.float32)), r"scale of shape \(2,\); it must be positive, one for all or \(3,\)"),
        (with_synapse("second", scale=np.array([1, 0, 1], np.float32)), r"scale of shape \(3,\); it must be positive"),
        (with_synapse("second", scale=np.array([1, np.nan, 1], np.float32)), r"scale of shape \(3,\); it must be positive"),
        (
            also(pool(relays=(Reshape((8,)),))),
            r"pool: max pooling of shape \(8,\); it takes \(rows, columns, channels\), without average pooling before it",
        ),
        (
            also(pool(relays=(AveragePool((1, 2), (1, 1)),), shape=(2, 1, 2))),
            r"pool: max pooling of shape \(2, 1, 2\); .*without average pooling before it",
        ),
        (also(pool(relays=(Permute((0, 1)),))), r"pool: Permute\(axes=\(0, 1\)\) of shape \(2, 2, 2\)"),
        (also(pool((2, 2))), r"pool: shape \(2, 2, 2\); expected \(1, 1, 2\)"),
        (also(pool((2, 2), strides=(0, 0))), r"pool: window \(2, 2\), strides \(0, 0\), .*must be 1 or above"),
        (
            also(pool(padding=((0, 1), (0, 0)))),
            r"pool: padding \(\(0, 1\), \(0, 0\)\) around windows \(1, 1\); each window must overlap the input",
        ),
        (also(pool(relays=(Reshape((2, 4)),), shape=(2, 4, 1))), r"pool: max pooling of shape \(2, 4\)"),
    ],
)
def test_graphs_that_do_not_fit_together(change: Change, message: str) -> None:
    nodes = {node.name: node for node in three_layers()}
    with pytest.raises(InputError, match=f"^graph: .*{message}"):
        Graph(*change(nodes))


def test_a_map_of_weights_and_scales_is_a_skip_connection_of_its_own() -> None:
    image = given(2, 2, 1)
    mapped = synapse(image, OneToOne(), np.arange(4).reshape(2, 2, 1), np.ones((2, 2, 1)))
    assert network(image, neurons("out", (2, 2, 1), mapped, bias=np.ones((2, 2, 1)))).parameters == 8

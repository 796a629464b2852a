"""Hypothesis strategies: small quantized networks of every operation, and event streams that are hard on them.

Structure is drawn, and with it shrinks; weights come from a drawn seed, as their values seldom matter one by one.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons, Node, Synapse
from tfsnn.network.ops import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Linear,
    OneToOne,
    Pad,
    Permute,
    Relay,
    Reshape,
    Shape,
    Stretch,
    Upsample,
    relayed,
    same_padding,
    window_output,
)
from tfsnn.plan.settings import SPIKES, Settings

LARGEST_POPULATION = 400
INTS = st.integers


def activations(channels: int) -> st.SearchStrategy[Activation]:
    """Every kind of f: the exact ones often, each table now and then."""
    tables = ("elu", "sigmoid", "hard_sigmoid", "tanh", "hard_tanh", "softsign", "softplus", "silu", "hard_silu", "mish", "gelu")
    slopes = st.sampled_from([0.01, 0.3, 1.0, -0.5]) | st.tuples(*[st.sampled_from([0.0, 0.25, 0.7])] * channels).filter(any)
    return st.one_of(
        st.just(Activation("relu")),
        st.just(Activation("linear")),
        st.sampled_from([0.5, 6.0]).map(lambda top: Activation("relu", top=top)),
        slopes.map(lambda slope: Activation("relu", slope=slope)),
        st.just(Activation("relu", start=0.2)),
        st.sampled_from(tables).map(Activation),
    )


@st.composite
def relay_chains(draw: st.DrawFn, shape: Shape, *, averages: bool = True) -> tuple[Relay, ...]:
    """Up to two relays that fit a shape."""
    chain: list[Relay] = []
    for _ in range(draw(INTS(0, 2))):
        options: list[st.SearchStrategy[Any]] = [st.just(Reshape((prod(shape),)))]
        if len(shape) == 3:
            widths = st.tuples(*[st.tuples(INTS(0 if n == 1 else -1, 1), INTS(0, 2)) for n in shape[:2]])
            options = [
                widths.map(lambda w: Pad((*w, (0, 0)))),
                st.tuples(INTS(0, 1), INTS(0, 2)).map(lambda w: Pad(((0, 0), (0, 0), w))),
                st.sampled_from([(1, 0, 2), (2, 0, 1), (0, 2, 1)]).map(Permute),
                st.tuples(INTS(1, 2), INTS(1, 2)).map(Upsample),
                st.tuples(INTS(1, 2), INTS(1, 3)).map(Stretch),
            ]
            if averages:
                window = st.tuples(INTS(1, min(2, shape[0])), INTS(1, min(3, shape[1])))
                options.append(st.builds(AveragePool, window, st.tuples(INTS(1, 2), INTS(1, 2))))
        relay = draw(st.one_of(options))
        if prod(relay.output(shape)) <= LARGEST_POPULATION:
            chain.append(relay)
            shape = relay.output(shape)
    return tuple(chain)


@st.composite
def convolutions(draw: st.DrawFn, shape: Shape) -> Conv:
    """A convolution over an image: strides, paddings, dilations, groups, depthwise."""
    window = draw(st.tuples(INTS(1, 3), INTS(1, 3)))
    strides, dilation = draw(st.tuples(INTS(1, 3), INTS(1, 3))), draw(st.tuples(INTS(1, 2), INTS(1, 2)))
    padding = []
    for i in (0, 1):
        least = max(0, (window[i] - 1) * dilation[i] + 1 - shape[i])
        same = st.just(same_padding(shape[i], window[i], strides[i], dilation[i]))
        padding.append(draw(same | st.tuples(INTS(least, least + 1), INTS(0, 2))))
        if window_output(shape[i], window[i], strides[i], padding[i], dilation[i]) < 1:
            padding[i] = (least, 1)
    groups = draw(st.sampled_from([n for n in (1, 2, 3, shape[2]) if shape[2] % n == 0]))
    filters = groups * draw(INTS(1, 2 if groups > 1 else 5))
    return Conv(filters, window, strides, (padding[0], padding[1]), dilation, groups)


def plain_convolutions(shape: Shape) -> st.SearchStrategy[Conv]:
    """One without dilation and groups."""
    return convolutions(shape).map(lambda op: replace(op, dilation=(1, 1), groups=1))


def quantized(rng: np.random.Generator, op: Linear, source: str, relays: tuple[Relay, ...], shape: Shape, *, per_channel: bool) -> Synapse:
    """A synapse with random int8 weights, an eighth of them 0, some at the ends of the range."""
    size = op.weight_shape(relayed(relays, shape))
    weight = rng.integers(-127, 128, size).astype(np.int8) * (rng.random(size) > 1 / 8).astype(np.int8)
    fan_in = max(1, prod(size) // size[-1])
    scale = np.exp(rng.normal(size=size[-1:] if per_channel else ())) / 80 / np.sqrt(fan_in)
    return Synapse(source, relays, op, weight, np.asarray(scale, np.float32))


@st.composite
def populations(draw: st.DrawFn, name: str, known: dict[str, Node], rng: np.random.Generator) -> Node:
    """Neurons, with one synapse or two, or max pooling, over populations that exist."""
    source = known[draw(st.sampled_from(sorted(known)))]
    pooled = len(source.shape) == 3 and draw(INTS(0, 3)) == 0
    relays = draw(relay_chains(source.shape, averages=not pooled))
    shape = relayed(relays, source.shape)
    if pooled and len(shape) == 3:
        window = draw(st.tuples(INTS(1, min(3, shape[0])), INTS(1, min(3, shape[1]))))
        strides = draw(st.tuples(INTS(1, 2), INTS(1, 2)))
        padding = tuple((draw(INTS(0, (w - 1) // 2 + 0)), draw(INTS(0, w - 1))) for w in window)
        made = tuple(window_output(shape[i], window[i], strides[i], padding[i]) for i in (0, 1))
        return MaxPool(name, (*made, shape[2]), source.name, window, strides, (padding[0], padding[1]), relays)
    options: list[st.SearchStrategy[Any]] = [INTS(1, 20).map(Dense)]
    if len(shape) == 3:
        options += [convolutions(shape)] * 3
    options.append(st.just(OneToOne()))
    op = draw(st.one_of(options))
    synapses = [quantized(rng, op, source.name, relays, source.shape, per_channel=draw(st.booleans()))]
    made = op.output(shape)
    if draw(INTS(0, 2)) == 0:
        synapses.append(quantized(rng, *draw(second_synapses(made, known)), per_channel=draw(st.booleans())))
    bias = rng.normal(size=made if draw(st.booleans()) else made[-1:]).astype(np.float32) * draw(st.sampled_from([0.0, 0.1, 1.0]))
    activation = draw(activations(made[-1]))
    factor = draw(st.sampled_from([1.0, 0.5, 3.0]))
    return Neurons(name, made, tuple(synapses), bias, activation, scale=float(rng.uniform(0.5, 2)), threshold=factor)


@st.composite
def second_synapses(draw: st.DrawFn, target: Shape, known: dict[str, Node]) -> tuple[Linear, str, tuple[Relay, ...], Shape]:
    """Another way into a population of this shape: a skip connection, or a dense or 1x1 path from any population."""
    source = known[draw(st.sampled_from(sorted(known)))]
    if len(target) == 1:
        return Dense(target[0]), source.name, draw(relay_chains(source.shape)), source.shape
    if len(source.shape) == len(target):
        # Crops and pads make any image fit: a skip connection from a branch of another size.
        widths = tuple((0, wanted - found) for found, wanted in zip(source.shape, target))
        skip = (Pad(widths),) if any(w for _, w in widths) else ()
        if len(target) == 3 and draw(st.booleans()):
            return Conv(target[2], (1, 1)), source.name, skip, source.shape
        return OneToOne(), source.name, skip, source.shape
    flat = (Pad(((0, prod(target) - prod(source.shape)),)), Reshape(target))
    return OneToOne(), source.name, (Reshape((prod(source.shape),)), *flat), source.shape


@st.composite
def graphs(draw: st.DrawFn, *, most: int = 4) -> Graph:
    """A small quantized network: one or two inputs, up to ``most`` populations, one or two outputs."""
    rng = np.random.default_rng(draw(INTS(0, 1 << 16)))
    known: dict[str, Node] = {}
    for number in range(draw(st.sampled_from([1, 1, 2]))):
        shape = draw(st.tuples(INTS(1, 5), INTS(1, 6), INTS(1, 3)))
        known[f"in{number}"] = Input(f"in{number}", shape, Encoder("graded", scale=1.0, step=draw(st.sampled_from([0.1, 1.0]))))
    for number in range(draw(INTS(1, most))):
        node = draw(populations(f"p{number}", known, rng))
        if 0 < prod(node.shape) <= LARGEST_POPULATION:
            known[node.name] = node
    last = draw(INTS(1, 10).map(Dense))
    source = known[draw(st.sampled_from(sorted(known)[-2:]))]
    synapse = quantized(rng, last, source.name, (), source.shape, per_channel=True)
    bias = rng.normal(size=last.units).astype(np.float32)
    known["out"] = Neurons("out", (last.units,), (synapse,), bias, draw(activations(last.units)))
    others = [node.name for node in known.values() if isinstance(node, Neurons)]
    return Graph(tuple(known.values()), tuple(dict.fromkeys(["out", draw(st.sampled_from(others))])))


@st.composite
def far_apart(draw: st.DrawFn) -> Graph:
    """A small network whose scales, biases and settings of f lie up to 24 orders of magnitude apart, or at the ends of their range."""
    graph, nodes = draw(graphs(most=3)), list[Node]()
    powers, edges = INTS(-12, 12).map(lambda power: 10.0**power), st.sampled_from([1e-12, 0.3, 1e12, 2.0**51])
    slopes = st.sampled_from([1e-12, -1e-6, 0.3, -(2.0**20), 2.0**20])
    settings = st.fixed_dictionaries({}, optional={"start": edges, "top": edges, "slope": slopes})
    for node in graph.nodes:
        if isinstance(node, Neurons):
            moved = [replace(s, scale=np.asarray(s.scale, np.float32) * np.float32(draw(powers))) for s in node.synapses]
            node = replace(
                node, synapses=tuple(moved), bias=node.bias * np.float32(draw(powers)), scale=node.scale * draw(powers),
                activation=draw(st.just(node.activation) | settings.map(lambda given: Activation("relu", **given))),
            )  # fmt: skip
        nodes.append(node)
    return Graph(tuple(nodes), graph.outputs)


@st.composite
def streams(draw: st.DrawFn, graph: Graph, *, samples: int = 3, most: int = 12, extreme: bool = True) -> Events:
    """Events for a network: samples that are empty, time stamps that meet, payloads at the ends of their range."""
    size = sum(prod(node.shape) for node in graph.inputs)
    payloads = INTS(-20, 20) | st.sampled_from([1, -1])
    if extreme:
        payloads = payloads | st.sampled_from([127, -128, 40_000, -40_000])
    event = st.tuples(INTS(0, 4), INTS(0, size - 1), payloads.filter(bool))
    lists = draw(st.lists(st.lists(event, max_size=most), min_size=1, max_size=samples))
    rows = [sorted(sample, key=lambda row: row[0]) for sample in lists]
    columns: NDArray[np.int64] = np.array([row for sample in rows for row in sample], np.int64).reshape(-1, 3)
    offsets = np.cumsum([0, *(len(sample) for sample in rows)])
    return Events(columns[:, 0], columns[:, 1], columns[:, 2], offsets, graph.inputs[0].shape if len(graph.inputs) == 1 else (size,))


def settings_of(threshold: float | None = None) -> st.SearchStrategy[Settings]:
    """How to run a network: every kind of spike, either start, outputs that spike or not.

    Parameters
    ----------
    threshold
        T; default one of several.
    """
    thresholds = st.sampled_from([0.1, 0.5, 2.0]) if threshold is None else st.just(threshold)
    return st.builds(
        Settings, thresholds, st.sampled_from(["relative", "absolute"]), st.sampled_from(sorted(SPIKES)),
        st.sampled_from(["rest", "bias"]), st.booleans(),
    )  # fmt: skip

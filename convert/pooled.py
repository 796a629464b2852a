"""Average pooling as a population of its own, f(x) = x, where that is expected to cost fewer synaptic operations.

Pooling that is part of a synapse is free, but each neuron before it pays for all targets behind it: of a 2x2 window that goes into a
convolution with 25 taps and 8 filters, four neurons pay 200 operations each. As a population, each of the four pays one, and the mean
pays 200 once, if it changes by its threshold.

Given: p -> pooling -> W -> q.        Result: p -> pooling -> m, m -> W -> q, with m = f(m) = the mean.

What is expected, in the mean over calibration frames that arrive in one time bin: a neuron sends once if its activation is a threshold
(:data:`THRESHOLD` of its scale) or more from where it rests, which is its activation where the input is all zero. Its
answer when every change is sent is the same; multiply-accumulates of the dense network, which pools for free, stay what they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from tfsnn.aliases import Array, Integers
from tfsnn.errors import InputError
from tfsnn.network.arithmetic import routed
from tfsnn.network.fanout import fanout, per_source
from tfsnn.network.forward import evaluated
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons, Node, Synapse
from tfsnn.network.ops import Activation, AveragePool, OneToOne, Relay, Shape, relayed, route

POOLINGS = ("auto", "synapse", "population")
"""Ways to convert average pooling: by expected cost, as part of the synapse behind it, as populations."""
THRESHOLD = 0.1
"""Of the populations' scales, for which costs are expected."""
PERCENTILE = 99.9


@dataclass(frozen=True)
class Pooling:
    """An average pooling that stands in synapses: what it reads, and the relays up to it."""

    source: str
    relays: tuple[Relay, ...]


def check_pooling(pooling: str) -> None:
    """InputError if there is no such way."""
    if pooling not in POOLINGS:
        raise InputError(f"pooling {pooling!r}; choose one of {', '.join(POOLINGS)}")


def with_pooled(graph: Graph, frames: Mapping[str, Array] | None, pooling: str) -> tuple[Graph, list[str]]:
    """The graph with populations for average pooling, and the names of these.

    Parameters
    ----------
    graph
        In float.
    frames
        Calibration frames by input; None: there are none, and ``"auto"`` changes nothing.
    pooling
        One of :data:`POOLINGS`.
    """
    found = poolings(graph)
    if pooling == "synapse" or not found or (pooling == "auto" and frames is None):
        return graph, []
    if pooling == "auto" and frames is not None:
        sent = _changes(graph, dict(frames))
        found = [each for each in found if _saves(graph, each, *sent[each.source])]
    names = []
    for each in found:
        names.append(_fresh(graph, f"{each.source}~pooled"))
        graph = _inserted(graph, each, names[-1])
    return graph, names


def poolings(graph: Graph) -> list[Pooling]:
    """Every average pooling in a synapse with a kernel behind it, each once, sources first."""
    found: dict[Pooling, None] = {}
    for node in graph.nodes:
        for synapse in node.synapses:
            pooled = _split(synapse)
            if pooled is not None and not isinstance(synapse.op, OneToOne):
                found[Pooling(synapse.source, pooled)] = None
    order = [node.name for node in graph.nodes]
    return sorted(found, key=lambda each: order.index(each.source))


def _split(synapse: Synapse) -> tuple[Relay, ...] | None:
    """The relays up to the first average pooling; None if there is none."""
    for at, relay in enumerate(synapse.relays):
        if isinstance(relay, AveragePool):
            return synapse.relays[: at + 1]
    return None


def _changes(graph: Graph, frames: dict[str, Array]) -> dict[str, tuple[Array, Array]]:
    """By population, f(x) on the frames, and at rest."""
    both = {name: np.concatenate([values, np.zeros_like(values[:1])]) for name, values in frames.items()}
    return {node.name: (value[:-1], value[-1:]) for node, _, value in evaluated(graph, both, dtype=np.float32)}


def _saves(graph: Graph, pooling: Pooling, values: Array, rest: Array) -> bool:
    """Whether fewer operations are expected with a population."""
    shape = graph[pooling.source].shape
    behind, inner = _fan_outs(graph, pooling)
    means, mean_rest = (routed(each, pooling.relays, shape) for each in (values, rest))
    neurons, pooled = _sending(values, rest), _sending(means, mean_rest)
    index = route(pooling.relays, shape)
    once = per_source(index, values.shape[1], np.ones(len(index), np.int64))
    return bool(neurons @ once + pooled @ inner < neurons @ behind)


def _sending(values: Array, rest: Array) -> Array:
    """Mean number of times that each neuron sends on a frame."""
    scale = np.percentile(np.abs(values), PERCENTILE)
    return np.asarray((np.abs(values - rest) >= max(THRESHOLD * scale, 1e-30)).mean(axis=0))


def _fan_outs(graph: Graph, pooling: Pooling) -> tuple[Integers, Integers]:
    """Targets behind the pooling, of each neuron before it, and of each mean."""
    shape = graph[pooling.source].shape
    between = relayed(pooling.relays, shape)
    neurons, means = np.zeros(prod(shape), np.int64), np.zeros(prod(between), np.int64)
    for _, synapse in _consumers(graph, pooling):
        rest = synapse.relays[len(pooling.relays) :]
        reached = fanout(synapse.op, relayed(synapse.relays, shape))
        neurons += per_source(route(synapse.relays, shape), len(neurons), reached)
        means += per_source(route(rest, between), len(means), reached)
    return neurons, means


def _consumers(graph: Graph, pooling: Pooling) -> list[tuple[Node, Synapse]]:
    return [(node, synapse) for node in graph.nodes for synapse in node.synapses if _reads(synapse, pooling)]


def _reads(synapse: Synapse, pooling: Pooling) -> bool:
    return synapse.source == pooling.source and _split(synapse) == pooling.relays and not isinstance(synapse.op, OneToOne)


def _fresh(graph: Graph, name: str) -> str:
    taken, number, fresh = {node.name for node in graph.nodes}, 1, name
    while fresh in taken:
        number += 1
        fresh = f"{name}~{number}"
    return fresh


def _inserted(graph: Graph, pooling: Pooling, name: str) -> Graph:
    """The graph with one more population, right behind its source."""
    shape: Shape = relayed(pooling.relays, graph[pooling.source].shape)
    synapse = Synapse(pooling.source, pooling.relays, OneToOne(), np.ones(shape[-1], np.float32))
    means = Neurons(name, shape, (synapse,), np.zeros(shape[-1], np.float32), Activation("linear"))
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes.append(_redirected(node, pooling, name) if isinstance(node, Neurons) else node)
        if node.name == pooling.source:
            nodes.append(means)
    return Graph(tuple(nodes), graph.outputs)


def _redirected(node: Neurons, pooling: Pooling, name: str) -> Neurons:
    synapses = tuple(
        replace(each, source=name, relays=each.relays[len(pooling.relays) :]) if _reads(each, pooling) else each
        for each in node.synapses
    )
    return replace(node, synapses=synapses)

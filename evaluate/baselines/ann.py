"""What the same network does without events, on the same frames: the dense, the zero-skipping and the quantized ANN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array, Floats
from tfsnn.network.arithmetic import gather_sum
from tfsnn.network.fanout import fanout
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Node
from tfsnn.network.ops import OneToOne, relayed, route
from tfsnn.plan.plan import Plan

Progress = Callable[[int], object]
Counter = Callable[[dict[str, Floats]], NDArray[np.int64]]
BATCH = 50


@dataclass(frozen=True, eq=False)
class Ann:
    """The dense ANN of the int8 network on all frames.

    Parameters
    ----------
    outputs
        float64 (frames, outputs): f(x), softmax not applied.
    nonzero_macs
        By population, int64 (frames): multiply-accumulates whose input is not exactly 0; borders left out.
    zeros
        Share of neurons, inputs and outputs left aside, whose activation is exactly 0.
    """

    outputs: Floats
    nonzero_macs: dict[str, NDArray[np.int64]]
    zeros: float


def ann(graph: Graph, frames: Mapping[str, Array], progress: Progress | None = None) -> Ann:
    """Run the dense ANN, and count what it would save by skipping inputs of 0.

    Parameters
    ----------
    graph
        The network.
    frames
        (frames, \\*shape) by input: what the network was trained on.
    progress
        Called with the number of frames done, after each batch.
    """
    counters = _counters(graph)
    outputs, macs, zeros, neurons = [], [], 0, 0
    for part in _batches(frames):
        values: dict[str, Floats] = {}
        outputs.append(_outputs(graph, part, lambda node, value: values.setdefault(node.name, value)))
        macs.append({name: count(values) for name, count in counters.items()})
        for node in graph.nodes:
            if node.requantizes and node.name not in graph.outputs:
                zeros, neurons = zeros + int((values[node.name] == 0).sum()), neurons + values[node.name].size
        if progress is not None:
            progress(len(outputs[-1]))
    nonzero = {name: np.concatenate([batch[name] for batch in macs]) for name in counters}
    return Ann(np.concatenate(outputs), nonzero, zeros / max(neurons, 1))


def quantized_ann(plan: Plan, frames: Mapping[str, Array], progress: Progress | None = None) -> Floats:
    """Outputs of the ANN whose activations are quantized directly, o = T floor(f(x) / T), at the thresholds of a plan.

    In float32, as a quantized network would be tried out in Keras, and at half the time.

    Parameters
    ----------
    plan
        Gives each population its T; one without a threshold is not quantized.
    frames
        (frames, \\*shape) by input
    progress
        Called with the number of frames done, after each batch.

    Returns
    -------
    float64 (frames, outputs)
    """
    thresholds = {p.name: p.threshold * p.step for p in plan.populations if p.node.requantizes and p.threshold}

    def sent(node: Node, value: Floats) -> Floats:
        threshold = thresholds.get(node.name)
        return value if threshold is None else np.floor(value / threshold) * threshold

    outputs = []
    for part in _batches(frames):
        outputs.append(_outputs(plan.graph, part, sent, np.float32))
        if progress is not None:
            progress(len(outputs[-1]))
    return np.concatenate(outputs)


def dense_outputs(graph: Graph, frames: Mapping[str, Array]) -> Floats:
    """f(x) of the outputs, float64 (frames, outputs), softmax not applied; computed in float32.

    Parameters
    ----------
    graph
        The network.
    frames
        (frames, \\*shape) by input.
    """
    return np.concatenate([_outputs(graph, part, lambda node, value: value, np.float32) for part in _batches(frames)])


def _batches(frames: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    for first in range(0, len(next(iter(frames.values()))), BATCH):
        yield {name: values[first : first + BATCH] for name, values in frames.items()}


def _outputs(
    graph: Graph,
    frames: dict[str, Array],
    sent: Callable[[Node, Floats], Floats],
    dtype: type[np.floating[Any]] = np.float64,
) -> Floats:
    """f(x) of the outputs, and with ``sent`` a look at, or a hand in, what every population sends."""
    values: dict[str, Floats] = {}

    def keep(node: Node, value: Floats) -> Floats:
        values[node.name] = sent(node, value)
        return values[node.name]

    forward(graph, frames, sent=keep, dtype=dtype)
    return np.concatenate([values[name] for name in graph.outputs], axis=1).astype(np.float64)


def _counters(graph: Graph) -> dict[str, Counter]:
    """By population, what counts its multiply-accumulates with an input other than 0 from what all populations send."""
    return {node.name: _counter(graph, node) for node in graph.nodes if node.requantizes}


def _counter(graph: Graph, node: Node) -> Counter:
    parts = []
    for synapse in node.synapses:
        # As in Graph.macs: a skip has no kernel.
        if isinstance(synapse.op, OneToOne):
            continue
        shape = graph[synapse.source].shape
        parts.append((synapse.source, route(synapse.relays, shape), fanout(synapse.op, relayed(synapse.relays, shape))))

    def count(values: dict[str, Floats]) -> NDArray[np.int64]:
        total = np.zeros(len(next(iter(values.values()))), np.int64)
        for source, index, reached in parts:
            total += (gather_sum(values[source], index) != 0) @ reached
        return total

    return count

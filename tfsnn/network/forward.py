"""The dense forward pass in NumPy: what a network computes when every neuron is evaluated on every frame.

The reference that the event-driven network is held to, and the ANN of every baseline. It needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tfsnn.aliases import Array
from tfsnn.memory import afford
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Node, Real
from tfsnn.network.room import CHANGE, forward_bytes


def forward(graph: Graph, frames: dict[str, Array], *, sent: Callable[[Node, Array], Array] | None = None,
            dtype: Real = np.float64) -> dict[str, Array]:
    """State x of every population (the maximum, for max pooling), all evaluated.

    Parameters
    ----------
    graph
        The network, in float or quantized weights.
    frames
        (samples, inputs) by the name of the input.
    sent
        What a population sends, from its node and f(x); default f(x) itself.
    dtype
        float64, or float32 at half the cost.

    Returns
    -------
    dict
        (samples, neurons) by the name of the population.
    """
    return {node.name: x for node, x, _ in evaluated(graph, frames, sent=sent, dtype=dtype)}


def evaluated(graph: Graph, frames: dict[str, Array], *, sent: Callable[[Node, Array], Array] | None = None,
              dtype: Real = np.float64) -> Iterator[tuple[Node, Array, Array]]:
    """Population by population: its node, its x and what it sends; parameters as of :func:`forward`.

    What a population has sent is forgotten once the last one that receives it is evaluated, so that a network takes the
    room of its widest place, not that of all its neurons.
    """
    once, each = forward_bytes(graph, np.dtype(dtype).itemsize)
    afford(once + each * len(next(iter(frames.values()))), "forward pass: the values of the widest place of the network", CHANGE)
    values: dict[str, Array] = {}
    last = {source: node.name for node in graph.nodes for source in node.sources}
    for node in graph.nodes:
        x, value = node.evaluate(values, graph, frames, dtype)
        values[node.name] = value if sent is None else sent(node, value)
        yield node, x, values[node.name]
        for name in {node.name, *node.sources}:
            if last.get(name, node.name) == node.name:
                del values[name]

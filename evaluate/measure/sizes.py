"""How much memory a network's state and weights take, and how many connections it has."""

from __future__ import annotations

from math import prod

import numpy as np

from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons
from tfsnn.plan.plan import Plan


def state_bytes(graph: Graph, carrier: str = "int32", *, spiking_output: bool = False) -> int:
    """Bytes of state that a run keeps for one sample.

    x and o of every neuron, what a max-pooling population has received and sent; an output that does not spike has no o.

    Parameters
    ----------
    graph
        The network.
    carrier
        ``"int32"`` or ``"int64"``: what the run kept its integers in.
    spiking_output
        Whether outputs spike.
    """
    words = 0
    for node in graph.nodes:
        if not node.external:
            spikes = spiking_output or bool(graph.consumers(node.name))
            words += node.state_size(graph) + prod(node.shape) * spikes
    return words * np.dtype(carrier).itemsize


def weight_bytes(graph: Graph) -> int:
    """Bytes of weights, their scales, and biases."""
    total = 0
    for node in graph.nodes:
        if isinstance(node, Neurons):
            total += node.bias.nbytes
            total += sum(s.weight.nbytes + (s.scale.nbytes if s.scale is not None else 0) for s in node.synapses)
    return total


def connections(plan: Plan) -> int:
    """Pairs of neurons of which one receives from the other, shared weights counted wherever they stand."""
    return sum(int(path.fanout.sum()) for population in plan.populations for path in population.paths)

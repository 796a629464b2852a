"""Multiply-accumulates as the papers count them, to be compared with what a network really has."""

from __future__ import annotations

from math import prod

from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Synapse
from tfsnn.network.ops import Conv, Dense, OneToOne, relayed


def papers_macs(graph: Graph) -> int | None:
    """Multiply-accumulates as AICAS 2019 counts them, if this is its MNIST network (either pooling); else None.

    Its footnote 10 gives a convolution positions x filters x kernel and forgets the input channels.
    """
    synapses = [s for node in graph.nodes for s in node.synapses if not isinstance(s.op, OneToOne)]
    layers = [(graph[s.source].shape, s.op) for s in synapses]
    sizes = [(op.filters, *op.window) if isinstance(op, Conv) else getattr(op, "units", 0) for _, op in layers]
    if graph.inputs[0].shape != (28, 28, 1) or sizes != [(16, 5, 5), (8, 5, 5), 256, 10]:
        return None
    return sum(_papers_macs(graph, synapse) for synapse in synapses)


def _papers_macs(graph: Graph, synapse: Synapse) -> int:
    shape = relayed(synapse.relays, graph[synapse.source].shape)
    if isinstance(synapse.op, Conv):
        return prod(synapse.op.output(shape)) * prod(synapse.op.window)
    return prod(shape) * (synapse.op.units if isinstance(synapse.op, Dense) else 1)

"""How much memory a network takes, from shapes alone: worked out before a single map or value is made.

A file of a few kilobytes can name an input of a billion pixels, or a chain of average pools whose index map has a million
entries for each output. The figures are upper bounds within a small factor: of index maps and of what stands beside them
while they are made, and of the values of a forward pass.
"""

from __future__ import annotations

from math import prod

from tfsnn.memory import afford
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Node, Synapse
from tfsnn.network.ops import AveragePool, Conv, OneToOne, Relay, Shape, relayed

# Bytes of an entry of an index map while it is made: the relay's own map, the chain's so far, and the new one.
MAP = 32
# Bytes of a place that an event can arrive at: entries of the compiled engine's tables, and what they are sorted with.
PLACE = 160
# Bytes of a neuron: bias, state at rest, x and o of each thread, and the flags, lists and queue of the compiled engine.
NEURON = 200
# Bytes of a weight of a plan and of the engine's two copies; and of the largest synapse's while they are scaled and rounded.
WEIGHT, ROUNDED = 16, 32
CHANGE = "make the network smaller (its input, windows or upsampling)"


def check_plan(graph: Graph) -> None:
    """Refuse a graph whose plan does not fit the budget, naming the population that takes most of it.

    Parameters
    ----------
    graph
        The network.
    """
    parts = {node.name: plan_bytes(node, graph) for node in graph.nodes}
    largest = max(parts, key=lambda name: parts[name])
    rounded = ROUNDED * max((s.weight.size for node in graph.nodes for s in node.synapses), default=0)
    afford(sum(parts.values()) + rounded, f"plan: {largest}: the network's index maps, tables and states", CHANGE)


def plan_bytes(node: Node, graph: Graph) -> int:
    """Bytes that one population takes in a plan, its synapses included.

    Parameters
    ----------
    node, graph
        The population, and its network.
    """
    size = prod(node.shape)
    if isinstance(node, MaxPool):
        shape = graph[node.source].shape
        return MAP * size * prod(node.window) + route_bytes(node.relays, shape) + PLACE * prod(relayed(node.relays, shape)) + NEURON * size
    return NEURON * size + sum(_synapse_bytes(synapse, graph[synapse.source].shape, node.shape) for synapse in node.synapses)


def route_bytes(relays: tuple[Relay, ...], shape: Shape) -> int:
    """Bytes that the index map of a chain of relays takes at most while it is made.

    Parameters
    ----------
    relays, shape
        The chain, and the shape that it begins with.
    """
    terms, most = 1, prod(shape)
    for relay in relays:
        shape = relay.output(shape)
        terms *= prod(relay.window) if isinstance(relay, AveragePool) else 1
        most = max(most, prod(shape) * terms)
    return MAP * most


def forward_bytes(graph: Graph, itemsize: int) -> tuple[int, int]:
    """Bytes that a forward pass takes at most: once, and for each sample.

    Parameters
    ----------
    graph
        The network.
    itemsize
        Bytes of a value.
    """
    last = {source: node.name for node in graph.nodes for source in node.sources}
    once = each = alive = 0
    for node in graph.nodes:
        maps, work = _pass_bytes(node, graph, itemsize)
        once, each = max(once, maps), max(each, alive + work)
        alive += itemsize * prod(node.shape)
        alive -= sum(itemsize * prod(graph[name].shape) for name in {node.name, *node.sources} if last.get(name, node.name) == node.name)
    return once, each


def _synapse_bytes(synapse: Synapse, source: Shape, target: Shape) -> int:
    shape = relayed(synapse.relays, source)
    taps = prod(target[:2]) * prod(synapse.op.window) if isinstance(synapse.op, Conv) else 0
    weights = prod(shape) if isinstance(synapse.op, OneToOne) else synapse.weight.size
    return route_bytes(synapse.relays, source) + MAP * taps + WEIGHT * weights + PLACE * prod(shape) + 48 * prod(source)


def _pass_bytes(node: Node, graph: Graph, itemsize: int) -> tuple[int, int]:
    """What one population takes in a forward pass: once, and for each sample, beside the values that wait."""
    size = prod(node.shape)
    if not isinstance(node, MaxPool):
        maps = max((_map_bytes(synapse.relays, graph[synapse.source].shape, synapse, node) for synapse in node.synapses), default=0)
        inputs = max((prod(relayed(s.relays, graph[s.source].shape)) for s in node.synapses), default=0)
        # x, f(x) in float64 with what it is made of, f(x) in the pass's own type; the synapse's input with a border, its result.
        return maps, (4 * itemsize + 24) * size + 3 * itemsize * inputs
    shape = graph[node.source].shape
    maps = MAP * size * prod(node.window) + (route_bytes(node.relays, shape) if node.relays else 0)
    return maps, itemsize * (3 * prod(relayed(node.relays, shape)) + 3 * size)


def _map_bytes(relays: tuple[Relay, ...], shape: Shape, synapse: Synapse, node: Node) -> int:
    weights = 16 * synapse.weight.size
    taps = MAP * prod(node.shape[:2]) * prod(synapse.op.window) if isinstance(synapse.op, Conv) else 0
    return (route_bytes(relays, shape) if relays else 0) + taps + weights

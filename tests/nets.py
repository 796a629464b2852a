"""Small quantized networks written out by hand, and what the state of any network must obey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Integers
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.arithmetic import gather_sum, linear
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons, Node, Synapse
from tfsnn.network.ops import Activation, Conv, Dense, Linear, OneToOne, Padding, Relay, Shape, relayed
from tfsnn.plan.plan import Plan, Population
from tfsnn.plan.rule import fire
from tfsnn.record import EventLog, State

ONE: Padding = ((1, 1), (1, 1))


def given(*shape: int, name: str = "in") -> Input:
    """An input whose payloads are worth 1 each."""
    return Input(name, shape, Encoder("graded", scale=1.0))


def synapse(source: Node, op: Linear, weight: Any, scale: Any = 0.25, relays: tuple[Relay, ...] = ()) -> Synapse:
    """A quantized synapse; a weight that is one number stands everywhere."""
    shape = op.weight_shape(relayed(relays, source.shape))
    whole = np.array(np.broadcast_to(np.asarray(weight, np.int8), np.shape(weight) or shape))
    return Synapse(source.name, relays, op, whole, np.asarray(scale, np.float32))


def neurons(name: str, shape: Shape, *synapses: Synapse, bias: Any = 0.0, f: str | Activation = "relu", **settings: Any) -> Neurons:
    """A population; a bias that is one number stands in each channel."""
    spread = np.array(np.broadcast_to(np.asarray(bias, np.float32), np.shape(bias) or shape[-1:]))
    return Neurons(name, shape, synapses, spread, Activation(f) if isinstance(f, str) else f, **settings)


def conv(name: str, source: Node, op: Conv, weight: Any = 1, relays: tuple[Relay, ...] = (), **settings: Any) -> Neurons:
    """A convolution of one source."""
    return neurons(name, op.output(relayed(relays, source.shape)), synapse(source, op, weight, relays=relays), **settings)


def dense(name: str, source: Node, units: int, weight: Any = 1, relays: tuple[Relay, ...] = (), **settings: Any) -> Neurons:
    """A dense layer of one source."""
    return neurons(name, (units,), synapse(source, Dense(units), weight, relays=relays), **settings)


def network(*nodes: Node) -> Graph:
    """A graph whose last population is the output."""
    return Graph(nodes, (nodes[-1].name,))


def three_layers(f: str | Activation = "relu", **settings: Any) -> Graph:
    """(3, 3, 1) - convolution 2x2 with 2 filters and a bias - dense 3 - dense 2 linear, weights of both signs."""
    draw = np.random.default_rng(7)
    image = given(3, 3, 1)
    first = conv("first", image, Conv(2, (2, 2)), draw.integers(-4, 5, (2, 2, 1, 2)), bias=[0.3, -0.7], f=f, **settings)
    second = dense("second", first, 3, draw.integers(-4, 5, (8, 3)), bias=[0.1, 0.6, -0.2], f=f, **settings)
    return network(image, first, second, dense("out", second, 2, draw.integers(-4, 5, (3, 2)), bias=[0.5, -0.5], f="linear"))


def branches() -> Graph:
    """An image through max pooling and through a strided convolution, added; a skip connection around a third."""
    image = given(4, 4, 2)
    pool = MaxPool("pool", (2, 2, 2), "in", (2, 2), (2, 2))
    strided = Conv(2, (3, 3), (2, 2), ((0, 1), (0, 1)))
    weight = np.random.default_rng(3).integers(-3, 4, (3, 3, 2, 2))
    merged = neurons("merged", (2, 2, 2), synapse(image, strided, weight), synapse(pool, OneToOne(), [2, -1], [0.5, 0.25]), bias=[0.4, 0.9])
    inner = conv("inner", merged, Conv(2, (3, 3), padding=ONE, groups=2), [[[[1, -2]]] * 3] * 3, f="tanh")
    added = neurons("added", (2, 2, 2), synapse(merged, OneToOne(), 3), synapse(inner, OneToOne(), [4, 5]))
    return network(image, pool, merged, inner, added, dense("out", added, 3, np.arange(24).reshape(8, 3) % 7 - 3, f="linear"))


def events(t: Any, neuron: Any, payload: Any, offsets: Any, shape: Shape) -> Events:
    """Events from plain lists."""
    return Events(t, neuron, payload, offsets, shape)


def stream(graph: Graph, *rows: tuple[int, int, int]) -> Events:
    """One sample of (time, neuron, payload)."""
    return streams(graph, list(rows))


def streams(graph: Graph, *samples: list[tuple[int, int, int]]) -> Events:
    """Samples of (time, neuron, payload); neurons counted through all inputs."""
    rows = np.array([row for sample in samples for row in sample], np.int64).reshape(-1, 3)
    offsets = np.cumsum([0, *map(len, samples)])
    shape = graph.inputs[0].shape if len(graph.inputs) == 1 else (sum(int(np.prod(node.shape)) for node in graph.inputs),)
    return events(rows[:, 0], rows[:, 1], rows[:, 2], offsets, shape)


def inflow(plan: Plan, received: Events) -> Integers:
    """What came in, added up: (samples, all inputs), in payload units."""
    total = np.zeros((received.samples, sum(plan.populations[at].size for at in plan.inputs)), np.int64)
    np.add.at(total, (np.repeat(np.arange(received.samples), np.diff(received.offsets)), received.neuron), received.payload)
    return total


def sums(plan: Plan, state: State, received: Events) -> dict[str, Integers]:
    """What each population has sent, (samples, neurons) in payload units; the inputs by what came in."""
    amounts = {population.name: o for population, o in zip(plan.populations, state.o)}
    sizes = [plan.populations[at].size for at in plan.inputs]
    parts = np.split(inflow(plan, received), np.cumsum(sizes)[:-1], axis=1)
    return amounts | {plan.populations[at].name: part for at, part in zip(plan.inputs, parts)}


def due(plan: Plan, population: Population, amounts: dict[str, Integers]) -> Integers:
    """x as it must be, computed densely on whole numbers: b + W o; of max pooling, what its source has sent."""
    if isinstance(population.node, MaxPool):
        return gather_sum(amounts[plan.populations[population.source].name], population.index)
    x = np.broadcast_to(population.bias, (len(next(iter(amounts.values()))), population.size)).copy()
    for path in population.paths:
        x += linear(path.op, path.weight, gather_sum(amounts[plan.populations[path.source].name], path.index), path.shape)
    return x


def meant(population: Population, x: Integers) -> Integers:
    """f(x) in grid steps; of max pooling the maximum over each window."""
    if not isinstance(population.node, MaxPool):
        return population.function(x)
    padded = np.concatenate([x, np.full((len(x), 1), np.iinfo(np.int64).min)], axis=1)
    highest: Integers = padded[:, population.windows].max(axis=2)
    return highest


def touched(plan: Plan, log: EventLog) -> dict[str, NDArray[np.bool_]]:
    """Neurons that an event of the log has reached, (samples, neurons) by population."""
    sample = np.repeat(np.arange(len(log.offsets) - 1), np.diff(log.offsets))
    counts = [np.zeros((len(log.offsets) - 1, population.size), np.int64) for population in plan.populations]
    for at, count in enumerate(counts):
        here = log.population == at
        np.add.at(count, (sample[here], log.neuron[here]), 1)
    reached = {}
    for population in plan.populations:
        total = np.zeros((len(log.offsets) - 1, population.size), np.int64)
        if isinstance(population.node, MaxPool):
            places = gather_sum(counts[population.source], population.index)
            total += np.concatenate([places, np.zeros((len(places), 1), np.int64)], axis=1)[:, population.windows].sum(axis=2)
        for path in population.paths:
            total += linear(path.op, np.ones_like(path.weight), gather_sum(counts[path.source], path.index), path.shape)
        reached[population.name] = total > 0
    return reached


def dense_integers(plan: Plan, amounts: dict[str, Integers]) -> dict[str, Integers]:
    """x of every population where each sends f(x) exactly: the dense forward pass of the plan's integers, a step a threshold."""
    spoken = dict(amounts)
    states: dict[str, Integers] = {}
    for population in plan.populations:
        if population.name not in {plan.populations[at].name for at in plan.inputs}:
            states[population.name] = due(plan, population, spoken)
            spoken[population.name] = meant(population, states[population.name])
    return states


def shown_once(plan: Plan, frame: Integers) -> State:
    """Where a network stands after one frame, seen from o = 0 and checked once in topological order; no engine needed."""
    sizes = [plan.populations[at].size for at in plan.inputs]
    parts = np.split(np.atleast_2d(frame), np.cumsum(sizes)[:-1], axis=1)
    amounts = {plan.populations[at].name: part for at, part in zip(plan.inputs, parts)}
    xs, os = [], []
    for population in plan.populations:
        x = amounts[population.name] if population.name in amounts else due(plan, population, amounts)
        o = np.zeros((len(x), population.size), np.int64)
        if population.threshold:
            o = fire(plan, population, meant(population, x), o)[0]
        xs.append(x)
        os.append(o)
        amounts.setdefault(population.name, o)
    return State(tuple(xs), tuple(os))

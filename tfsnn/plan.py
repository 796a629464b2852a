"""A graph at given thresholds, flattened into the integers that both engines walk.

The grid
    Every quantity of a population is a whole number of its *step* a. With u_q the real value of one payload unit of the
    source q and s the scale of the int8 weights, a synapse's own grain is e = s u_q (the finest channel's, but no finer
    than a quarter of the coarsest's: one threshold serves all channels). The plan takes a <= e / 4 such that
    u_p = T / 2^r is a whole number of steps:

        a_p = u_p / P,   P = ceil(u_p / (e / 4)),   w_int = round(w u_q / a_p),   b_int = round(b / a_p)

    Thresholds are thereby exact; a weight is off by at most e / 8 (an eighth of its int8 step in the finest channel, an
    eighth of a quarter of the coarsest channel's step in any finer one; int8 rounding itself was up to half a step); a
    bias by a_p / 2. :meth:`Plan.deviation` turns that into a bound on every neuron's state.
Rest
    x and o of a network that has seen an all-zero input and has settled, computed once here.
Range
    The integers are carried in floating point, float32 while |x| stays below 2^23 (so that differences stay below 2^24),
    else float64 below 2^52. On such numbers every sum is exact in any order. ``reach`` lets an engine prove before it
    adds that no sum leaves the range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from tfsnn.dense import drive, flat_bias, gathered, linear, pooled_max, real_weight
from tfsnn.errors import InputError, RangeError
from tfsnn.fanout import column_sum, fanout, fanout_nonzero, per_source
from tfsnn.function import LINEAR, STATE_LIMIT, Function, Integers, lipschitz, on_grid, rounded
from tfsnn.graph import Graph, Input, MaxPool, Neurons, Node, Synapse
from tfsnn.ops import Indices, Linear, OneToOne, Shape, factor, relayed, route, window_sources
from tfsnn.settings import SPIKES, Settings


@dataclass(frozen=True, eq=False)
class Path:
    """One synapse in integers.

    Parameters
    ----------
    source, target
        Positions of the populations in the plan.
    op, shape
        The operation and the shape of its input.
    index
        int64 (places of the operation's input, terms): source neurons behind each place, -1 for none.
    weight
        int64 of ``op.weight_shape``, one to one of ``shape``: grid steps of the target per payload unit of the source.
    fanout, fanout_nonzero
        int64 (source neurons): target neurons that an event reaches, and those through a non-zero weight.
    reach
        Steps by which |x| of any target can grow per unit of the largest |payload|, and per unit of their sum.
    """

    source: int
    target: int
    op: Linear
    shape: Shape
    index: Indices
    weight: Integers
    fanout: Integers
    fanout_nonzero: Integers
    reach: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Population:
    """One population in integers.

    Parameters
    ----------
    node
        The graph's node.
    unit
        Real value of one payload unit, u.
    step
        Real value of one grid step, a. Of inputs and max pooling: their payload unit.
    payload
        Grid steps of one payload unit, P.
    threshold
        Grid steps of T; 0 where the population is silent.
    bias
        int64 (neurons)
    function
        f on the grid.
    paths
        The synapses that end here.
    windows
        Max pooling: int64 (neurons, taps), the place of the input under each tap, -1 in the border; else empty.
    index
        Max pooling: as :attr:`Path.index`.
    source
        Max pooling: position of the population heard; -1 else.
    rest_x, rest_o
        int64: x (of max pooling: what it has heard) and o / P at the start of a run.
    """

    node: Node
    unit: float
    step: float
    payload: int
    threshold: int
    bias: Integers
    function: Function
    paths: tuple[Path, ...]
    windows: Indices
    index: Indices
    source: int
    rest_x: Integers
    rest_o: Integers

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def shape(self) -> Shape:
        """The node's shape."""
        return self.node.shape

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.node.shape)


@dataclass(frozen=True, eq=False)
class Plan:
    """What an engine runs.

    Parameters
    ----------
    graph, settings
        What it was made from.
    populations
        In topological order.
    largest
        K, the largest payload of a spike.
    direct
        Whether neurons quantize directly (JETCAS Eq. 6), without hysteresis.
    """

    graph: Graph
    settings: Settings
    populations: tuple[Population, ...]
    largest: int
    direct: bool

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Positions of the output populations."""
        names = [population.name for population in self.populations]
        return tuple(names.index(name) for name in self.graph.outputs)

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Positions of the inputs."""
        return tuple(at for at, population in enumerate(self.populations) if isinstance(population.node, Input))

    @property
    def narrow(self) -> bool:
        """Whether the plan's own numbers fit float32; what a run adds to them is watched by the engine."""
        limit = STATE_LIMIT["float32"]
        return all(
            max(population.threshold, _largest(population.bias), _largest(population.rest_x), _largest(population.function.table)) < limit
            and all(_largest(path.weight) < limit for path in population.paths)
            # Elsewhere |f(x)| exceeds |x| by less than what the limit leaves free.
            and np.abs(population.function.slope).max(initial=0) <= 1
            for population in self.populations
        )

    def consumers(self, position: int) -> tuple[int, ...]:
        """Positions of the populations that hear this one, in topological order."""
        return tuple(
            at for at, population in enumerate(self.populations)
            if position == population.source or any(path.source == position for path in population.paths)
        )

    def deviation(self, told: dict[str, Integers]) -> dict[str, NDArray[np.float64]]:
        """Bound on |x - x of the int8 ANN| once all events are delivered, given what each population has told.

        With L the Lipschitz constant of f, T the threshold (t = T where it spikes), and E the result:

            E_p = a_p / 2 + sum over synapses (|w| (L E_q + t_q) + (a_p / 2) sum |o_q| / u_q)

        An f that jumps (ReLU with ``start`` above 0) has no L; behind one the figure is no bound.

        Parameters
        ----------
        told
            int64 (neurons) by name: o / P of each population.
        """
        bound: dict[str, NDArray[np.float64]] = {}
        sent: dict[str, NDArray[np.float64]] = {}
        for population in self.populations:
            node = population.node
            if isinstance(node, Input):
                sent[node.name] = np.zeros((1, population.size))
            elif isinstance(node, MaxPool):
                heard = self.populations[population.source]
                places = gathered(sent[heard.name], population.index)
                sent[node.name] = pooled_max(node, places, relayed(node.relays, heard.shape))
            else:
                total = np.full((1, population.size), population.step / 2)
                for synapse, path in zip(node.synapses, population.paths):
                    source = self.populations[path.source]
                    amount = np.abs(np.atleast_2d(told[source.name])).astype(np.float64)
                    total += drive(_absolute(synapse), sent[source.name], source.shape)
                    total += linear(path.op, np.ones(path.weight.shape), gathered(amount, path.index), path.shape) * (population.step / 2)
                bound[node.name] = total[0]
                table = 0 if population.function.kind in ("linear", "relu") else population.step * (2 + (1 << population.function.shift))
                sent[node.name] = lipschitz(node.activation) * total + population.threshold * population.step + table
        return bound


def make(graph: Graph, settings: Settings) -> Plan:
    """The plan of a quantized graph.

    Parameters
    ----------
    graph
        A graph with integer weights.
    settings
        Threshold, spikes, initial state.

    Raises
    ------
    InputError
        If the graph is still in float.
    RangeError
        If a threshold, weight or bias does not fit 2^52 grid steps.
    """
    populations: list[Population] = []
    position: dict[str, int] = {}
    for node in graph.nodes:
        if isinstance(node, Neurons):
            population = _neurons(node, populations, position, graph, settings)
        elif isinstance(node, MaxPool):
            population = _max_pool(node, populations, position)
        else:
            population = _silent(node, node.encoder.unit_value)
        position[node.name] = len(populations)
        populations.append(population)
    bits, largest = SPIKES[settings.spikes]
    plan = Plan(graph, settings, tuple(populations), largest, settings.spikes == "direct")
    return _at_rest(plan) if settings.initial == "rest" else plan


def fire(plan: Plan, population: Population, value: Integers, told: Integers) -> tuple[Integers, Integers]:
    """What neurons of value f(x) send in one check: the sum of the neuron rule's loop in closed form.

    With m whole payload units to tell, the loop sends m // K full payloads, then what is left if that still reaches T.

    Parameters
    ----------
    plan, population
        Where the neurons stand.
    value, told
        int64: f(x) in steps, o in payload units.

    Returns
    -------
    int64, int64
        Payload units sent, signed, and number of events.
    """
    if plan.direct and isinstance(population.node, Neurons):
        units, least = value // population.payload - told, 1
    else:
        change = value - told * population.payload
        units, least = np.sign(change) * (np.abs(change) // population.payload), population.threshold // population.payload
    full, rest = np.divmod(np.abs(units), plan.largest)
    last = rest >= least
    return np.sign(units) * (full * plan.largest + rest * last), full + last


def _at_rest(plan: Plan) -> Plan:
    """The plan whose populations start where an all-zero input leaves them, checked once in topological order."""
    settled: list[Population] = []
    for population in plan.populations:
        x = population.bias.copy()
        if isinstance(population.node, MaxPool):
            heard = settled[population.source]
            x = gathered(heard.rest_o[None], population.index)[0]
            value = _highest(population, x)
        else:
            for path in population.paths:
                x += linear(path.op, path.weight, gathered(settled[path.source].rest_o[None], path.index), path.shape)[0]
            value = population.function(x)
        told = fire(plan, population, value, population.rest_o)[0] if population.threshold else population.rest_o
        settled.append(replace(population, rest_x=x, rest_o=told))
    return replace(plan, populations=tuple(settled))


def _highest(population: Population, heard: Integers) -> Integers:
    """Maximum over each window of what a max-pooling population has heard."""
    padded = np.append(heard, np.iinfo(np.int64).min)
    highest: Integers = padded[population.windows].max(axis=1)
    return highest


def _silent(node: Input, unit: float) -> Population:
    nothing = np.zeros(prod(node.shape), np.int64)
    return Population(node, unit, unit, 1, 0, nothing, LINEAR, (), _NO_INDEX, _NO_INDEX, -1, nothing, nothing)


def _max_pool(node: MaxPool, populations: list[Population], position: dict[str, int]) -> Population:
    at = position[node.source]
    shape = relayed(node.relays, populations[at].shape)
    pixels = window_sources(shape, node.window, node.strides, node.padding)
    channels = np.arange(shape[2])[None, :, None]
    windows = np.where(pixels[:, None, :] < 0, -1, pixels[:, None, :] * shape[2] + channels).reshape(-1, pixels.shape[1])
    heard, nothing = np.zeros(prod(shape), np.int64), np.zeros(prod(node.shape), np.int64)
    index = route(node.relays, populations[at].shape)
    unit = populations[at].unit
    return Population(node, unit, unit, 1, 1, nothing, LINEAR, (), windows, index, at, heard, nothing)


def _neurons(node: Neurons, populations: list[Population], position: dict[str, int], graph: Graph, settings: Settings) -> Population:
    spikes = settings.spiking_output or bool(graph.consumers(node.name))
    grains = [_grain(synapse, populations[position[synapse.source]].unit) for synapse in node.synapses]
    step = min(grains, default=1.0) / 4
    payload, threshold, unit = 1, 0, 0.0
    if spikes:
        bits = SPIKES[settings.spikes][0]
        unit = settings.threshold * node.threshold * _reference(node, settings.unit) / (1 << bits)
        payload = ceil(unit / step)
        threshold, step = payload << bits, unit / payload
    bias = rounded(flat_bias(node) / step, node.name, "bias")
    paths = tuple(_path(synapse, position, populations, step, node) for synapse in node.synapses)
    if threshold >= STATE_LIMIT["float64"]:
        raise RangeError(f"plan: {node.name}: a threshold of {threshold} grid steps; lower the threshold, the weights are far finer")
    told = np.zeros(prod(node.shape), np.int64)
    function = on_grid(node.activation, node.shape, step, node.name)
    return Population(node, unit, step, payload, threshold, bias, function, paths, _NO_INDEX, _NO_INDEX, -1, bias, told)


def _reference(node: Neurons, unit: str) -> float:
    """What a threshold of 1 stands for at this population."""
    if unit == "relative":
        return node.scale
    return min((float(np.median(_scale(s))) for s in node.synapses), default=1.0) if unit == "lsb" else 1.0


def _scale(synapse: Synapse) -> NDArray[np.float64]:
    if synapse.scale is None:
        raise InputError(f"plan: the weights from {synapse.source} are still in float; quantize the graph first (tfsnn convert does)")
    return np.atleast_1d(synapse.scale).astype(np.float64)


def _grain(synapse: Synapse, unit: float) -> float:
    scale = _scale(synapse)
    return float(max(scale.min(), scale.max() / 4)) * factor(synapse.relays) * unit


def _path(synapse: Synapse, position: dict[str, int], populations: list[Population], step: float, node: Neurons) -> Path:
    at = position[synapse.source]
    source = populations[at]
    real = real_weight(synapse) * factor(synapse.relays)
    weight = rounded(real * (source.unit / step), node.name, "weight")
    shape, index = relayed(synapse.relays, source.shape), route(synapse.relays, source.shape)
    if isinstance(synapse.op, OneToOne):
        weight = np.ascontiguousarray(np.broadcast_to(weight, shape))
    fan = per_source(index, source.size, np.broadcast_to(fanout(synapse.op, shape), prod(shape)))
    fan_nonzero = per_source(index, source.size, fanout_nonzero(synapse.op, weight, shape))
    places = per_source(index, source.size, np.ones(len(index), np.int64)).max(initial=0)
    reach = column_sum(synapse.op, weight) * index.shape[1], int(np.abs(weight).max(initial=0) * places)
    return Path(at, len(populations), synapse.op, shape, index, weight, fan, fan_nonzero, reach)


def _largest(values: Integers) -> int:
    return int(np.abs(values).max(initial=0))


def _absolute(synapse: Synapse) -> Synapse:
    return replace(synapse, weight=np.abs(np.asarray(synapse.weight, np.float64)))


_NO_INDEX: Indices = np.zeros((0, 0), np.int64)

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

from dataclasses import dataclass, field
from functools import singledispatch
from math import ceil, inf, prod

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import InputError, RangeError
from tfsnn.network.fanout import column_sum, fanout, fanout_nonzero, per_source
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons, Node, Synapse
from tfsnn.network.ops import Indices, OneToOne, factor, relayed, route, window_sources
from tfsnn.network.room import check_plan
from tfsnn.plan.grid_function import LARGEST_PRODUCT, LINEAR, STATE_LIMIT, in_steps, on_grid, rounded
from tfsnn.plan.plan import Path, Plan, Population
from tfsnn.plan.rest import at_rest
from tfsnn.plan.settings import SPIKES, Settings


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
        If a threshold, weight or bias does not fit 2^52 grid steps, or the state at rest leaves them.
    BudgetError
        If it would take more memory than :func:`tfsnn.memory.budget` allows.
    """
    check_plan(graph)
    made = Made(graph, settings)
    for node in graph.nodes:
        made.positions[node.name] = len(made.populations)
        made.populations.append(_population(node, made))
    bits, largest = SPIKES[settings.spikes]
    plan = Plan(graph, settings, tuple(made.populations), largest, settings.spikes == "direct")
    return at_rest(plan) if settings.initial == "rest" else plan


@dataclass(frozen=True)
class Made:
    """What has been made so far: populations, and their positions by name."""

    graph: Graph
    settings: Settings
    populations: list[Population] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Population:
        return self.populations[self.positions[name]]


@singledispatch
def _population(node: Node, made: Made) -> Population:
    """A node in integers; one function for each kind of node."""
    raise TypeError(type(node).__name__)


@_population.register
def _external(node: Input, made: Made) -> Population:
    nothing, unit = np.zeros(prod(node.shape), np.int64), node.encoder.unit_value
    return Population(node, unit, unit, 1, 0, nothing, LINEAR, (), _NO_INDEX, _NO_INDEX, -1, nothing, nothing)


@_population.register
def _max_pool(node: MaxPool, made: Made) -> Population:
    source = made[node.source]
    shape = relayed(node.relays, source.shape)
    pixels = window_sources(shape, node.window, node.strides, node.padding)
    channels = np.arange(shape[2])[None, :, None]
    windows = np.where(pixels[:, None, :] < 0, -1, pixels[:, None, :] * shape[2] + channels).reshape(-1, pixels.shape[1])
    received, nothing = np.zeros(prod(shape), np.int64), np.zeros(prod(node.shape), np.int64)
    index, at, unit = route(node.relays, source.shape), made.positions[node.source], source.unit
    return Population(node, unit, unit, 1, 1, nothing, LINEAR, (), windows, index, at, received, nothing)


@_population.register
def _neurons(node: Neurons, made: Made) -> Population:
    settings = made.settings
    spikes = settings.spiking_output or bool(made.graph.consumers(node.name))
    grains = [_grain(synapse, made[synapse.source].unit) for synapse in node.synapses]
    step = min(grains, default=1.0) / 4
    payload, threshold, unit = 1, 0, 0.0
    if spikes:
        bits = SPIKES[settings.spikes][0]
        unit = settings.threshold * node.threshold * _reference(node, made.graph, settings.unit) / (1 << bits)
        payload = _payload(unit, step, bits, node.name)
        threshold, step = payload << bits, unit / payload
    if not step >= LEAST:
        raise RangeError(f"plan: {node.name}: a grid step of {step:.3g}, {LEAST:.3g} is the least; raise the threshold, or scale the model")
    bias = rounded(in_steps(node.flat_bias, step), node.name, "bias")
    paths = tuple(_path(synapse, made, step, node) for synapse in node.synapses)
    sent = np.zeros(prod(node.shape), np.int64)
    function = on_grid(node.activation, node.shape, step, node.name)
    return Population(node, unit, step, payload, threshold, bias, function, paths, _NO_INDEX, _NO_INDEX, -1, bias, sent)


def _payload(unit: float, step: float, bits: int, name: str) -> int:
    """P, the least number of steps that make up a payload unit with a step no longer than ``step``."""
    ratio = unit / step if step > 0 else inf
    if not (LEAST <= unit <= MOST):
        allowed = f"it must lie within {LEAST:.3g} and {MOST:.3g}"
        raise RangeError(f"plan: {name}: a threshold of {unit * (1 << bits):.3g} in real units; {allowed}")
    if not ratio < STATE_LIMIT["float64"] >> bits:
        found = f"a threshold of {ratio * (1 << bits):.0f} grid steps"
        raise RangeError(f"plan: {name}: {found}; lower the threshold, the weights are far finer")
    return ceil(ratio)


def _reference(node: Neurons, graph: Graph, unit: str) -> float:
    """What a threshold of 1 stands for at this population."""
    if unit == "relative":
        return node.scale
    if unit == "absolute":
        return 1.0
    averaged = [graph[synapse.source] for synapse in node.synapses if synapse.pools]
    if averaged and isinstance(averaged[0], Neurons):
        # A mean has no weights of its own, and is smaller than the neurons that it is of: the same share of its scale as of theirs.
        return _reference(averaged[0], graph, unit) * node.scale / averaged[0].scale
    return min((float(np.median(_scale(synapse))) for synapse in node.synapses), default=1.0)


def _scale(synapse: Synapse) -> NDArray[np.float64]:
    if synapse.scale is None:
        raise InputError(f"plan: the weights from {synapse.source} are still in float; quantize the graph first (tfsnn convert does)")
    return np.atleast_1d(synapse.scale).astype(np.float64)


def _grain(synapse: Synapse, unit: float) -> float:
    scale = _scale(synapse)
    return float(max(scale.min(), scale.max() / 4)) * factor(synapse.relays) * unit


def _path(synapse: Synapse, made: Made, step: float, node: Neurons) -> Path:
    at, source = made.positions[synapse.source], made[synapse.source]
    real = synapse.real_weight() * factor(synapse.relays)
    weight = rounded(in_steps(real * source.unit, step), node.name, "weight")
    shape, index = relayed(synapse.relays, source.shape), route(synapse.relays, source.shape)
    if isinstance(synapse.op, OneToOne):
        weight = np.ascontiguousarray(np.broadcast_to(weight, shape))
    fan = per_source(index, source.size, np.broadcast_to(fanout(synapse.op, shape), prod(shape)))
    fan_nonzero = per_source(index, source.size, fanout_nonzero(synapse.op, weight, shape))
    places = int(per_source(index, source.size, np.ones(len(index), np.int64)).max(initial=0))
    # As Python's integers, which do not overflow; beyond the range one is as good as another.
    growth = column_sum(synapse.op, weight) * index.shape[1], int(np.abs(weight).max(initial=0)) * places
    reach = min(growth[0], LARGEST_PRODUCT), min(growth[1], LARGEST_PRODUCT)
    return Path(at, len(made.populations), synapse.op, shape, index, weight, fan, fan_nonzero, reach)


LEAST, MOST = 1e-250, 1e250
"""Real values between which grid steps, payload units and their ratios are computed without overflow or loss."""
_NO_INDEX: Indices = np.zeros((0, 0), np.int64)

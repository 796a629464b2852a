"""What flows between two Keras layers, seen from the neurons: a sum of synapses in the making, and a bias.

Lowering reads a model as algebra. A tensor is

    signal = view( sum over terms [ op_i ( gain_i * relays_i (source_i) ) ] + bias )

Linear layers, batch norm, additions, padding and the like only rewrite that sum; an activation closes it: it becomes a population
of neurons, and what flows on is one term that names it. Nothing is approximated on the way: a batch norm after an
activation becomes a gain and a bias, the bias passes through the next convolution as a map, exact at its borders.
Where the sum cannot take one more linear operation, it is closed with f = identity (:meth:`Builder.settle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.dense import gathered, linear
from tfsnn.encode import Encoder
from tfsnn.errors import ConversionError
from tfsnn.graph import Graph, Input, MaxPool, Neurons, Node, Synapse
from tfsnn.memory import empty
from tfsnn.ops import (
    Activation,
    AveragePool,
    Conv,
    Dense,
    Indices,
    Linear,
    OneToOne,
    Pad,
    Padding,
    Relay,
    Shape,
    relayed,
    route,
)

from .relays import joined, without_channels

Floats = NDArray[Any]
LARGEST = 1 << 27
"""A tensor, or the windows that are laid over it, holds fewer values than this."""


@dataclass(frozen=True, eq=False)
class Term:
    """One summand: a population, seen through relays, times a gain, then perhaps one linear operation.

    Parameters
    ----------
    source
        Name of the population.
    shape
        Its shape.
    relays
        What its values pass.
    gain
        Factor on each value behind the relays: a scalar, (channels), or their shape where it differs from place to place;
        NaN where there is no value (padding).
    op, weight
        The linear operation and its weight; None if there is none yet.
    """

    source: str
    shape: Shape
    relays: tuple[Relay, ...] = ()
    gain: Floats = field(default_factory=lambda: np.ones(()))
    op: Linear | None = None
    weight: Floats | None = None

    @property
    def relayed(self) -> Shape:
        """Shape behind the relays."""
        return relayed(self.relays, self.shape)


@dataclass(frozen=True, eq=False)
class Signal:
    """The sum; ``view`` are reshapes and permutations that wait until its neurons stand.

    Parameters
    ----------
    shape
        Before the view.
    terms
        The summands.
    bias
        float64 of ``shape``.
    view
        Applied last.
    name
        The layer whose neurons these will be.
    statistics
        Mean and standard deviation a channel, where a batch norm has just set them.
    """

    shape: Shape
    terms: tuple[Term, ...]
    bias: Floats
    view: tuple[Relay, ...] = ()
    name: str = ""
    statistics: tuple[Floats, Floats] | None = None

    @property
    def seen(self) -> Shape:
        """The tensor's shape in Keras, without the batch axis."""
        return relayed(self.view, self.shape)

    @property
    def open(self) -> bool:
        """Whether no term has a linear operation yet."""
        return all(term.op is None for term in self.terms)

    @property
    def bare(self) -> bool:
        """Whether this is just what one population tells, seen through the view."""
        first = self.terms[0]
        same = first.op is None and not first.relays and not first.gain.ndim and first.gain == 1
        return len(self.terms) == 1 and bool(same) and not self.bias.any()

    def viewed(self, *relays: Relay) -> Signal:
        """The signal behind reshapes and permutations: they wait in the view, where many cancel out."""
        view = self.view
        for relay in relays:
            view = joined(view, relay, self.shape)
        return replace(self, view=view)


class Builder:
    """Collects the populations of a graph while its signals are rewritten."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        # The layer at hand, set by the driver: populations that lowering adds are named after it.
        self.prefix = ""
        self._known: dict[int, tuple[Signal, Signal]] = {}

    def input(self, name: str, shape: Shape, encoder: Encoder) -> Signal:
        """A new input population, as a signal."""
        self.nodes.append(Input(self._fresh(name), shape, encoder))
        return source(self.nodes[-1])

    def neurons(self, signal: Signal, activation: Activation, *, name: str = "", softmax: bool = False) -> Signal:
        """Close the sum: a population of neurons with f; the view goes on behind it.

        Parameters
        ----------
        signal
            The sum.
        activation
            f.
        name
            Name of the population; default the layer at hand.
        softmax
            Keras applies softmax to x.
        """
        synapses = tuple(_synapse(term) for term in signal.terms)
        flat = signal.bias.reshape(-1, signal.shape[-1])
        bias = (flat[0] if np.all(flat == flat[0]) else signal.bias).astype(np.float32)
        fresh, scale = self._fresh(name or signal.name or self.prefix), expected_scale(activation, signal.statistics)
        self.nodes.append(Neurons(fresh, signal.shape, synapses, bias, activation, scale, softmax=softmax))
        return replace(source(self.nodes[-1]), view=signal.view)

    def settle(self, signal: Signal) -> Signal:
        """The same values with no linear operation pending and no view: what a further linear operation can take."""
        if signal.open and not signal.view:
            return signal
        if not signal.open:
            signal = self.closed(signal)
        for relay in signal.view:
            signal = self._through(replace(signal, view=()), relay)
        return replace(signal, view=())

    def closed(self, signal: Signal) -> Signal:
        """The same values as f(x) = x of a population; the same one however many consumers need it."""
        if id(signal) in self._known:
            return self._known[id(signal)][1]
        closed = self.neurons(signal, Activation("linear"))
        # A signal with a pending operation has one consumer, and weights that need not be kept.
        if signal.open:
            self._known[id(signal)] = signal, closed
        return closed

    def relay(self, signal: Signal, relay: Relay) -> Signal:
        """The signal behind a relay."""
        signal = self.settle(signal)
        self.bound(relay.output(signal.shape), relay.window if isinstance(relay, AveragePool) else ())
        return self._through(signal, relay)

    def _through(self, signal: Signal, relay: Relay) -> Signal:
        moved = _moved(signal, relay)
        return self._through(self.closed(signal), relay) if moved is None else moved

    def bound(self, shape: Shape, window: Shape = ()) -> None:
        """Refuse what would not fit a computer; damaged files ask for it."""
        if prod(shape) * prod(window) >= LARGEST:
            found = f"an output of shape {shape}" + (f" under windows of {window}" if window else "")
            raise ConversionError((f"layer '{self.prefix}': {found}; below {LARGEST:,} values can be converted: give a smaller input",))

    def linear(self, signal: Signal, op: Conv | Dense, weight: Floats, bias: Floats | None = None) -> Signal:
        """The signal behind a linear operation; gains go into its weight, a bias passes through it as a map.

        Parameters
        ----------
        signal
            (rows, columns, channels) for a convolution.
        op, weight
            The operation and its weight.
        bias
            (filters)
        """
        signal = self.settle(signal)
        # A convolution has one weight for all positions, so it cannot take up a gain that differs from place to place.
        if isinstance(op, Conv) and any(term.gain.ndim > 1 for term in signal.terms):
            signal = self.settle(self.closed(signal))
        terms = tuple(_multiplied(term, op, weight, signal.shape) for term in signal.terms)
        shape = op.output(signal.shape)
        self.bound(shape)
        flat = signal.bias.reshape(1, -1)
        through = linear(op, weight, flat, signal.shape) if flat.any() else np.zeros((1, prod(shape)))
        return Signal(shape, terms, through.reshape(shape) + (0.0 if bias is None else bias), name=self.prefix)

    def affine(self, signal: Signal, scale: Floats, shift: Floats) -> Signal:
        """scale * signal + shift, a value each channel (last axis of the shape before the view) or one for all."""
        terms = tuple(_scaled(term, scale) for term in signal.terms)
        return replace(signal, terms=terms, bias=signal.bias * scale + shift, statistics=None)

    def average_pool(self, signal: Signal, pool: AveragePool, padding: Padding) -> Signal:
        """Mean over windows of (rows, columns, channels); what lies in the border does not count."""
        if padding == ((0, 0), (0, 0)):
            return self.relay(signal, pool)
        rows, columns = signal.shape[:2]
        padded = self.relay(signal, Pad((*padding, (0, 0))))
        pooled = self.relay(padded, pool)
        counted = np.pad(np.ones((rows, columns)), padding).reshape(-1)
        share = counted[pool.sources((*padded.shape[:2], 1))].mean(axis=1).reshape(*pooled.shape[:2], 1)
        terms = tuple(replace(t, gain=_lean(np.broadcast_to(t.gain / share, pooled.shape))) for t in pooled.terms)
        return replace(pooled, terms=terms, bias=pooled.bias / share)

    def add(self, signals: Sequence[Signal]) -> Signal:
        """The sum of signals of one shape."""
        first = signals[0]
        if any(signal.view != first.view or signal.shape != first.shape for signal in signals):
            signals = [self.settle(signal) for signal in signals]
        terms = tuple(term for signal in signals for term in signal.terms)
        bias = np.sum([signal.bias for signal in signals], axis=0)
        return Signal(signals[0].shape, terms, bias, signals[0].view, name=self.prefix)

    def max_pool(self, signal: Signal, window: tuple[int, int], strides: tuple[int, int], padding: Padding) -> Signal:
        """Maximum over windows of (rows, columns, channels); positive gains and equal biases commute with it."""
        signal = self.settle(signal)
        affine = _commuting(signal)
        if affine is None:
            signal, affine = self.settle(self.closed(signal)), (np.ones(()), np.zeros(()))
        term = signal.terms[0]
        shape = Conv(signal.shape[2], window, strides, padding, groups=signal.shape[2]).output(signal.shape)
        self.bound(shape, window)
        self.nodes.append(MaxPool(self._fresh(self.prefix), shape, term.source, window, strides, padding, term.relays))
        return self.affine(source(self.nodes[-1]), *affine)

    def graph(self, outputs: Sequence[str]) -> Graph:
        """The finished graph."""
        return Graph(tuple(self.nodes), tuple(outputs))

    def _fresh(self, name: str) -> str:
        taken, number, fresh = {node.name for node in self.nodes}, 1, name
        while fresh in taken:
            number += 1
            fresh = f"{name}~{number}"
        return fresh


def expected_scale(activation: Activation, statistics: tuple[Floats, Floats] | None) -> float:
    """99.9th percentile of abs(f(x)) if each channel's x is normal with these statistics; 1 if they are unknown."""
    if statistics is None:
        return 1.0
    steepest = replace(activation, slope=float(np.max(np.abs(activation.slope))))
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / 2000) for i in range(2000)])
    values = np.abs(steepest(statistics[0] + statistics[1] * quantiles[:, None]))
    return float(np.quantile(values, 0.999)) or 1.0


def source(node: Node) -> Signal:
    """What a population tells, as a signal."""
    return Signal(node.shape, (Term(node.name, node.shape),), np.zeros(node.shape))


def behind_view(signal: Signal, values: Floats) -> Floats:
    """Values of the tensor's shape in Keras, moved to the shape before the view."""
    flat = np.empty(prod(signal.shape), values.dtype)
    flat[route(signal.view, signal.shape)[:, 0]] = values.reshape(-1)
    return flat.reshape(signal.shape)


def per_channel(gain: Floats) -> Floats | None:
    """The gain as a scalar or (channels), if it is the same at each position; NaN where a channel has no value."""
    if gain.ndim < 2:
        return gain
    flat = gain.reshape(-1, gain.shape[-1])
    first: Floats = np.fmax.reduce(flat, axis=0)
    return first if np.all((flat == first) | np.isnan(flat)) else None


def _lean(gain: Floats) -> Floats:
    lean = per_channel(gain)
    return gain if lean is None else lean


def _moved(signal: Signal, relay: Relay) -> Signal | None:
    """Every term and the bias behind a relay; None if its windows would mix values of different gain."""
    index, shape = relay.sources(signal.shape), relay.output(signal.shape)
    terms = []
    for term in signal.terms:
        gain = _gain_behind(term.gain, signal.shape, index)
        if gain is None:
            return None
        gain = _lean(gain.reshape(shape)) if gain.ndim else gain
        terms.append(replace(term, relays=joined(term.relays, relay, term.shape), gain=gain))
    bias = gathered(signal.bias.reshape(1, -1), index) * relay.factor
    return Signal(shape, tuple(terms), bias.reshape(shape))


def _gain_behind(gain: Floats, shape: Shape, index: Indices) -> Floats | None:
    """The gain of each output of an index map; None if one output sums inputs of different gain."""
    if not gain.ndim:
        return gain
    taps = np.append(np.broadcast_to(gain, shape).reshape(-1), np.nan)[index]
    first: Floats = np.fmax.reduce(taps, axis=1)
    return first if np.all((taps == first[:, None]) | np.isnan(taps)) else None


def _multiplied(term: Term, op: Conv | Dense, weight: Floats, shape: Shape) -> Term:
    """A term behind a linear operation.

    Given a branch of a concatenation, padded with the channels of the others, and an operation that sums over channels, the
    result is the branch alone, with the part of the weight that meets its channels.
    """
    weight = _with_gain(op, weight, term.gain, shape)
    relays = term.relays
    if isinstance(op, Dense) or op.groups == 1:
        relays, (before, after) = without_channels(relays)
        weight = weight[..., before : weight.shape[-2] - after, :]
    return replace(term, relays=relays, gain=np.ones(()), op=op, weight=weight)


def _with_gain(op: Conv | Dense, weight: Floats, gain: Floats, shape: Shape) -> Floats:
    """The weight with the gain of the values that it meets; their gain is the same at each position of a convolution."""
    if not gain.ndim and gain == 1:
        return weight
    factor: Floats = np.nan_to_num(gain, nan=1.0)
    if gain.ndim and isinstance(op, Dense):
        factor = factor.reshape(-1)[:, None]
    elif gain.ndim and not isinstance(op, Dense):
        inner, outer = shape[2] // op.groups, op.filters // op.groups
        factor = np.repeat(factor.reshape(op.groups, inner).T, outer, axis=1)
    return _product(weight, factor)


def _product(weight: Floats, factor: Floats) -> Floats:
    """A weight times a factor, in float32; computed in double precision, without a copy of the weight in it."""
    product = empty(weight.shape, np.float32)
    np.multiply(weight, factor, out=product, casting="same_kind")
    return product


def _scaled(term: Term, scale: Floats) -> Term:
    if term.op is not None and term.weight is not None:
        return replace(term, weight=_product(term.weight, scale))
    return replace(term, gain=term.gain * scale)


def _synapse(term: Term) -> Synapse:
    """A term as a synapse; without a linear operation, one to one."""
    if term.op is not None and term.weight is not None:
        return Synapse(term.source, term.relays, term.op, term.weight.astype(np.float32, copy=False))
    weight = np.nan_to_num(term.gain, nan=1.0)
    if weight.ndim < 2:
        weight = np.broadcast_to(weight, (term.relayed[-1],))
    return Synapse(term.source, term.relays, OneToOne(), weight.astype(np.float32))


def _commuting(signal: Signal) -> tuple[Floats, Floats] | None:
    """Gain and bias a channel, if max pooling may come before them."""
    if len(signal.terms) != 1 or any(relay.factor != 1 for relay in signal.terms[0].relays):
        return None
    gain, bias = per_channel(signal.terms[0].gain), per_channel(signal.bias)
    if gain is None or bias is None:
        return None
    return None if np.any(gain <= 0) else (np.nan_to_num(gain, nan=1.0), bias)

"""The graph while it is built: terms become synapses, and signals become populations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import ConversionError
from tfsnn.input.encoder import Encoder
from tfsnn.memory import empty
from tfsnn.network.arithmetic import gather_sum, linear
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons, Node, Synapse
from tfsnn.network.ops import Activation, AveragePool, Conv, Dense, Indices, OneToOne, Pad, Padding, Relay, Shape

from .chains import joined, without_channels
from .signal import Signal, Term, per_channel, source

LARGEST = 1 << 27


class Builder:
    """Collects the populations of a graph while its signals are rewritten.

    Attributes
    ----------
    nodes
        The populations so far.
    prefix
        The layer at hand, set by the driver: populations that lowering adds are named after it.
    statistics
        By population, mean and standard deviation of x, (channels), where a batch norm has set them.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.prefix = ""
        self.statistics: dict[str, tuple[Array, Array]] = {}
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
        fresh = self._fresh(name or signal.name or self.prefix)
        if signal.statistics is not None:
            self.statistics[fresh] = signal.statistics
        self.nodes.append(Neurons(fresh, signal.shape, synapses, bias, activation, softmax=softmax))
        return replace(source(self.nodes[-1]), view=signal.view)

    def settle(self, signal: Signal) -> Signal:
        """The same values with no linear operation pending and no view: what a further linear operation can take."""
        if signal.is_pending_free and not signal.view:
            return signal
        if not signal.is_pending_free:
            signal = self.materialized(signal)
        for relay in signal.view:
            signal = self._through(replace(signal, view=()), relay)
        return replace(signal, view=())

    def materialized(self, signal: Signal) -> Signal:
        """The same values as f(x) = x of a population; the same one however many consumers need it."""
        if id(signal) in self._known:
            return self._known[id(signal)][1]
        closed = self.neurons(signal, Activation("linear"))
        # A signal with a pending operation has one consumer, and weights that need not be kept.
        if signal.is_pending_free:
            self._known[id(signal)] = signal, closed
        return closed

    def relay(self, signal: Signal, relay: Relay) -> Signal:
        """The signal behind a relay."""
        signal = self.settle(signal)
        self.bound(relay.output(signal.shape), relay.window if isinstance(relay, AveragePool) else ())
        return self._through(signal, relay)

    def _through(self, signal: Signal, relay: Relay) -> Signal:
        moved = _moved(signal, relay)
        return self._through(self.materialized(signal), relay) if moved is None else moved

    def bound(self, shape: Shape, window: Shape = ()) -> None:
        """Refuse what would not fit a computer; damaged files ask for it."""
        if prod(shape) * prod(window) >= LARGEST:
            found = f"an output of shape {shape}" + (f" under windows of {window}" if window else "")
            raise ConversionError((f"layer '{self.prefix}': {found}; below {LARGEST:,} values can be converted: give a smaller input",))

    def linear(self, signal: Signal, op: Conv | Dense, weight: Array, bias: Array | None = None) -> Signal:
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
            signal = self.settle(self.materialized(signal))
        # Each summand would get a kernel of its own, and the network would compute what Keras computes once several times.
        if _share_weights(signal.terms, op):
            signal = self.materialized(signal)
        terms = tuple(_multiplied(term, op, weight, signal.shape) for term in signal.terms)
        shape = op.output(signal.shape)
        self.bound(shape)
        flat = signal.bias.reshape(1, -1)
        through = linear(op, weight, flat, signal.shape) if flat.any() else np.zeros((1, prod(shape)))
        return Signal(shape, terms, through.reshape(shape) + (0.0 if bias is None else bias), name=self.prefix)

    def affine(self, signal: Signal, scale: Array, shift: Array) -> Signal:
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
            signal, affine = self.settle(self.materialized(signal)), (np.ones(()), np.zeros(()))
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


def _lean(gain: Array) -> Array:
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
    bias = gather_sum(signal.bias.reshape(1, -1), index) * relay.factor
    return Signal(shape, tuple(terms), bias.reshape(shape))


def _gain_behind(gain: Array, shape: Shape, index: Indices) -> Array | None:
    """The gain of each output of an index map; None if one output sums inputs of different gain."""
    if not gain.ndim:
        return gain
    taps = np.append(np.broadcast_to(gain, shape).reshape(-1), np.nan)[index]
    first: Array = np.fmax.reduce(taps, axis=1)
    return first if np.all((taps == first[:, None]) | np.isnan(taps)) else None


def _share_weights(terms: Sequence[Term], op: Conv | Dense) -> bool:
    """Whether two summands meet the same weights of an operation; the branches of a concatenation meet different ones."""
    if isinstance(op, Conv) and op.groups > 1:
        return len(terms) > 1
    spans = []
    for term in terms:
        _, (before, after) = without_channels(term.relays)
        spans.append((before, term.relayed[-1] - after))
    spans.sort()
    return any(end > start for (_, end), (start, _) in zip(spans, spans[1:]))


def _multiplied(term: Term, op: Conv | Dense, weight: Array, shape: Shape) -> Term:
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


def _with_gain(op: Conv | Dense, weight: Array, gain: Array, shape: Shape) -> Array:
    """The weight with the gain of the values that it meets; their gain is the same at each position of a convolution."""
    if not gain.ndim and gain == 1:
        return weight
    factor: Array = np.nan_to_num(gain, nan=1.0)
    if gain.ndim and isinstance(op, Dense):
        factor = factor.reshape(-1)[:, None]
    elif gain.ndim and not isinstance(op, Dense):
        inner, outer = shape[2] // op.groups, op.filters // op.groups
        factor = np.repeat(factor.reshape(op.groups, inner).T, outer, axis=1)
    return _product(weight, factor)


def _product(weight: Array, factor: Array) -> Array:
    """A weight times a factor, in float32; computed in double precision, without a copy of the weight in it."""
    product = empty(weight.shape, np.float32)
    np.multiply(weight, factor, out=product, casting="same_kind")
    return product


def _scaled(term: Term, scale: Array) -> Term:
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


def _commuting(signal: Signal) -> tuple[Array, Array] | None:
    """Gain and bias a channel, if max pooling may come before them."""
    if len(signal.terms) != 1 or any(relay.factor != 1 for relay in signal.terms[0].relays):
        return None
    gain, bias = per_channel(signal.terms[0].gain), per_channel(signal.bias)
    if gain is None or bias is None:
        return None
    return None if np.any(gain <= 0) else (np.nan_to_num(gain, nan=1.0), bias)

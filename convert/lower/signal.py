"""A tensor, or the windows that are laid over it, holds fewer values than this."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from tfsnn.aliases import Array
from tfsnn.network.nodes import Node
from tfsnn.network.ops import Linear, Relay, Shape, relayed, route

from .chains import joined


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
    gain: Array = field(default_factory=lambda: np.ones(()))
    op: Linear | None = None
    weight: Array | None = None

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
    bias: Array
    view: tuple[Relay, ...] = ()
    name: str = ""
    statistics: tuple[Array, Array] | None = None

    @property
    def keras_shape(self) -> Shape:
        """The tensor's shape in Keras, without the batch axis."""
        return relayed(self.view, self.shape)

    @property
    def is_pending_free(self) -> bool:
        """Whether no term has a linear operation yet."""
        return all(term.op is None for term in self.terms)

    @property
    def is_population(self) -> bool:
        """Whether this is just what one population sends, behind the view."""
        first = self.terms[0]
        same = first.op is None and not first.relays and not first.gain.ndim and first.gain == 1
        return len(self.terms) == 1 and bool(same) and not self.bias.any()

    def viewed(self, *relays: Relay) -> Signal:
        """The signal behind reshapes and permutations: they wait in the view, where many cancel out."""
        view = self.view
        for relay in relays:
            view = joined(view, relay, self.shape)
        return replace(self, view=view)


def source(node: Node) -> Signal:
    """What a population sends, as a signal."""
    return Signal(node.shape, (Term(node.name, node.shape),), np.zeros(node.shape))


def behind_view(signal: Signal, values: Array) -> Array:
    """Values of the tensor's shape in Keras, moved to the shape before the view."""
    flat = np.empty(prod(signal.shape), values.dtype)
    flat[route(signal.view, signal.shape)[:, 0]] = values.reshape(-1)
    return flat.reshape(signal.shape)


def per_channel(gain: Array) -> Array | None:
    """The gain as a scalar or (channels), if it is the same at each position; NaN where a channel has no value."""
    if gain.ndim < 2:
        return gain
    flat = gain.reshape(-1, gain.shape[-1])
    first: Array = np.fmax.reduce(flat, axis=0)
    return first if np.all((flat == first) | np.isnan(flat)) else None

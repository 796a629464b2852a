"""The nodes of a network: inputs, populations of neurons, max pooling; and the synapses between them.

A node answers what the rest of the house asks of it, so that a further kind is one more class here, and nobody else has to
ask which kind it is. Beside its fields every kind has:

=============== =============================================================================================================
``label``       what it is, for people
``external``    whether its events come from outside the network
``requantizes`` whether it sends f(x) on a grid of its own, by a threshold of its own; if not, in payload units of its source
``activation``  f
``scale``       calibrated scale that a relative threshold refers to; 1 where there is no threshold
``softmax``     whether Keras applies softmax to its x
``synapses``    where x comes from, if from weighted sums
``sources``     the names of the populations that it receives from, each once
``parameters``  number of weights and biases
``description`` its cell in the table that ``print(graph)`` shows
``check``       raises an InputError where it does not fit what stands before it
``state_size``  how many whole numbers it accumulates: x, or what max pooling has received
``evaluate``    its x and f(x) when every population is evaluated on every frame
=============== =============================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar, Protocol, Union

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array
from tfsnn.errors import InputError, shown
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.network.arithmetic import linear, routed, window_maximum
from tfsnn.network.check import behind, check_activation, check_window, expect, is_finite
from tfsnn.network.ops import (
    NO_PADDING,
    Activation,
    AveragePool,
    Conv,
    Linear,
    OneToOne,
    Padding,
    Relay,
    Shape,
    counts,
    describe,
    factor,
    relayed,
    window_output,
)

Values = tuple[Array, Array]
Real = type[np.floating[Any]]
LINEAR = Activation()
LEAST_SCALE, LARGEST_SCALE = 1e-30, 1e30
"""Of a population's scale, and of its factor on the threshold."""


class Known(Protocol):
    """Nodes by name: a graph, or those of it that have been checked so far."""

    def __getitem__(self, name: str, /) -> Node:
        """The node of that name."""


@dataclass(frozen=True)
class Input:
    """A population whose events come from outside.

    Parameters
    ----------
    name, shape
        Unique name; shape without the sample axis.
    encoder
        How raw input becomes its events.
    framing
        How the frames of a video become raw input; None where nobody has said.
    """

    name: str
    shape: Shape
    encoder: Encoder
    framing: Framing | None = None
    label: ClassVar[str] = "input"
    external: ClassVar[bool] = True
    requantizes: ClassVar[bool] = False
    activation: ClassVar[Activation] = LINEAR
    scale: ClassVar[float] = 1.0
    softmax: ClassVar[bool] = False
    synapses: ClassVar[tuple[Synapse, ...]] = ()
    sources: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[int] = 0

    @property
    def description(self) -> str:
        """What it is, and how it is encoded."""
        return f"input, {self.encoder.kind}"

    def check(self, known: Known) -> None:
        """Anything goes that has a shape, the framing's where there is one, and as many channels as the encoder has thresholds."""
        if len(self.encoder.least) not in (1, self.shape[-1]):
            found = f"{len(self.encoder.least)} thresholds of the encoder, input of shape {self.shape}"
            raise InputError(f"graph: {self.name}: {found}; give one, or {self.shape[-1]}, one for each channel")
        if self.framing is not None:
            expect(f"graph: {self.name}", "shape", self.shape, self.framing.shape)

    def state_size(self, known: Known) -> int:
        """0: an input accumulates nothing."""
        return 0

    def evaluate(self, sent: Mapping[str, Array], known: Known, frames: Mapping[str, Array], dtype: Real) -> Values:
        """The frame itself, twice."""
        x = np.asarray(frames[self.name], dtype).reshape(len(frames[self.name]), -1)
        return x, x


@dataclass(frozen=True, eq=False)
class Synapse:
    """A linear map between two populations: relays, then an operation with weights.

    Parameters
    ----------
    source
        Name of the sending population.
    relays
        Index maps that an event passes first.
    op
        The linear operation.
    weight
        float32, or once quantized int8 (int16 above 8 bits), of ``op.weight_shape``.
    scale
        float32, a value for each output channel or one for all: real weight = weight x scale. None while in float.
    """

    source: str
    relays: tuple[Relay, ...]
    op: Linear
    weight: NDArray[Any]
    scale: NDArray[np.float32] | None = None

    @property
    def pools(self) -> bool:
        """Whether each neuron receives the mean of others alone."""
        return isinstance(self.op, OneToOne) and any(isinstance(relay, AveragePool) for relay in self.relays)

    @property
    def description(self) -> str:
        """Its operation."""
        return "average pooling" if self.pools else describe(self.op)

    def real_weight(self, dtype: Real = np.float64) -> Array:
        """The weight in real units: whole numbers times their scale, or the float weight as it is, not copied if it is of ``dtype``."""
        if self.scale is None:
            return np.asarray(self.weight, dtype)
        weight = self.weight.astype(dtype)
        # In place: a layer may be most of a network, and this copy of it is larger than what is stored.
        weight *= np.asarray(self.scale, dtype)
        return weight

    def drive(self, sent: Array, shape: Shape, dtype: Real = np.float64) -> Array:
        """What it adds to its target's x: (samples, target neurons).

        Parameters
        ----------
        sent
            (samples, source neurons): f(x) of the source, or what it has sent.
        shape
            The source's shape.
        dtype
            Of the result.
        """
        weight, share = self.real_weight(dtype), factor(self.relays)
        weight = weight if share == 1 else weight * dtype(share)
        return linear(self.op, weight, routed(sent, self.relays, shape), relayed(self.relays, shape))

    def check(self, where: str, shape: Shape, target: Shape) -> None:
        """That it leads from a population of shape ``shape`` to one of shape ``target``, with weights to match.

        Parameters
        ----------
        where
            For messages.
        shape, target
            Of the two populations.
        """
        shape = behind(where, self.relays, shape)
        if isinstance(self.op, Conv):
            check_window(where, self.op.window, self.op.strides, self.op.padding, self.op.dilation, self.op.groups)
            if len(shape) != 3 or shape[2] % self.op.groups or self.op.filters % self.op.groups:
                allowed = "give (rows, columns, channels), channels and filters divisible by the groups"
                raise InputError(f"{where}: a convolution in {self.op.groups} groups over {shape}; {allowed}")
        expect(where, "shape", target, self.op.output(shape))
        mapped = isinstance(self.op, OneToOne) and self.weight.shape == target
        if not mapped:
            expect(where, "weight shape", self.weight.shape, self.op.weight_shape(shape))
        if not np.all(np.isfinite(self.weight)):
            raise InputError(f"{where}: weight holds NaN or infinity; the model that it came from is broken")
        scale, shapes = self.scale, ((), (target[-1],), *((target,) if mapped else ()))
        if scale is not None and (scale.shape not in shapes or not np.all(np.isfinite(scale) & (scale > 0))):
            raise InputError(f"{where}: scale of shape {scale.shape}; it must be positive, one for all or ({target[-1]},)")


@dataclass(frozen=True, eq=False)
class Neurons:
    """A population of neurons with x = bias + sum of what its synapses bring.

    Parameters
    ----------
    name, shape
        Unique name; shape without the sample axis.
    synapses
        Where x comes from.
    bias
        float32 (channels) or, where a border makes it differ from place to place, the whole shape.
    activation
        f.
    scale
        Calibrated scale: the 99.9th percentile of f(x) on the calibration data; relative thresholds refer to it.
    threshold
        Factor of this population on the network's threshold.
    softmax
        ``True`` where Keras applies softmax to x: an output alone.
    """

    name: str
    shape: Shape
    synapses: tuple[Synapse, ...]
    bias: NDArray[np.float32]
    activation: Activation = field(default_factory=Activation)
    scale: float = 1.0
    threshold: float = 1.0
    softmax: bool = False
    label: ClassVar[str] = "neurons"
    external: ClassVar[bool] = False
    requantizes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        """The populations that it receives from, each named once."""
        return tuple(dict.fromkeys(synapse.source for synapse in self.synapses))

    @property
    def parameters(self) -> int:
        """Weights and biases; of average pooling none, which has none in the model either."""
        if self.synapses and all(synapse.pools for synapse in self.synapses):
            return 0
        return self.bias.size + sum(synapse.weight.size for synapse in self.synapses)

    @property
    def description(self) -> str:
        """Its operations and its activation."""
        what = " + ".join(synapse.description for synapse in self.synapses) or "constant"
        after = "softmax" if self.softmax else self.activation.name
        return what + ("" if after == "linear" else f", {after}")

    @property
    def flat_bias(self) -> NDArray[np.float64]:
        """float64 (neurons): a bias a channel is the same at each position, a bias map is as it is."""
        return np.broadcast_to(np.asarray(self.bias, np.float64), self.shape).reshape(-1)

    def check(self, known: Known) -> None:
        """That bias, settings and synapses fit."""
        where = f"graph: {self.name}"
        check_activation(where, self.activation, self.shape)
        if self.bias.shape not in ((self.shape[-1],), self.shape):
            raise InputError(f"{where}: bias of shape {self.bias.shape}; expected ({self.shape[-1]},) or {self.shape}")
        if not np.all(np.isfinite(self.bias)):
            raise InputError(f"{where}: bias holds NaN or infinity; the model that it came from is broken")
        for name, value in (("scale", self.scale), ("threshold", self.threshold)):
            if not (is_finite(value) and LEAST_SCALE <= value <= LARGEST_SCALE):
                allowed = f"it must be a positive number, within {LEAST_SCALE:g} and {LARGEST_SCALE:g}"
                raise InputError(f"{where}: {name} is {shown(value)}; {allowed}")
        if not isinstance(self.softmax, bool):
            raise InputError(f"{where}: softmax is {shown(self.softmax)}; it must be true or false")
        for number, synapse in enumerate(self.synapses):
            synapse.check(f"{where}: synapse {number} from {synapse.source}", known[synapse.source].shape, self.shape)

    def state_size(self, known: Known) -> int:
        """An x for each neuron."""
        return prod(self.shape)

    def evaluate(self, sent: Mapping[str, Array], known: Known, frames: Mapping[str, Array], dtype: Real) -> Values:
        """x = bias + sum of what the synapses bring, and f(x)."""
        x = np.broadcast_to(self.flat_bias, (len(next(iter(frames.values()))), prod(self.shape))).astype(dtype)
        for synapse in self.synapses:
            x += synapse.drive(sent[synapse.source], known[synapse.source].shape, dtype)
        return x, self.activation(x.reshape(-1, *self.shape)).reshape(x.shape).astype(dtype)


@dataclass(frozen=True)
class MaxPool:
    """A population that keeps what it has received and sends the change of the maximum over each window."""

    name: str
    shape: Shape
    source: str
    window: tuple[int, int]
    strides: tuple[int, int]
    padding: Padding = NO_PADDING
    relays: tuple[Relay, ...] = ()
    label: ClassVar[str] = "max pooling"
    external: ClassVar[bool] = False
    requantizes: ClassVar[bool] = False
    activation: ClassVar[Activation] = LINEAR
    scale: ClassVar[float] = 1.0
    softmax: ClassVar[bool] = False
    synapses: ClassVar[tuple[Synapse, ...]] = ()
    parameters: ClassVar[int] = 0

    @property
    def sources(self) -> tuple[str]:
        """The one population that it receives from."""
        return (self.source,)

    @property
    def description(self) -> str:
        """What it is, and the size of its window."""
        return f"max pooling {self.window[0]}x{self.window[1]}"

    def check(self, known: Known) -> None:
        """That its windows fit what it receives, and reach inside."""
        where = f"graph: {self.name}"
        shape = behind(where, self.relays, known[self.source].shape)
        check_window(where, self.window, self.strides, self.padding)
        if any(border >= self.window[axis] for axis in (0, 1) for border in self.padding[axis]):
            raise InputError(f"{where}: padding {self.padding} around windows {self.window}; each window must overlap the input")
        if len(shape) != 3 or not all(relay.factor == 1 for relay in self.relays):
            allowed = "it takes (rows, columns, channels), without average pooling before it"
            raise InputError(f"{where}: max pooling of shape {shape}; {allowed}")
        rows, columns = (window_output(shape[i], self.window[i], self.strides[i], self.padding[i]) for i in (0, 1))
        expect(where, "shape", self.shape, (rows, columns, shape[2]))

    def state_size(self, known: Known) -> int:
        """What has been received, at each place of its input."""
        return prod(relayed(self.relays, known[self.source].shape))

    def evaluate(self, sent: Mapping[str, Array], known: Known, frames: Mapping[str, Array], dtype: Real) -> Values:
        """The maximum over each window, twice."""
        shape = known[self.source].shape
        received = routed(sent[self.source], self.relays, shape)
        return (self.pooled(received, relayed(self.relays, shape)),) * 2

    def pooled(self, received: Array, shape: Shape) -> Array:
        """The maximum over each window of (samples, inputs), an input of shape ``shape``."""
        return window_maximum(received, shape, self.window, self.strides, self.padding)


Node = Union[Input, Neurons, MaxPool]


def check_node(node: Node, known: Mapping[str, Node]) -> None:
    """InputError if a node does not fit those that stand before it.

    Parameters
    ----------
    node
        Any node.
    known
        The nodes before it, by name.
    """
    where = f"graph: {node.name}"
    if not node.name or not node.shape or not counts(node.shape) or prod(node.shape) >= 1 << 31:
        allowed = "every axis must be 1 or longer, their product below 2^31, and the name must not be empty"
        raise InputError(f"{where}: shape {shown(node.shape)}; {allowed}")
    for source in node.sources:
        if source not in known:
            raise InputError(f"{where}: receives from {source!r}, which does not come before it; list each population after its sources")
    node.check(known)

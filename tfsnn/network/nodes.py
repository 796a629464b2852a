"""The nodes of a network: inputs, populations of neurons, max pooling; and the synapses between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from tfsnn.input.encoder import Encoder
from tfsnn.network.ops import NO_PADDING, Activation, Linear, Padding, Relay, Shape


@dataclass(frozen=True)
class Input:
    """A population that is spoken to from outside; ``encoder`` says how raw input becomes its events."""

    name: str
    shape: Shape
    encoder: Encoder


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


@dataclass(frozen=True)
class MaxPool:
    """A population that keeps what it has heard and sends the change of the maximum over each window."""

    name: str
    shape: Shape
    source: str
    window: tuple[int, int]
    strides: tuple[int, int]
    padding: Padding = NO_PADDING
    relays: tuple[Relay, ...] = ()


Node = Union[Input, Neurons, MaxPool]


def sources(node: Node) -> tuple[str, ...]:
    """The names of the populations that ``node`` hears."""
    if isinstance(node, Neurons):
        return tuple(dict.fromkeys(synapse.source for synapse in node.synapses))
    return (node.source,) if isinstance(node, MaxPool) else ()

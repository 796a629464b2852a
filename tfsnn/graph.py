"""The network: populations, and the synapses between them.

A population is an input, neurons, or a max-pooling layer. What lies between two populations is a synapse: relays that move
values, then one linear operation with weights. Populations stand in topological order, sources first. A graph is
checked once, when it is made; ``print(graph)`` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite, prod
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from tfsnn.encode import Encoder
from tfsnn.errors import InputError
from tfsnn.fanout import fanout
from tfsnn.ops import (
    ACTIVATIONS,
    NO_PADDING,
    Activation,
    Conv,
    Linear,
    OneToOne,
    Padding,
    Relay,
    Shape,
    counts,
    relayed,
    window_output,
)


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


@dataclass(frozen=True, eq=False)
class Graph:
    """Populations in topological order, and the names of those whose x is the result.

    Parameters
    ----------
    nodes
        Sources before their targets.
    outputs
        Names of populations of neurons.

    Raises
    ------
    InputError
        Naming the population and what does not fit: names, order, shapes, weights.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        known: dict[str, Node] = {}
        for node in self.nodes:
            if node.name in known:
                raise InputError(f"graph: two populations are named {node.name!r}; names must be unique")
            _check_node(node, known)
            known[node.name] = node
        if not self.inputs or not self.outputs:
            raise InputError(f"graph: {len(self.inputs)} inputs and {len(self.outputs)} outputs; there must be at least one of each")
        for name in self.outputs:
            if not isinstance(known.get(name), Neurons):
                raise InputError(f"graph: output {name!r} is no population of neurons; choose among {', '.join(known)}")
        for node in self.nodes:
            if isinstance(node, Neurons) and node.softmax and (node.name not in self.outputs or self.consumers(node.name)):
                raise InputError(f"graph: {node.name}: softmax inside the network; events can carry it at an output alone")

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise InputError(f"graph: no population {name!r}; there are {', '.join(node.name for node in self.nodes)}")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The input populations."""
        return tuple(node for node in self.nodes if isinstance(node, Input))

    @property
    def neurons(self) -> int:
        """Neurons of all populations but the inputs."""
        return sum(prod(node.shape) for node in self.nodes if not isinstance(node, Input))

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        nodes = [node for node in self.nodes if isinstance(node, Neurons)]
        return sum(node.bias.size + sum(synapse.weight.size for synapse in node.synapses) for node in nodes)

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The populations that hear ``name``, in topological order."""
        return tuple(node for node in self.nodes if name in sources(node))

    def macs(self, *, borders: bool = False) -> dict[str, int]:
        """Multiply-accumulates of the dense network on one frame, by population.

        Parameters
        ----------
        borders
            Count the taps that lie in the zero padding, too.
        """
        return {
            node.name: sum(synapse_macs(synapse, self[synapse.source].shape, borders=borders) for synapse in node.synapses)
            for node in self.nodes
            if isinstance(node, Neurons)
        }

    def __str__(self) -> str:
        head = ("population", "what it is", "shape", "hears", "parameters", "MACs", "scale")
        macs = self.macs()
        rows = [head, *(_row(node, macs.get(node.name, 0), node.name in self.outputs) for node in self.nodes)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        right = (False, False, False, False, True, True, True)
        lines = ["  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right)).rstrip() for row in rows]
        total = f"{self.neurons:,} neurons, {self.parameters:,} parameters, {sum(macs.values()):,} MACs a frame inside the borders"
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], total])


def sources(node: Node) -> tuple[str, ...]:
    """The names of the populations that ``node`` hears."""
    if isinstance(node, Neurons):
        return tuple(dict.fromkeys(synapse.source for synapse in node.synapses))
    return (node.source,) if isinstance(node, MaxPool) else ()


def synapse_macs(synapse: Synapse, shape: Shape, *, borders: bool) -> int:
    """Multiply-accumulates of one synapse on one frame; relays cost nothing.

    Parameters
    ----------
    synapse
        The synapse.
    shape
        Of its source.
    borders
        Count the taps that lie in the zero padding, too.
    """
    shape = relayed(synapse.relays, shape)
    if borders and isinstance(synapse.op, Conv):
        return prod(synapse.op.output(shape)) * prod(synapse.op.window) * shape[2] // synapse.op.groups
    return int(fanout(synapse.op, shape).sum())


def _check_node(node: Node, known: dict[str, Node]) -> None:
    where = f"graph: {node.name}"
    if not node.name or not node.shape or not counts(node.shape) or prod(node.shape) >= 1 << 31:
        raise InputError(f"{where}: shape {node.shape}; every axis must be 1 or longer, in all below 2^31, and the name not empty")
    for source in sources(node):
        if source not in known:
            raise InputError(f"{where}: hears {source!r}, which does not stand before it; order the populations sources first")
    if isinstance(node, MaxPool):
        shape = _behind(where, node.relays, known[node.source].shape)
        _check_window(where, node.window, node.strides, node.padding)
        if any(border >= node.window[axis] for axis in (0, 1) for border in node.padding[axis]):
            raise InputError(f"{where}: padding {node.padding} around windows {node.window}; each window must reach inside")
        if len(shape) != 3 or not all(relay.factor == 1 for relay in node.relays):
            raise InputError(f"{where}: max pooling of shape {shape}; it takes (rows, columns, channels), not averaged before")
        made: Shape = (*(window_output(shape[i], node.window[i], node.strides[i], node.padding[i]) for i in (0, 1)), shape[2])
        _expect(where, "shape", node.shape, made)
    elif isinstance(node, Neurons):
        _check_neurons(where, node, known)


def _check_neurons(where: str, node: Neurons, known: dict[str, Node]) -> None:
    if node.activation.kind not in ACTIVATIONS:
        raise InputError(f"{where}: activation {node.activation.kind!r}; choose one of {', '.join(ACTIVATIONS)}")
    f = node.activation
    if not (_spreads(f.slope, node.shape) and _finite(f.start) and _finite(f.alpha) and _number(f.top) and f.top >= 0):
        allowed = f"its settings must be numbers, top 0 or above, slope one number or an array to spread over {node.shape}"
        raise InputError(f"{where}: {f}; {allowed}")
    if node.bias.shape not in ((node.shape[-1],), node.shape):
        raise InputError(f"{where}: bias of shape {node.bias.shape}; expected ({node.shape[-1]},) or {node.shape}")
    if not np.all(np.isfinite(node.bias)):
        raise InputError(f"{where}: bias holds NaN or infinity; the model that it came from is broken")
    for name, value in (("scale", node.scale), ("threshold", node.threshold)):
        if not (_finite(value) and value > 0):
            raise InputError(f"{where}: {name} is {value!r}; it must be a positive number")
    for number, synapse in enumerate(node.synapses):
        at = f"{where}: synapse {number} from {synapse.source}"
        shape = _behind(at, synapse.relays, known[synapse.source].shape)
        if isinstance(synapse.op, Conv):
            _check_window(at, synapse.op.window, synapse.op.strides, synapse.op.padding, synapse.op.dilation, synapse.op.groups)
        if isinstance(synapse.op, Conv) and (len(shape) != 3 or shape[2] % synapse.op.groups or synapse.op.filters % synapse.op.groups):
            raise InputError(f"{at}: a convolution in {synapse.op.groups} groups over {shape}; give (rows, columns, channels), divisible")
        _expect(at, "shape", node.shape, synapse.op.output(shape))
        mapped = isinstance(synapse.op, OneToOne) and synapse.weight.shape == node.shape
        if not mapped:
            _expect(at, "weight shape", synapse.weight.shape, synapse.op.weight_shape(shape))
        if not np.all(np.isfinite(synapse.weight)):
            raise InputError(f"{at}: weight holds NaN or infinity; the model that it came from is broken")
        scale = synapse.scale
        shapes = ((), (node.shape[-1],), *((node.shape,) if mapped else ()))
        if scale is not None and (scale.shape not in shapes or not np.all(np.isfinite(scale) & (scale > 0))):
            raise InputError(f"{at}: scale of shape {scale.shape}; it must be positive, one for all or ({node.shape[-1]},)")


def _behind(where: str, relays: tuple[Relay, ...], shape: Shape) -> Shape:
    try:
        return relayed(relays, shape)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _finite(value: object) -> bool:
    return _number(value) and isfinite(value)  # type: ignore[arg-type]


def _number(value: object) -> bool:
    return isinstance(value, (int, float, np.number))


def _spreads(slope: Any, shape: Shape) -> bool:
    try:
        # The shapes alone: a population may be larger than what fits in memory.
        return np.broadcast_shapes(np.shape(slope), shape) == shape and bool(np.isfinite(np.asarray(slope, np.float64)).all())
    except (TypeError, ValueError):
        return False


def _check_window(where: str, window: Shape, strides: Shape, padding: Padding, dilation: Shape = (1, 1), groups: int = 1) -> None:
    pairs = len(window) == len(strides) == len(dilation) == len(padding) == 2 and all(len(pair) == 2 for pair in padding)
    if not (pairs and counts((*window, *strides, *dilation, groups)) and all(counts(pair, 0) for pair in padding)):
        raise InputError(
            f"{where}: window {window}, strides {strides}, padding {padding}, dilation {dilation}, groups {groups}; "
            "each must be 1 or above, padding 0 or above, one for rows and one for columns"
        )


def _expect(where: str, what: str, found: Shape, expected: Shape) -> None:
    if tuple(found) != tuple(expected):
        raise InputError(f"{where}: {what} {tuple(found)}; expected {tuple(expected)}")


def _row(node: Node, macs: int, is_output: bool) -> tuple[str, ...]:
    shape = "x".join(map(str, node.shape))
    if isinstance(node, Input):
        return node.name, f"input, {node.encoder.kind}", shape, "", "", "", ""
    if isinstance(node, MaxPool):
        return node.name, f"max pooling {node.window[0]}x{node.window[1]}", shape, node.source, "", "", ""
    what = " + ".join(_describe(synapse.op) for synapse in node.synapses) or "constant"
    after = "softmax" if node.softmax else node.activation.kind
    what += ("" if after == "linear" else f", {after}") + (", output" if is_output else "")
    count = node.bias.size + sum(synapse.weight.size for synapse in node.synapses)
    return node.name, what, shape, ", ".join(sources(node)), f"{count:,}", f"{macs:,}", f"{node.scale:.4g}"


def _describe(op: Linear) -> str:
    if not isinstance(op, Conv):
        return {"Dense": "dense", "OneToOne": "skip"}[type(op).__name__]
    kind = "conv" if op.groups == 1 else "depthwise conv" if op.groups == op.filters else f"conv in {op.groups} groups"
    stride = "" if op.strides == (1, 1) else f" / {op.strides[0]}"
    return f"{kind} {op.window[0]}x{op.window[1]}{stride}"

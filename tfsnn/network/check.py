"""What must hold of a node before a graph takes it."""

from __future__ import annotations

from math import isfinite, prod
from typing import Any

import numpy as np

from tfsnn.errors import InputError
from tfsnn.network.nodes import MaxPool, Neurons, Node, sources
from tfsnn.network.ops import ACTIVATIONS, Conv, OneToOne, Padding, Relay, Shape, counts, relayed, window_output


def check_node(node: Node, known: dict[str, Node]) -> None:
    where = f"graph: {node.name}"
    if not node.name or not node.shape or not counts(node.shape) or prod(node.shape) >= 1 << 31:
        raise InputError(f"{where}: shape {node.shape}; every axis must be 1 or longer, in all below 2^31, and the name not empty")
    for source in sources(node):
        if source not in known:
            raise InputError(f"{where}: hears {source!r}, which does not stand before it; order the populations sources first")
    if isinstance(node, MaxPool):
        shape = behind(where, node.relays, known[node.source].shape)
        _check_window(where, node.window, node.strides, node.padding)
        if any(border >= node.window[axis] for axis in (0, 1) for border in node.padding[axis]):
            raise InputError(f"{where}: padding {node.padding} around windows {node.window}; each window must reach inside")
        if len(shape) != 3 or not all(relay.factor == 1 for relay in node.relays):
            raise InputError(f"{where}: max pooling of shape {shape}; it takes (rows, columns, channels), not averaged before")
        made: Shape = (*(window_output(shape[i], node.window[i], node.strides[i], node.padding[i]) for i in (0, 1)), shape[2])
        _expect(where, "shape", node.shape, made)
    elif isinstance(node, Neurons):
        check_neurons(where, node, known)


def check_neurons(where: str, node: Neurons, known: dict[str, Node]) -> None:
    if node.activation.kind not in ACTIVATIONS:
        raise InputError(f"{where}: activation {node.activation.kind!r}; choose one of {', '.join(ACTIVATIONS)}")
    f = node.activation
    if not (_spreads(f.slope, node.shape) and is_finite(f.start) and is_finite(f.alpha) and is_number(f.top) and f.top >= 0):
        allowed = f"its settings must be numbers, top 0 or above, slope one number or an array to spread over {node.shape}"
        raise InputError(f"{where}: {f}; {allowed}")
    if node.bias.shape not in ((node.shape[-1],), node.shape):
        raise InputError(f"{where}: bias of shape {node.bias.shape}; expected ({node.shape[-1]},) or {node.shape}")
    if not np.all(np.isfinite(node.bias)):
        raise InputError(f"{where}: bias holds NaN or infinity; the model that it came from is broken")
    for name, value in (("scale", node.scale), ("threshold", node.threshold)):
        if not (is_finite(value) and value > 0):
            raise InputError(f"{where}: {name} is {value!r}; it must be a positive number")
    for number, synapse in enumerate(node.synapses):
        at = f"{where}: synapse {number} from {synapse.source}"
        shape = behind(at, synapse.relays, known[synapse.source].shape)
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


def behind(where: str, relays: tuple[Relay, ...], shape: Shape) -> Shape:
    try:
        return relayed(relays, shape)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def is_finite(value: object) -> bool:
    return is_number(value) and isfinite(value)  # type: ignore[arg-type]


def is_number(value: object) -> bool:
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

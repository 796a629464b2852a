"""Weights to whole numbers: symmetric, rounded to nearest, a scale for each output channel or one for the tensor.

    w_int = round(w / s),  s = max |w| / (2^(bits - 1) - 1)      error at most s / 2

A skip connection has no kernel to quantize: each weight is the largest whole number or its negative, its gain the scale.
Nothing is lost, and the plan, which makes its grid fine enough for one step of a weight, resolves the gain as well. The mean error that
rounding leaves in x (seen on calibration data) can be taken out of the bias, channel by channel; it is where a scale for
the whole tensor, or few bits, would otherwise collapse (Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import InputError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons, Node, Synapse
from tfsnn.network.ops import OneToOne

BITS = (2, 16)
BLOCK = 1 << 16
"""So many weights are rounded at a time."""


def quantize(
    graph: Graph,
    *,
    bits: int = 8,
    layer_bits: Mapping[str, int] | None = None,
    per_tensor: bool = False,
    means: Mapping[str, NDArray[Any]] | None = None,
) -> Graph:
    """The graph with quantized weights.

    Parameters
    ----------
    graph
        In float.
    bits
        2 to 16; stored in int8 up to 8 bits, in int16 above.
    layer_bits
        The same by layer, where it differs; a layer that became several populations gives it to all of them.
    per_tensor
        One scale for all output channels.
    means
        Mean of what each population sends, (neurons) by name: corrects biases for the mean error of rounding.

    Raises
    ------
    InputError
        For any other number of bits, and for a layer that the network does not have.
    """
    check_bits(bits, layer_bits)
    own = layer_bits or {}
    names = [node.name for node in graph.nodes if isinstance(node, Neurons)]
    layers = {name: name if name in own else name.rpartition("~")[0] for name in names}
    for name in sorted(set(own) - set(layers) - set(layers.values())):
        raise InputError(f"weight bits for layer {name!r}; the layers with weights are {', '.join(layers)}")
    nodes = tuple(_quantized(graph, node, own.get(layers.get(node.name, ""), bits), per_tensor, means or {}) for node in graph.nodes)
    return Graph(nodes, graph.outputs)


def bits_of(graph: Graph) -> dict[str, int]:
    """How many bits the largest weights of each population take, those of skips left aside."""
    found = {}
    for node in graph.nodes:
        weights = [s.weight for s in node.synapses if not isinstance(s.op, OneToOne)] if isinstance(node, Neurons) else []
        if weights:
            found[node.name] = max(int(np.abs(weight.astype(np.int32)).max(initial=0)).bit_length() for weight in weights) + 1
    return found


def check_bits(bits: int, layer_bits: Mapping[str, int] | None = None) -> None:
    """InputError for any number of bits that weights cannot have."""
    for name, value in {"": bits, **(layer_bits or {})}.items():
        if isinstance(value, bool) or not isinstance(value, int) or not BITS[0] <= value <= BITS[1]:
            where = f" of layer {name!r}" if name else ""
            raise InputError(f"weight bits{where} {value!r}; choose a whole number from {BITS[0]} to {BITS[1]}")


def _quantized(graph: Graph, node: Node, bits: int, per_tensor: bool, means: Mapping[str, NDArray[Any]]) -> Node:
    if not isinstance(node, Neurons):
        return node
    synapses = tuple(quantized_synapse(synapse, bits, per_tensor) for synapse in node.synapses)
    error = np.zeros(node.shape)
    for before, after in zip(node.synapses, synapses):
        # The scale of a skip holds its weight but for a float's last digit, and a bias of that size would make no zero exact any more.
        if before.source in means and not isinstance(before.op, OneToOne):
            mean, shape = means[before.source].reshape(1, -1).astype(np.float64), graph[before.source].shape
            error += (before.drive(mean, shape) - after.drive(mean, shape)).reshape(node.shape)
    bias = node.bias + error.reshape(-1, node.shape[-1]).mean(axis=0)
    return replace(node, synapses=synapses, bias=bias.astype(np.float32))


def quantized_synapse(synapse: Synapse, bits: int, per_tensor: bool) -> Synapse:
    """One synapse with quantized weights.

    Parameters
    ----------
    synapse
        In float.
    bits, per_tensor
        As in :func:`quantize`.
    """
    weight = np.asarray(synapse.weight)
    dtype = np.int8 if bits <= 8 else np.int16
    if isinstance(synapse.op, OneToOne):
        size, limit = np.abs(weight, dtype=np.float64), int(np.iinfo(dtype).max)
        spare = size[size > 0].min(initial=1.0)
        scale = (np.where(size > 0, size, spare) / limit).astype(np.float32)
        return replace(synapse, weight=(np.sign(weight) * limit).astype(dtype), scale=scale)
    limit = (1 << (bits - 1)) - 1
    axes = None if per_tensor else tuple(range(weight.ndim - 1))
    largest = np.maximum(weight.max(axis=axes), -weight.min(axis=axes)).astype(np.float64)
    # A channel of zeros has no scale of its own; the finest other one leaves the plan's grid as it is.
    spare = largest[largest > 0].min() if np.any(largest > 0) else 1.0
    steps = np.asarray(np.where(largest > 0, largest, spare) / limit, np.float32)
    return replace(synapse, weight=_rounded(weight, steps, limit, dtype), scale=steps)


def _rounded(weight: NDArray[Any], steps: NDArray[np.float32], limit: int, dtype: type[np.signedinteger[Any]]) -> NDArray[Any]:
    """The nearest whole numbers of steps, in double precision; block by block, for a layer may be most of the network."""
    result = np.empty(weight.shape, dtype)
    rows, whole_rows = weight.reshape(-1, weight.shape[-1]), result.reshape(-1, weight.shape[-1])
    count = max(1, BLOCK // rows.shape[1])
    for first in range(0, len(rows), count):
        part = rows[first : first + count].astype(np.float64)
        whole_rows[first : first + count] = np.clip(np.rint(part / steps), -limit, limit)
    return result

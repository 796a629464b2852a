"""The dense forward pass in NumPy: what a network computes when every neuron is evaluated on every frame.

The reference that the event-driven network is held to, the source of a plan's state at rest, and the ANN of every
baseline. On integers below 2^53 float64 makes it exact. It needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Neurons, Node, Synapse, sources
from tfsnn.network.ops import Conv, Dense, Indices, Linear, Shape, factor, relayed, route, window_sources


def gathered(x: Array, index: Indices) -> Array:
    """Sum of x over the terms of each row of an index map; -1 stands for nothing.

    Parameters
    ----------
    x
        (samples, inputs)
    index
        int64 (outputs, terms)

    Returns
    -------
    (samples, outputs)
    """
    if index.shape[1] == 1 and (index >= 0).all():
        return x[:, index[:, 0]]
    padded = np.concatenate([x, np.zeros((len(x), 1), x.dtype)], axis=1)
    total = padded[:, index[:, 0]]
    for term in range(1, index.shape[1]):
        total += padded[:, index[:, term]]
    return total


def linear(op: Linear, weight: Array, x: Array, shape: Shape) -> Array:
    """W x for one linear operation; ``op`` holds the equation.

    Parameters
    ----------
    op, weight
        The operation and its weight.
    x
        (samples, inputs)
    shape
        The input's shape.

    Returns
    -------
    (samples, outputs)
    """
    if isinstance(op, Dense):
        return x @ weight
    if isinstance(op, Conv):
        return _convolution(op, weight, x, shape)
    return (x.reshape(len(x), *shape) * weight).reshape(x.shape)


def _convolution(op: Conv, weight: Array, x: Array, shape: Shape) -> Array:
    pixels = window_sources(shape, op.window, op.strides, op.padding, op.dilation)
    padded = np.concatenate([x.reshape(len(x), -1, shape[2]), np.zeros((len(x), 1, shape[2]), x.dtype)], axis=1)
    if op.groups == shape[2] > 1:
        return _depthwise(op, weight, padded, pixels)
    outputs = []
    inner, outer = shape[2] // op.groups, op.filters // op.groups
    for group in range(op.groups):
        patches = padded[:, :, group * inner : (group + 1) * inner][:, pixels].reshape(len(x) * len(pixels), -1)
        kernel = weight[..., group * outer : (group + 1) * outer].reshape(-1, outer)
        outputs.append((patches @ kernel).reshape(len(x), len(pixels), outer))
    return np.concatenate(outputs, axis=2).reshape(len(x), -1)


def _depthwise(op: Conv, weight: Array, padded: Array, pixels: Indices) -> Array:
    channels = padded.shape[2]
    kernel = weight.reshape(-1, channels, op.filters // channels)
    total = np.zeros((len(padded), len(pixels), channels, op.filters // channels), np.result_type(weight, padded))
    for tap in range(pixels.shape[1]):
        total += padded[:, pixels[:, tap], :, None] * kernel[tap]
    return total.reshape(len(padded), -1)


def pooled_max(node: MaxPool, x: Array, shape: Shape) -> Array:
    """Maximum over each window; the border never wins.

    Parameters
    ----------
    node
        The max-pooling population.
    x
        (samples, inputs)
    shape
        The input's shape.
    """
    pixels = window_sources(shape, node.window, node.strides, node.padding)
    image = x.reshape(len(x), -1, shape[2])
    padded = np.concatenate([image, np.full((len(x), 1, shape[2]), -np.inf, x.dtype)], axis=1)
    highest = padded[:, pixels[:, 0]]
    for tap in range(1, pixels.shape[1]):
        highest = np.maximum(highest, padded[:, pixels[:, tap]])
    return highest.reshape(len(x), -1)


def real_weight(synapse: Synapse, dtype: type[np.floating[Any]] = np.float64) -> Array:
    """The weight in real units: int8 values times their scale, or the float weight as it is, not copied if it is of ``dtype``."""
    if synapse.scale is None:
        return np.asarray(synapse.weight, dtype)
    weight = synapse.weight.astype(dtype)
    # In place: a layer may be most of a network, and this copy of it is larger than what is stored.
    weight *= np.asarray(synapse.scale, dtype)
    return weight


def forward(graph: Graph, frames: dict[str, Array], *, sent: Callable[[Node, Array], Array] | None = None,
            dtype: type[np.floating[Any]] = np.float64) -> dict[str, Array]:
    """State x of every population (the maximum, for max pooling), all evaluated.

    Parameters
    ----------
    graph
        The network, in float or quantized weights.
    frames
        (samples, inputs) by the name of the input.
    sent
        What a population tells the others, from its node and f(x); default f(x) itself.
    dtype
        float64, or float32 at half the cost.

    Returns
    -------
    dict
        (samples, neurons) by the name of the population.
    """
    return {node.name: x for node, x, _ in evaluated(graph, frames, sent=sent, dtype=dtype)}


def evaluated(graph: Graph, frames: dict[str, Array], *, sent: Callable[[Node, Array], Array] | None = None,
              dtype: type[np.floating[Any]] = np.float64) -> Iterator[tuple[Node, Array, Array]]:
    """Population by population: its node, its x and what it tells; parameters as of :func:`forward`.

    What a population has told is forgotten once the last one that hears it has heard it, so that a network takes the room of
    its widest place, not that of all its neurons.
    """
    told: dict[str, Array] = {}
    last = {source: node.name for node in graph.nodes for source in sources(node)}
    for node in graph.nodes:
        if isinstance(node, Neurons):
            x = np.broadcast_to(flat_bias(node), (len(next(iter(frames.values()))), prod(node.shape))).astype(dtype)
            for synapse in node.synapses:
                x += drive(synapse, told[synapse.source], graph[synapse.source].shape, dtype)
            value = node.activation(x.reshape(-1, *node.shape)).reshape(x.shape).astype(dtype)
        elif isinstance(node, MaxPool):
            shape = graph[node.source].shape
            value = x = pooled_max(node, gathered(told[node.source], route(node.relays, shape)), relayed(node.relays, shape))
        else:
            value = x = np.asarray(frames[node.name], dtype).reshape(len(frames[node.name]), -1)
        told[node.name] = value if sent is None else sent(node, value)
        yield node, x, told[node.name]
        for name in {node.name, *sources(node)}:
            if last.get(name, node.name) == node.name:
                del told[name]


def flat_bias(node: Neurons) -> NDArray[np.float64]:
    """float64 (neurons): a bias a channel is the same at each position, a bias map is as it is."""
    return np.broadcast_to(np.asarray(node.bias, np.float64), node.shape).reshape(-1)


def drive(synapse: Synapse, told: Array, shape: Shape, dtype: type[np.floating[Any]] = np.float64) -> Array:
    """What one synapse adds to its target's x.

    Parameters
    ----------
    synapse
        The synapse.
    told
        (samples, source neurons): f(x) of the source, or what it has told.
    shape
        The source's shape.
    dtype
        Of the result.
    """
    weight, share = real_weight(synapse, dtype), factor(synapse.relays)
    weight = weight if share == 1 else weight * dtype(share)
    return linear(synapse.op, weight, gathered(told, route(synapse.relays, shape)), relayed(synapse.relays, shape))

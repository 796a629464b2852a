"""Channels of one population are brought to one footing before weights become whole numbers.

A batch norm behind an activation folds into the next layer, one factor for each of its *input* channels, while weights have
a scale for each *output* channel: a channel of small factor is rounded with the step of the largest. Where f(c x) = c f(x)
for c > 0, a channel may as well be c times as large, its incoming weights and bias c times, its outgoing weights 1 / c
times what they were; the network computes the same. For one input channel k, output o, weights w and power P = mean f(x)^2
the expected error of rounding, relative to the power N of the output, is

    J(c) = sum_o (max_k |w_ko| / c_k)^2 sum_k P_k c_k^2 / N_o

which is least for c_k = |w_ko| if there is one output. With several, c_k = max_o |w_ko| / sqrt(N_o) comes within
a hundredth of the least J on networks with batch norm, and is taken where J falls by a seventh or more.

Thresholds: a population has one for all channels, relative to a percentile over all of them. Channels on one footing are those
whose change by one threshold changes the next layer alike, so the threshold serves all of them better than it did before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array
from tfsnn.network.forward import evaluated
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Neurons, Node, Synapse
from tfsnn.network.ops import Conv, Dense, OneToOne, Relay, Shape, relayed, route

GAIN = 0.85
"""Equalize where the expected squared error falls to less than this share."""
LEAST = 1e-6
"""Of the largest factor: what a channel without consumers gets."""


@dataclass(frozen=True, eq=False)
class Reach:
    """What a synapse makes of each channel of its source.

    Parameters
    ----------
    largest
        (channels, outputs): largest abs(weight); 0 where nothing connects them.
    taps, squares
        (channels, outputs): number and sum of squares of the weights.
    """

    largest: Array
    taps: Array
    squares: Array


def channel_powers(graph: Graph, frames: Mapping[str, NDArray[np.float32]], *, centred: bool) -> dict[str, Array]:
    """Mean of f(x)^2 over samples and positions, (channels) by population.

    Parameters
    ----------
    graph
        In float.
    frames
        (samples, \\*shape) by the name of the input.
    centred
        Take the channel's mean from f(x) first: where biases take up the mean error of rounding, it costs nothing.
    """
    found: dict[str, Array] = {}
    for node, _, value in evaluated(graph, dict(frames), dtype=np.float64):
        rows = value.reshape(-1, node.shape[-1])
        power = rows.var(axis=0) if centred else np.square(rows).mean(axis=0)
        found[node.name] = np.asarray(power)
    return found


def equalized(graph: Graph, powers: Mapping[str, Array]) -> tuple[Graph, dict[str, NDArray[np.float32]]]:
    """The graph with its channels on one footing where that helps, and their factors, (channels) by population.

    Parameters
    ----------
    graph
        In float.
    powers
        Of its populations, as :func:`channel_powers` gives them.
    """
    factors: dict[str, NDArray[np.float32]] = {}
    for group in groups(graph):
        found = _factors(graph, group, powers)
        if found is not None:
            factors |= dict.fromkeys(group, found)
    if not factors:
        return graph, factors
    return Graph(tuple(_moved(graph, node, factors) for node in graph.nodes), graph.outputs), factors


def groups(graph: Graph) -> list[tuple[str, ...]]:
    """Populations whose channels may be scaled, those together that skips and max pooling tie to one another.

    A population may be scaled if f is positively homogeneous and each consumer sees its channels apart.
    """
    tied = {node.name: node.name for node in graph.nodes}

    def root(name: str) -> str:
        while tied[name] != name:
            name = tied[name]
        return name

    fixed = {node.name for node in graph.nodes if not (isinstance(node, MaxPool) or _homogeneous(node, graph.outputs))}
    for node in graph.nodes:
        for source, relays in _passed_on(node):
            tied[root(node.name)] = root(source)
            channels = channels_behind(relays, graph[source].shape)
            if mixes(relays, graph[source].shape) or channels.shape[-1] != graph[source].shape[-1] or not _in_order(channels):
                fixed |= {source, node.name}
        for synapse in node.synapses:
            if isinstance(synapse.op, Conv) and not _apart(synapse, graph[synapse.source].shape):
                fixed.add(synapse.source)
            if mixes(synapse.relays, graph[synapse.source].shape):
                fixed.add(synapse.source)
    members: dict[str, list[str]] = {}
    for node in graph.nodes:
        members.setdefault(root(node.name), []).append(node.name)
    return [tuple(group) for group in members.values() if not fixed.intersection(group)]


def _homogeneous(node: Node, outputs: tuple[str, ...]) -> bool:
    """Whether f(c x) = c f(x) for c > 0, in a population that is no result."""
    if not isinstance(node, Neurons) or node.name in outputs:
        return False
    f = node.activation
    return f.kind == "linear" or (f.kind == "relu" and f.start == 0 and f.top == float("inf"))


def _passed_on(node: Node) -> Iterator[tuple[str, tuple[Relay, ...]]]:
    """The sources whose channels a population passes on one by one."""
    if isinstance(node, MaxPool):
        yield node.source, node.relays
    else:
        yield from ((synapse.source, synapse.relays) for synapse in node.synapses if isinstance(synapse.op, OneToOne))


def channels_behind(relays: tuple[Relay, ...], shape: Shape) -> Array:
    """The channel of the source behind each place, of the relayed shape, -1 for none; the last if a window mixes channels."""
    return np.asarray(_labels(relays, shape).max(axis=1).reshape(relayed(relays, shape)))


def mixes(relays: tuple[Relay, ...], shape: Shape) -> bool:
    """Whether a window averages several channels."""
    labels = _labels(relays, shape)
    return bool(np.any((labels != labels.max(axis=1)[:, None]) & (labels >= 0)))


def _labels(relays: tuple[Relay, ...], shape: Shape) -> Array:
    index = route(relays, shape)
    return np.asarray(np.where(index < 0, -1, index % shape[-1]))


def _in_order(channels: Array) -> bool:
    """Whether each channel stands where it stood in the source."""
    return bool(np.all((channels == np.arange(channels.shape[-1])) | (channels < 0)))


def _apart(synapse: Synapse, shape: Shape) -> bool:
    """Whether each input channel of a convolution is one channel of the source."""
    channels = channels_behind(synapse.relays, shape)
    flat = channels.reshape(-1, channels.shape[-1])
    return bool(np.all((flat == flat.max(axis=0)) | (flat < 0)))


def _factors(graph: Graph, group: tuple[str, ...], powers: Mapping[str, Array]) -> NDArray[np.float32] | None:
    """A factor for each channel, None where it would not help."""
    size = graph[group[0]].shape[-1]
    found: list[tuple[Reach, Array]] = []
    for node in graph.nodes:
        for synapse in node.synapses:
            if synapse.source in group and not isinstance(synapse.op, OneToOne):
                found.append((reach(synapse, graph[synapse.source].shape), powers[synapse.source][:, None]))
    wanted = np.zeros(size)
    for item, power in found:
        wanted = np.maximum(wanted, (item.largest / _norm(item, power)).max(axis=1))
    if not wanted.any():
        return None
    wanted = np.maximum(wanted, LEAST * wanted.max())
    if not _error(found, wanted) < GAIN * _error(found, np.ones(size)):
        return None
    mean = np.mean([powers[name] for name in group], axis=0)
    total = float((mean * wanted**2).sum())
    # The population as a whole keeps its power, so that an absolute threshold keeps its meaning.
    factors = wanted * np.sqrt(mean.sum() / total) if total > 0 else wanted
    return factors.astype(np.float32) if np.isfinite(factors).all() and factors.min() > 0 else None


def _norm(item: Reach, power: Array) -> Array:
    """Square root of the power of each output, (outputs); 1 for an output that nothing drives."""
    norm = np.sqrt((power * item.squares).sum(axis=0))
    return np.asarray(np.where(norm > 0, norm, 1.0))


def _error(found: Sequence[tuple[Reach, Array]], factors: Array) -> float:
    """J of the module's equation."""
    total = 0.0
    for item, power in found:
        steps = (item.largest / factors[:, None]).max(axis=0) / _norm(item, power)
        total += float((steps**2 * (power * factors[:, None] ** 2 * item.taps).sum(axis=0)).sum())
    return total


def reach(synapse: Synapse, shape: Shape) -> Reach:
    """What a synapse with a kernel makes of each channel of its source, whose shape is given."""
    channels = channels_behind(synapse.relays, shape)
    size, weight = shape[-1], synapse.weight
    result = Reach(*(np.zeros((size, weight.shape[-1])) for _ in range(3)))
    if not isinstance(synapse.op, Conv):
        flat = channels.reshape(-1)
        for channel in range(size):
            _add(result, channel, slice(None), weight[flat == channel])
        return result
    inputs = channels.reshape(-1, channels.shape[-1]).max(axis=0)
    inner, outer = weight.shape[2], weight.shape[3] // synapse.op.groups
    for number, channel in enumerate(inputs):
        group = slice(number // inner * outer, (number // inner + 1) * outer)
        _add(result, channel, group, weight[:, :, number % inner, group].reshape(-1, outer))
    return result


def _add(result: Reach, channel: int, outputs: slice, weight: NDArray[Any]) -> None:
    """Take in weights (taps, outputs) of one channel."""
    if channel < 0 or not len(weight):
        return
    result.largest[channel, outputs] = np.maximum(result.largest[channel, outputs], np.abs(weight).max(axis=0))
    result.taps[channel, outputs] += len(weight)
    result.squares[channel, outputs] += np.square(weight, dtype=np.float64).sum(axis=0)


def _moved(graph: Graph, node: Node, factors: Mapping[str, NDArray[np.float32]]) -> Node:
    """A population with the factors of its own channels, and the inverse ones of its sources."""
    if not isinstance(node, Neurons) or not {node.name, *node.sources} & set(factors):
        return node
    own = factors.get(node.name, np.ones(node.shape[-1], np.float32))
    synapses = tuple(_rescaled(synapse, graph[synapse.source].shape, own, factors.get(synapse.source)) for synapse in node.synapses)
    return replace(node, synapses=synapses, bias=(node.bias * own).astype(np.float32))


def _rescaled(synapse: Synapse, shape: Shape, own: Array, inverse: Array | None) -> Synapse:
    weight = synapse.weight * own
    if inverse is not None:
        channels = channels_behind(synapse.relays, shape)
        # What nobody sends needs no factor.
        share = np.where(channels < 0, 1.0, 1 / inverse.astype(np.float64)[channels])
        if isinstance(synapse.op, Dense):
            weight = weight * share.reshape(-1, 1)
        elif isinstance(synapse.op, Conv):
            inputs = np.where(channels < 0, np.inf, share).reshape(-1, channels.shape[-1]).min(axis=0)
            inner, outer = weight.shape[2], weight.shape[3] // synapse.op.groups
            weight = weight * np.repeat(np.nan_to_num(inputs, posinf=1.0).reshape(-1, inner).T, outer, axis=1)
        else:
            # Skips run within a group: what its target gains, its source has gained.
            weight = weight * (share if weight.ndim > 1 else 1 / inverse)
    return replace(synapse, weight=weight.astype(np.float32))

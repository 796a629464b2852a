"""What the spiking baselines share: a network of spiking neurons in clock steps, each spike counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from tfsnn.aliases import Array, Floats, Integers
from tfsnn.errors import InputError
from tfsnn.network.arithmetic import gather_sum
from tfsnn.network.fanout import fanout, per_source
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons
from tfsnn.network.ops import relayed, route, window_sources

LARGEST, NEURONS = 250, 5_000_000
"""Frames of a batch at most, and neurons of all of them."""
Values = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Coded:
    """What a network of spiking neurons gives on all frames.

    Parameters
    ----------
    outputs
        float64 (frames, outputs): f of the mean input of the output neurons, which do not fire; softmax not applied.
    spikes
        int64 (frames): spikes of all neurons.
    operations
        int64 (frames): synaptic operations, that is target neurons reached by those spikes.
    input_macs
        Multiply-accumulates a frame of the analog input current, which is constant and so computed once.
    """

    outputs: Floats
    spikes: Integers
    operations: Integers
    input_macs: int


def joined(parts: list[Coded]) -> Coded:
    """Batches of frames as one."""
    outputs, spikes, operations = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("outputs", "spikes", "operations")
    )
    return Coded(outputs, spikes, operations, parts[0].input_macs)


class SpikingNetwork:
    """A converted network whose neurons fire at most once a clock step, in float32.

    Weights and biases are those of the graph. Normalizing them by the 99.9th percentile of the activations (Rueckauer et
    al. 2017: W / lambda_target x lambda_source, b / lambda_target, threshold 1) is the same as giving each population
    its calibrated scale lambda as its threshold, and each of its spikes the value lambda; so nothing is rescaled here.

    Parameters
    ----------
    graph
        A network whose hidden populations are ReLU, or sums that cannot be negative.
    coding
        The name of the coding, for messages.

    Raises
    ------
    InputError
        If a hidden population can be negative, or an output sends to others.
    """

    def __init__(self, graph: Graph, coding: str) -> None:
        self.graph = graph
        self.analog = _analog(graph)
        _check(graph, coding)
        self.spiking = [node for node in graph.nodes if node.name not in self.analog]
        self.fan_outs = {node.name: self._fan_out(node.name, prod(node.shape)) for node in graph.nodes}
        self.windows = {node.name: self._windows(node) for node in graph.nodes if isinstance(node, MaxPool)}

    @property
    def input_macs(self) -> int:
        """Multiply-accumulates a frame of the analog input."""
        return int(sum(self.fan_outs[name].sum() for name in self.analog))

    def batches(self, frames: Mapping[str, Array]) -> Iterator[Values]:
        """Frames by input, few enough at a time to fit memory."""
        samples = len(next(iter(frames.values())))
        size = max(1, min(LARGEST, NEURONS // max(1, self.graph.neurons)))
        for first in range(0, samples, size):
            yield {name: values[first : first + size] for name, values in frames.items()}

    def constants(self, frames: Values) -> Values:
        """What bias and analog input add in a unit of time, b + W a: float32 (frames, neurons) by population."""
        values: Values = {}
        for name in self.analog:
            values[name] = self.graph[name].evaluate(values, self.graph, frames, np.float32)[1]
        return {node.name: self._constant(node, values) for node in self.spiking if isinstance(node, Neurons)}

    def _constant(self, node: Neurons, values: Values) -> Array:
        samples = len(next(iter(values.values())))
        total = np.tile(node.flat_bias.astype(np.float32), (samples, 1))
        for synapse in node.synapses:
            if synapse.source in values:
                total += synapse.drive(values[synapse.source], self.graph[synapse.source].shape, np.float32)
        return total

    def run(self, frames: Mapping[str, Array], one: Callable[[Values], Coded], progress: Callable[[int], object] | None) -> Coded:
        """Run all frames, batch by batch.

        Parameters
        ----------
        frames
            (frames, \\*shape) by input.
        one
            Runs a batch.
        progress
            Called with the number of frames done, after each batch.
        """
        parts = []
        for batch in self.batches(frames):
            parts.append(one(batch))
            if progress is not None:
                progress(len(parts[-1].outputs))
        return joined(parts)

    def current(self, node: Neurons, sent: Values) -> Array | None:
        """What the spikes of other populations add: W s, float32 (frames, neurons); None where none has come."""
        total = None
        for synapse in node.synapses:
            value = sent.get(synapse.source)
            if value is not None and value.any():
                part = synapse.drive(value, self.graph[synapse.source].shape, np.float32)
                total = part if total is None else total + part
        return total

    def under_taps(self, node: MaxPool, values: Array) -> Array:
        """(frames, neurons, taps): what lies under each tap of the windows, 0 in the border."""
        shape = self.graph[node.source].shape
        places = gather_sum(values, route(node.relays, shape))
        padded = np.concatenate([places, np.zeros((len(places), 1), places.dtype)], axis=1)
        return padded[:, self.windows[node.name]]

    def outputs(self, mean_inputs: Values) -> Floats:
        """f(x) of the outputs one behind the other, float64 (frames, outputs), from the x that they receive on average."""
        parts = []
        for name in self.graph.outputs:
            node, x = self.graph[name], mean_inputs[name].astype(np.float64)
            parts.append(node.activation(x.reshape(-1, *node.shape)).reshape(x.shape))
        return np.concatenate(parts, axis=1)

    def counted(self, spikes: Mapping[str, Integers], mean_inputs: Values) -> Coded:
        """The result of a batch from how often each neuron has fired, (frames, neurons) by population."""
        outputs = self.outputs(mean_inputs)
        sent, operations = np.zeros((2, len(outputs)), np.int64)
        for name, count in spikes.items():
            sent += count.sum(axis=1, dtype=np.int64)
            operations += count.astype(np.int64) @ self.fan_outs[name]
        return Coded(outputs, sent, operations, self.input_macs)

    def silent(self, samples: int, dtype: type) -> dict[str, Array]:
        """Zeros for each neuron that may fire, (samples, neurons) by population."""
        outputs = self.graph.outputs
        return {node.name: np.zeros((samples, prod(node.shape)), dtype) for node in self.spiking if node.name not in outputs}

    def _windows(self, node: MaxPool) -> Integers:
        shape = relayed(node.relays, self.graph[node.source].shape)
        pixels = window_sources(shape, node.window, node.strides, node.padding)
        channels = np.arange(shape[2])[None, :, None]
        found: Integers = np.where(pixels[:, None, :] < 0, -1, pixels[:, None, :] * shape[2] + channels)
        return found.reshape(-1, pixels.shape[1])

    def _fan_out(self, name: str, size: int) -> Integers:
        total = np.zeros(size, np.int64)
        shape = self.graph[name].shape
        for node in self.graph.nodes:
            for synapse in node.synapses:
                if synapse.source == name:
                    reached = fanout(synapse.op, relayed(synapse.relays, shape))
                    total += per_source(route(synapse.relays, shape), size, reached)
        return total


def _analog(graph: Graph) -> list[str]:
    """Inputs, and max pooling of them: what has a value and no spikes."""
    found: list[str] = []
    for node in graph.nodes:
        if isinstance(node, Input) or (isinstance(node, MaxPool) and node.source in found):
            found.append(node.name)
    return found


def _check(graph: Graph, coding: str) -> None:
    positive: set[str] = set()
    for node in graph.nodes:
        if isinstance(node, Neurons) and node.name in graph.outputs:
            if graph.consumers(node.name):
                raise InputError(f"baseline {coding}: output {node.name} sends to others; the baseline reads outputs that do not fire")
        elif isinstance(node, Neurons) and not _rectified(node) and not _sums_up(node, positive):
            raise InputError(
                f"baseline {coding}: {node.name} has the activation {node.activation.name!r}; a spike carries no "
                "negative value: the baseline takes networks whose hidden layers are all ReLU"
            )
        if isinstance(node, Neurons) or (isinstance(node, MaxPool) and node.source in positive):
            positive.add(node.name)


def _rectified(node: Neurons) -> bool:
    f = node.activation
    return f.kind == "relu" and f.start == 0 and not np.any(np.asarray(f.slope) != 0)


def _sums_up(node: Neurons, positive: set[str]) -> bool:
    """Whether x = f(x) of numbers of which none is negative, such as an average pooling of a ReLU."""
    whole = node.activation.kind == "linear" and set(node.sources) <= positive and np.all(node.bias >= 0)
    return bool(whole and all(np.all(synapse.weight >= 0) for synapse in node.synapses))

"""What the spiking baselines share: a network of spiking neurons in clock steps, each spike counted."""

from __future__ import annotations

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

BATCH = 250


@dataclass(frozen=True, eq=False)
class Coded:
    """What a network of spiking neurons gives on all frames.

    Parameters
    ----------
    outputs
        float64 (frames, outputs): the membrane potentials of the output neurons, which do not fire, per unit of time.
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
        A network with one input whose hidden populations are ReLU.
    coding
        The name of the coding, for messages.
    """

    def __init__(self, graph: Graph, coding: str) -> None:
        self.graph = graph
        for node in graph.nodes:
            if isinstance(node, Neurons) and node.name not in graph.outputs and node.activation.kind != "relu":
                raise InputError(
                    f"baseline {coding}: {node.name} has the activation {node.activation.kind!r}; a firing rate carries no "
                    "negative value: the baseline takes networks whose hidden layers are all ReLU"
                )
        self.fan_outs = {node.name: self._fan_out(node.name, prod(node.shape)) for node in graph.nodes}
        self.windows = {node.name: self._windows(node) for node in graph.nodes if isinstance(node, MaxPool)}

    @property
    def input_macs(self) -> int:
        """Multiply-accumulates a frame of the analog input."""
        return int(sum(self.fan_outs[node.name].sum() for node in self.graph.inputs))

    def constant(self, node: Neurons, frames: Array) -> Array:
        """What bias and analog input add in a unit of time: b + W a, float32 (frames, neurons)."""
        total = np.tile(node.flat_bias.astype(np.float32), (len(frames), 1))
        for synapse in node.synapses:
            source = self.graph[synapse.source]
            if isinstance(source, Input):
                total += synapse.drive(frames, source.shape, np.float32)
        return total

    def current(self, node: Neurons, sent: dict[str, Array]) -> Array | None:
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
            for synapse in node.synapses if isinstance(node, Neurons) else ():
                if synapse.source == name:
                    reached = fanout(synapse.op, relayed(synapse.relays, shape))
                    total += per_source(route(synapse.relays, shape), size, reached)
        return total
